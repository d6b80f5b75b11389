"""``nlpcl eval`` by module, explanations and identity terms."""

from __future__ import annotations

import json

import pytest

PEOPLE = ["我的朋友", "两个同学", "他的老师", "那位医生"]
LABELS = {"买了新的衣服": "normal", "在家里做饭": "normal", "把书还给图书馆": "hateful"}


@pytest.fixture(scope="module")
def classifier(tmp_path_factory, tiny_encoder):
    """A finished run of a classifier whose test rows have marked words."""
    from nlpcl import zoo
    from nlpcl.core.splits import Splits
    from nlpcl.nn.devices import choose_machine
    from nlpcl.runs.single import fit_splits

    rows = []
    for person in PEOPLE:
        for action, label in LABELS.items():
            text = f"{person}{action}。"
            rows.append({"id": str(len(rows)), "text": text, "label": label})
            if label == "hateful":
                rows[-1]["rationale"] = [[text.index("书"), text.index("书") + 1]]
    splits = Splits("invented", train=rows, dev=rows, test={"invented": rows})
    entry = zoo.entry("asrm")
    config = entry.config_class(
        data="sample", backbone=str(tiny_encoder()), epochs=2, batch_size=4, lr=3e-3,
        variant="span", precision="fp32", device="cpu",
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("classifier") / "run"
    return fit_splits(
        entry, config, splits, choose_machine("cpu", "fp32"), out=folder, quiet=True, resume=False
    ).folder, splits


@pytest.fixture
def evaluate(run_main, classifier, monkeypatch):
    """``nlpcl eval`` on the invented rows."""
    folder, splits = classifier
    monkeypatch.setattr("nlpcl.cli.eval.load_splits", lambda config, **how: splits)

    def run(*arguments):
        return run_main("eval", folder, "--device", "cpu", "--precision", "fp32", *arguments)

    return run


def test_by_module(evaluate):
    result = evaluate("--by", "module", "--format", "json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    names = [row[0] for row in found["tables"][0]["rows"]]
    assert names[1:3] == ["encoder layer 1", "encoder layer 2"]
    assert "calibration" in names
    assert "drop/calibration" in found["metrics"]
    assert "Drop of macro_f1" in found["tables"][0]["note"]


def test_explain(evaluate, tmp_path):
    result = evaluate("--explain", "--explain-rows", "3", "--output", "out.json")
    assert result.code == 0, result.err
    assert "3 of 4 test texts" in result.out
    for name in ("gradients", "leave-one-out", "random", "IOU-F1"):
        assert name in result.out
    report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert 0 <= report["metrics"]["gradients/auprc"] <= 100
    lines = (tmp_path / "out.predictions.jsonl").read_text(encoding="utf-8").splitlines()
    words = [json.loads(line)["words"] for line in lines]
    assert len(words) == 3
    assert all(sum(word["marked"] for word in row) == 1 for row in words)


def test_identity(evaluate, tmp_path):
    result = evaluate("--identity", "--format", "json", "--output", "out.json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert [table["name"] for table in found["tables"]] == ["identity_terms", "identity_kinds"]
    assert "'normal'" in found["tables"][0]["note"]
    assert "identity_false_positive_rate_zh" in found["metrics"]
    rows = (tmp_path / "out.predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rows) == sum(row[3] for row in found["tables"][0]["rows"])
    named = json.loads(evaluate("--identity", "--neutral", "hateful", "--format", "json").out)
    first, second = (
        {tuple(row[:3]): row[-1] for row in part["tables"][0]["rows"]} for part in (found, named)
    )
    assert all(first[key] + second[key] == pytest.approx(100, abs=1e-2) for key in first)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--by", "module,language"], "module stands alone"),
        (["--by", "module", "--explain"], "--by and --explain"),
        (["--explain", "--identity"], "--explain and --identity"),
        (["--neutral", "normal"], "belongs to --identity"),
        (["--identity", "--neutral", "norml"], "Did you mean 'normal'"),
        (["--source-column", "x"], "--source-column: asrm has no such setting"),
    ],
)
def test_mistakes(arguments, words, evaluate):
    assert words in evaluate(*arguments).error_line


@pytest.mark.parametrize("flag", ["--explain", "--identity"])
def test_checks_of_texts_are_refused_for_other_models(flag, run_main, finished_run):
    line = run_main("eval", finished_run, flag).error_line
    assert flag in line
    assert "classifiers of text" in line
    by = run_main("eval", finished_run, "--by", "target").error_line
    assert "no groups" in by
