"""``nlpcl eval``."""

from __future__ import annotations

import csv
import io
import json

import pytest


@pytest.fixture
def evaluate(run_main, finished_run):
    def run(*arguments):
        result = run_main("eval", finished_run, *arguments, "--precision", "fp32")
        assert result.code == 0, result.err
        return result

    return run


def test_its_own_test_set_again(evaluate, finished_run):
    found = json.loads(evaluate("--format", "json").out)
    stored = json.loads((finished_run / "report.json").read_text(encoding="utf-8"))
    assert found["metrics"] == stored["metrics"]


def test_a_file_is_scored_whole(evaluate, tmp_path, pairs, write_table):
    write_table(tmp_path / "other.tsv", [(f"春{one}", f"春{two}") for one, two in pairs[:5]])
    found = json.loads(evaluate("--data", "other.tsv", "--format", "json").out)
    assert found["metrics"]["n"] == 5
    rows = next(table["rows"] for table in found["tables"] if table["name"] == "splits")
    assert ["test:other", 5] in rows


def test_columns_by_name(evaluate, tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n我再家,我在家\n", encoding="utf-8")
    chosen = ["--data", "a.csv", "--source-column", "x", "--target-column", "y"]
    assert json.loads(evaluate(*chosen, "--format", "json").out)["metrics"]["n"] == 1


def test_output_holds_every_prediction(evaluate, tmp_path, finished_run):
    evaluate("--output", "deep/scores.json", "--format", "csv")
    report = json.loads((tmp_path / "deep" / "scores.json").read_text(encoding="utf-8"))
    assert report["metrics"]["n"] == 8
    predictions = tmp_path / "deep" / "scores.predictions.jsonl"
    assert predictions.read_bytes() == (finished_run / "predictions.jsonl").read_bytes()


def test_ignore_de_is_named_in_the_metrics(evaluate):
    found = json.loads(evaluate("--ignore-de", "--format", "json").out)["metrics"]
    assert "correction_f1_strict_ignore_de" in found
    assert "correction_f1_strict" not in found


def test_cases_are_shown_when_asked_for(evaluate):
    assert "cases_" not in evaluate("--format", "csv").out
    assert "cases_" in evaluate("--format", "csv", "--cases").out


@pytest.mark.parametrize("form", ["table", "csv", "markdown", "latex"])
def test_every_format_shows_the_strict_scores(evaluate, form):
    out = evaluate("--format", form).out
    assert "strict" in out
    assert "correction" in out
    if form == "csv":
        lines = out.splitlines()
        start = lines.index("# spelling_scores") + 1
        row = next(csv.DictReader(io.StringIO("\n".join(lines[start : start + 2]))))
        assert row["convention"] == "strict"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "sighn15"], "sighan15"),
        (["--data", "nowhere.tsv"], "no such file"),
        (["--data", "sighan15"], "--data-root"),
        (["--device", "cdua"], "cdua"),
        (["--precision", "fp16", "--device", "cpu"], "fp16 needs a GPU"),
        (["--precision", "fp61"], "fp61"),
        (["--output", "blocked/scores.json"], "blocked"),
        (["--source-column", "nobody"], "nobody"),
    ],
)
def test_mistakes(arguments, words, run_main, finished_run, tmp_path):
    (tmp_path / "blocked").touch()
    assert words in run_main("eval", finished_run, *arguments).error_line
