"""``nlpcl new``: what it writes works with every verb, and no other file knows of it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from nlpcl import tasks

EXAMPLES = Path(__file__).parents[2] / "examples"
SHORT = {"epochs": 1, "train_fraction": 0.05, "batch_size": 8, "precision": "fp32", "device": "cpu"}


@pytest.fixture(scope="module")
def place(tmp_path_factory, command_line) -> Path:
    """A folder with a task, a model and a corpus as they are written."""
    folder = tmp_path_factory.mktemp("new")
    for kind, name in (("task", "tone"), ("model", "second-head"), ("corpus", "my_texts")):
        result = command_line(["new", kind, name], cwd=folder)
        assert result.code == 0, result
    return folder


@pytest.fixture(scope="module")
def short(tiny_encoder, flags) -> list[str]:
    return flags(SHORT | {"backbone": str(tiny_encoder())})


@pytest.fixture(scope="module")
def toy_run(place, short, command_line) -> Path:
    """A run of the toy task on the sample."""
    result = command_line(["train", "./tone", *short, "--out", "run"], cwd=place)
    assert result.code == 0, result
    assert "macro_f1" in result.out
    return place / "run"


def test_a_toy_task_is_scored_on_its_own_and_on_other_data(toy_run, place, run_main):
    own = json.loads(run_main("eval", toy_run, "--format", "json", cwd=place).out)
    assert own["metrics"]["n"] == 60
    (place / "own.csv").write_text("sentence,label\n我再家,wrong\n我在家,right\n", encoding="utf-8")
    other = run_main("eval", toy_run, "--data", "own.csv", "--format", "json", cwd=place)
    assert json.loads(other.out)["metrics"]["n"] == 2
    line = run_main("eval", toy_run, "--by", "speaker", cwd=place).error_line
    assert "tone has no groups to score by" in line
    assert "--explain" in run_main("eval", toy_run, "--explain", cwd=place).error_line


def test_a_toy_task_predicts(toy_run, place, run_main):
    listed = run_main("predict", "./tone", "--help", cwd=place)
    assert "Tell whether a sentence" in listed.out and "--explain" not in listed.out
    given = ["predict", "./tone", "我再家", "好", "--checkpoint", toy_run]
    rows = run_main(*given, "--format", "jsonl", cwd=place)
    found = [json.loads(line) for line in rows.out.splitlines()]
    assert [row["text"] for row in found] == ["我再家", "好"]
    assert "judged by the run" in rows.err
    texts = run_main(*given, "--format", "text", "--quiet", cwd=place)
    assert texts.out.splitlines() == [row["label"] for row in found]
    assert "needs text" in run_main("predict", "./tone", cwd=place).error_line


def test_a_toy_task_is_ablated_in_processes_of_their_own(place, short, run_main):
    given = ["ablate", "./tone", "--variants", "plain,without-dropout", "--seeds", "1", *short]
    result = run_main(*given, "--out", "study", "--format", "json", cwd=place)
    assert result.code == 0, result
    record = json.loads((place / "study" / "ablation.json").read_text(encoding="utf-8"))
    assert record["task"] == "tone" and record["selection"] == "macro_f1"
    assert record["comparisons"][0]["n"] == 60
    assert "60 sentences" in json.loads(result.out)["tables"][0]["title"]


def test_a_toy_task_is_drawn(toy_run, place, run_main):
    listed = run_main("visualize", "--list", toy_run, cwd=place).out
    drawn = {line.split()[1] for line in listed.splitlines() if "│ yes" in line}
    assert {"curves", "confusion", "classes", "calibration", "mistakes", "modules"} <= drawn
    result = run_main("visualize", toy_run, "--only", "confusion", "--out", "page.html", cwd=place)
    assert result.code == 0, result
    assert "Confusion matrix" in (place / "page.html").read_text(encoding="utf-8")


def test_data_of_a_toy_task_are_checked(place, run_main):
    (place / "twice.csv").write_text("text,label\n好,right\n好,right\n", encoding="utf-8")
    result = run_main(
        "data", "check", "twice.csv", "--task", "./tone", "--format", "json", cwd=place
    )
    assert json.loads(result.out)["found"]["repeated"] == 1
    line = run_main("data", "check", "twice.csv", "--task", "tune").error_line
    assert "--task: unknown task 'tune'" in line


def test_a_task_folder_in_the_package_is_found_by_listing(place, monkeypatch, tmp_path, run_main):
    shutil.copytree(place / "tone", tmp_path / "hue")
    spec = tmp_path / "hue" / "spec.py"
    spec.write_text(spec.read_text(encoding="utf-8").replace('"tone"', '"hue"'), encoding="utf-8")
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path)])
    try:
        assert "hue" in tasks.names()
        assert tasks.spec("hue").noun == "hue"
        assert "hue" in run_main("predict", "--help").out
        assert "hue" in run_main("data", "check", "--help").out
    finally:
        for name in [name for name in sys.modules if name.startswith("nlpcl.tasks.hue")]:
            del sys.modules[name]


def test_a_model_of_ones_own_is_the_example(place, settings, flags, run_main):
    written = {
        path.name: path.read_text(encoding="utf-8") for path in (place / "second_head").iterdir()
    }
    assert set(written) >= {"config.py", "model.py", "test_second_head.py"}
    for path in (EXAMPLES / "own_model").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        text = text.replace("own-model", "second-head").replace("OwnModel", "SecondHead")
        assert written[path.name.replace("own_model", "second_head")] == text
    result = run_main("train", "./second_head", *flags(settings), "--out", "second", cwd=place)
    assert result.code == 0, result
    assert "loss_detection" in (place / "second" / "history.csv").read_text(encoding="utf-8")


def test_a_corpus_of_ones_own_is_checked_and_trained_on(place, flags, run_main):
    result = run_main("data", "check", "./my_texts.py", "--format", "json", cwd=place)
    found = json.loads(result.out)
    assert {name: found["found"][name] for name in found["expected"]} == found["expected"]
    short = flags(SHORT | {"backbone": "scratch"})
    given = ["train", "sdcl", "--data", "./my_texts.py", *short, "--out", "by-corpus"]
    result = run_main(*given, cwd=place)
    assert result.code == 0, result
    record = json.loads((place / "by-corpus" / "run.json").read_text(encoding="utf-8"))
    assert record["data"]["sizes"]["test:my_texts"] == 60


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["new", "model", "second-head"], "exists already"),
        (["new", "corpus", "my_texts"], "exists already"),
        (["new", "task", "emotion"], "there is a task of that name"),
        (["new", "model", "sdcl"], "there is a model of that name"),
        (["new", "corpus", "sighan15"], "there is a corpus of that name"),
        (["new", "model", "3d"], "cannot name a Python file"),
        (["new", "model", "class"], "cannot name a Python file"),
        (["train", "sdcl", "--data", "none.py"], "no such corpus file"),
        (["train", "sdcl", "--data", "bad.py"], "cannot be read"),
        (["train", "sdcl", "--data", "empty.py"], "holds 0 datasets"),
        (["predict", "./second", "x"], "not found"),
    ],
)
def test_mistakes(arguments, words, place, run_main):
    (place / "bad.py").write_text("1 / 0\n", encoding="utf-8")
    (place / "empty.py").write_text("", encoding="utf-8")
    assert words in run_main(*arguments, cwd=place).error_line


def test_a_task_may_not_take_a_name_of_nlpcl(place, tmp_path, run_main):
    shutil.copytree(place / "tone", tmp_path / "tone")
    spec = tmp_path / "tone" / "spec.py"
    spec.write_text(spec.read_text(encoding="utf-8").replace('name="tone"', 'name="emotion"'))
    assert "as nlpcl does one" in run_main("predict", "./tone", "x", cwd=tmp_path).error_line
