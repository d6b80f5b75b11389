"""``--tune-threshold``: one number, chosen on the dev set, that training and prediction use."""

from __future__ import annotations

import json

import pytest

PEOPLE = ["我的朋友", "两个同学", "他的老师", "那位医生", "我妈妈", "她的同事"]
LABELS = {"买了新的衣服": "normal", "在家里做饭": "normal", "把书还给图书馆": "hateful"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Eighteen sentences of each split, a third of them hateful."""
    folder = tmp_path_factory.mktemp("corpus")
    for split, time in (("train", "今早"), ("dev", "昨晚"), ("test", "明天")):
        lines = ["text\tlabel"]
        lines += [f"{who}{time}{act}。\t{label}" for who in PEOPLE for act, label in LABELS.items()]
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def trained(run_main, corpus, tiny_encoder, tmp_path):
    """The folder of a run that had no time to learn, so that half is a bad threshold."""
    folder = tmp_path / "tuned"
    result = run_main(
        *("train", "asrm", "--data", corpus, "--backbone", tiny_encoder(), "--epochs", 1),
        *("--batch-size", 9, "--lr", 1e-5, "--tune-threshold", "--out", folder),
        *("--precision", "fp32", "--device", "cpu"),
    )
    assert result.code == 0, result.err
    return folder


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_threshold_of_the_dev_set_decides_everywhere(trained, run_main, corpus, tmp_path):
    threshold = read(trained / "model" / "config.json")["threshold"]
    report = read(trained / "report.json")
    assert report["metrics"]["threshold"] == threshold
    rows = [json.loads(line) for line in (trained / "predictions.jsonl").read_text().splitlines()]
    chosen = [row["label"] for row in rows]
    likeliest = [max(row["probabilities"], key=row["probabilities"].get) for row in rows]
    assert chosen != likeliest, "here the threshold must matter"
    for row in rows:
        assert (row["label"] == "hateful") == (row["probabilities"]["hateful"] >= threshold)
    exact = ("--precision", "fp32", "--device", "cpu")
    again = run_main("eval", trained, *exact, "--output", "again.json")
    assert again.code == 0, again.err
    assert read(tmp_path / "again.json")["metrics"] == pytest.approx(report["metrics"])
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(row["text"] for row in rows) + "\n", encoding="utf-8")
    answers = run_main(
        *("predict", "hate", "--checkpoint", trained, "--input", texts, "--format", "jsonl"),
        *exact,
    )
    assert answers.code == 0, answers.err
    assert [json.loads(line)["label"] for line in answers.out.splitlines()] == chosen
