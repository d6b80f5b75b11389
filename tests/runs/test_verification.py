"""``nlpcl verify``: whole runs hold, and each kind of change is found by its own check."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nlpcl import tasks

FORMER = Path(__file__).parent / "before_rooms"
CHECKS = ["finished", "weights", "data", "predictions", "report", "report from predictions", "code"]


@pytest.fixture
def copied(finished_run, tmp_path):
    return shutil.copytree(finished_run, tmp_path / "run")


@pytest.fixture
def verify(run_main):
    """``verify(folder)`` → the exit code and check → (verdict, what was seen)."""

    def run(folder, *more, **named):
        result = run_main("verify", folder, *more, "--format", "json", **named)
        (table,) = json.loads(result.out)["tables"]
        return result.code, {check: (held, seen) for check, held, seen in table["rows"]}

    return run


def change(file, edit):
    """Let ``edit`` change the value in a JSON file, or that of each JSON line, in place."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines() if file.suffix == ".jsonl" else [text]
    values = [json.loads(line) for line in lines]
    for value in values:
        edit(value)
    file.write_text("\n".join(map(json.dumps, values)) + "\n", encoding="utf-8")


def wrong(found):
    return {check for check, (verdict, _) in found.items() if verdict == "no"}


def test_a_run_as_it_was_written_holds(finished_run, verify, run_main):
    code, found = verify(finished_run)
    assert code == 0
    assert list(found) == CHECKS
    assert {verdict for verdict, _ in found.values()} == {"yes"}
    known = tasks.spec("correction").measures.known
    said = f"{len(known)} measures computed again from 8 answers"
    assert found["report from predictions"][1] == said
    shown = run_main("verify", finished_run)
    assert shown.code == 0
    assert all(check in shown.out for check in CHECKS)


def test_the_model_can_be_asked_again(copied, verify):
    code, found = verify(copied, "--again")
    assert (code, found["predictions again"]) == (0, ("yes", "0 of 8 answers differ"))
    change(copied / "predictions.jsonl", lambda row: row.update(target=row["source"][::-1]))
    assert verify(copied, "--again")[1]["predictions again"] == ("no", "8 of 8 answers differ")


def test_changed_weights(copied, verify):
    file = copied / "model" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    code, found = verify(copied)
    assert (code, wrong(found)) == (1, {"weights"})
    assert found["weights"][1] == "model/model.safetensors has changed"
    shutil.rmtree(copied / "model")
    assert verify(copied)[1]["weights"] == ("no", "there is no model")


def test_answers_that_were_edited_contradict_the_report(copied, verify):
    change(copied / "predictions.jsonl", lambda row: row.update(target=row["gold"]))
    code, found = verify(copied)
    assert (code, wrong(found)) == (1, {"predictions", "report from predictions"})
    assert "its answers give 100.0000" in found["report from predictions"][1]


def test_a_report_that_was_edited_contradicts_the_answers(copied, verify):
    change(copied / "report.json", lambda report: report["metrics"].update(clean_intact=99.9))
    code, found = verify(copied)
    assert (code, wrong(found)) == (1, {"report", "report from predictions"})
    assert found["report from predictions"][1].startswith("clean_intact is 99.9000")


def test_checksums_that_were_edited_too_do_not_hide_it(copied, verify):
    from nlpcl.runs.checksums import checksum

    change(copied / "report.json", lambda report: report["metrics"].update(clean_intact=99.9))
    digest = checksum(copied / "report.json")
    change(copied / "run.json", lambda record: record["files"].update({"report.json": digest}))
    assert wrong(verify(copied)[1]) == {"report from predictions"}


DAMAGED = ["", "{}\n", "[1]\n", '{"source": 1, "gold": 2, "target": 3}\n']


@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_answers_are_a_finding(copied, verify, content):
    (copied / "predictions.jsonl").write_text(content)
    assert wrong(verify(copied)[1]) == {"predictions", "report from predictions"}


def test_changed_data(copied, verify, pair_folder, tmp_path):
    data = shutil.copytree(pair_folder, tmp_path / "invented")
    change(copied / "run.json", lambda record: record["config"].update(data=str(data)))
    assert verify(copied)[0] == 0
    lines = (data / "test.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    (data / "test.tsv").write_text("".join(lines[:-1]), encoding="utf-8")
    code, found = verify(copied)
    assert (code, wrong(found)) == (1, {"data"})
    shutil.rmtree(data)
    code, found = verify(copied)
    assert (code, found["data"][0]) == (0, "unknown")


def test_other_code_is_named_and_is_no_fault(copied, verify):
    change(copied / "run.json", lambda record: record["code"].update({"nlpcl/metrics": "other"}))
    code, found = verify(copied)
    assert (code, found["code"][0]) == (0, "differs")
    assert "nlpcl/metrics" in found["code"][1]


def test_an_unfinished_run_does_not_hold(copied, verify):
    change(copied / "run.json", lambda record: record.update(state="interrupted"))
    code, found = verify(copied)
    assert (code, wrong(found)) == (1, {"finished"})


def test_a_former_run_is_checked_as_far_as_can_be(verify, tmp_path):
    place = shutil.copytree(FORMER, tmp_path / "former")
    code, found = verify("finished", cwd=place)
    assert code == 0
    assert {check for check, (verdict, _) in found.items() if verdict == "unknown"} == {
        "weights", "predictions", "report", "code",
    }  # fmt: skip
    assert found["report from predictions"][0] == "yes"


def test_what_is_no_run_is_one_line(run_main, tmp_path):
    assert "no such run folder" in run_main("verify", tmp_path / "nowhere").error_line
