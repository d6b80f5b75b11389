"""Runs of an earlier version, as it wrote them: opened, scored, drawn and gone on with.

``before_rooms`` holds a finished and an interrupted training of SDCL on invented pairs with a tiny
random encoder, made by version 0.1.0 before run folders had a format.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import nlpcl
from nlpcl.runs.folder import FORMAT, read_record

FORMER = Path(__file__).parent / "before_rooms"


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A copy to work in; the settings name data and encoder relative to it."""
    folder = shutil.copytree(FORMER, tmp_path / "former")
    monkeypatch.chdir(folder)
    return folder


def test_it_is_opened_and_answers(place):
    run = nlpcl.load("finished")
    assert "format" not in run.record
    (row,) = run.predict(["我再家里座饭"], threshold=0.0)
    assert len(row["target"]) == 6


def test_its_scores_are_those_it_reported(place, run_main):
    reported = json.loads((place / "finished" / "report.json").read_text(encoding="utf-8"))
    result = run_main("eval", "finished", "--format", "json", "--device", "cpu", cwd=place)
    assert json.loads(result.out)["metrics"] == pytest.approx(reported["metrics"])


def test_it_is_drawn(place, run_main):
    result = run_main("visualize", "finished", "--only", "curves,mistakes", cwd=place)
    assert result.code == 0, result
    assert (place / "finished" / "figures" / "report.html").is_file()


def test_it_is_gone_on_with_to_the_weights_of_an_unbroken_training(place, monkeypatch):
    from nlpcl.runs.fit import fit, resume
    from nlpcl.zoo.sdcl.model import SDCL

    # As the former version did, which dropout could tell from now.
    monkeypatch.setattr(SDCL, "taught", lambda self, wrong: torch.ones_like(wrong[:, 0]))
    resumed = resume("interrupted")
    record = json.loads((place / "interrupted" / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "finished"
    assert record["format"] == FORMAT
    whole = fit(resumed.config, out="whole")
    found, wanted = (
        load_file(run.folder / "model" / "model.safetensors") for run in (resumed, whole)
    )
    # The former checkpoint was made on another processor, which rounds differently.
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_former_name_of_a_task_is_understood(place):
    file = place / "finished" / "run.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(record | {"model": "mlm", "task": "mlm"}), encoding="utf-8")
    assert read_record(place / "finished")["task"] == "masked_lm"


@pytest.mark.parametrize("written", [FORMAT + 1, "2", None])
def test_an_unknown_format_is_refused_in_one_line(written, place, run_main):
    file = place / "finished" / "run.json"
    record = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(record | {"format": written}), encoding="utf-8")
    for arguments in (["eval"], ["visualize"], ["train", "sdcl", "--resume"]):
        line = run_main(*arguments, "finished", cwd=place).error_line
        assert f"format {written}" in line and f"up to {FORMAT}" in line
