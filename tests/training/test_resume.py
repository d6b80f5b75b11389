"""Killed and interrupted runs end as uninterrupted ones do, to the last bit."""

from __future__ import annotations

import csv
import json
import shutil
import signal

import pytest

SIGNALLED = """
import os, sys
from nlpcl.cli import main
from nlpcl.zoo.sdcl.model import SDCL

number, left = int(sys.argv.pop(1)), int(sys.argv.pop(1))

def update(model, done):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), number)

SDCL.set_progress = update
main()
"""
"""The command line, which gets a signal at the beginning of an update."""

MIDDLE = 29
"""An update in the middle of the third of five epochs of 12."""


@pytest.fixture(scope="module")
def long_settings(settings):
    """Five epochs with dropout, so that random states matter."""
    return settings | {"epochs": 5, "batch_size": 2, "lr": 1e-3}


@pytest.fixture(scope="module")
def reference(tmp_path_factory, long_settings, flags, command_line):
    """The same run without an interruption."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    result = command_line(["train", "sdcl", *flags(long_settings), "--out", folder, "--quiet"])
    assert result.code == 0, result.err
    return folder


@pytest.fixture(scope="session")
def signalled(python, flags):
    """``signalled(number, folder, settings)``: the same command, which gets a signal half-way."""

    def run(number, folder, settings):
        command = ["train", "sdcl", *flags(settings), "--out", folder]
        return python(folder.parent, SIGNALLED, int(number), MIDDLE, *command)

    return run


def state(folder):
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))["state"]


FILES = {"model/model.safetensors", "history.csv", "predictions.jsonl", "report.json"}


def history(folder):
    with (folder / "history.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def assert_same(folder, reference, files=FILES):
    for name in sorted(files):
        assert (folder / name).read_bytes() == (reference / name).read_bytes(), name
    assert state(folder) == "finished"


@pytest.fixture(scope="module")
def killed(tmp_path_factory, long_settings, signalled):
    """A run folder as ``kill -9`` leaves it."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    result = signalled(signal.SIGKILL, folder, long_settings)
    assert result.code == -signal.SIGKILL, result
    assert list(folder.glob("checkpoints/checkpoint-*/trainer_state.json"))
    assert not (folder / "model").exists()
    return folder


def resume(run_main, folder):
    return run_main("train", "sdcl", "--resume", folder, "--quiet")


def test_after_kill_9(killed, reference, run_main, tmp_path):
    folder = shutil.copytree(killed, tmp_path / "run")
    result = resume(run_main, folder)
    assert result.code == 0, result.err
    assert_same(folder, reference)


@pytest.mark.parametrize("damage", ["truncated", "missing"])
def test_a_half_written_checkpoint_is_passed_over(killed, reference, run_main, tmp_path, damage):
    folder = shutil.copytree(killed, tmp_path / "run")
    newest = max(
        (folder / "checkpoints").glob("checkpoint-*"), key=lambda path: int(path.name[11:])
    )
    half = newest.with_name(f"checkpoint-{int(newest.name[11:]) + 12}")
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(newest, half)
    last = half / "trainer_state.json"
    if damage == "missing":
        last.unlink()
    else:
        last.write_bytes(last.read_bytes()[:100])
    (half / "model.safetensors").write_bytes(b"")
    result = resume(run_main, folder)
    assert result.code == 0, result.err
    assert_same(folder, reference)


def test_killed_before_the_first_checkpoint(killed, reference, run_main, tmp_path):
    folder = shutil.copytree(killed, tmp_path / "run")
    shutil.rmtree(folder / "checkpoints")
    result = resume(run_main, folder)
    assert result.code == 0, result.err
    assert "starting from the beginning" in result.err
    assert_same(folder, reference)


def test_changed_data_are_refused(killed, run_main, tmp_path, pair_folder):
    folder = shutil.copytree(killed, tmp_path / "run")
    other = shutil.copytree(pair_folder, tmp_path / pair_folder.name)
    rows = (other / "train.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    (other / "train.tsv").write_text("".join(rows[:-1]), encoding="utf-8")
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    record["config"]["data"] = str(other)
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert "the data changed" in resume(run_main, folder).error_line


def test_after_control_c(reference, long_settings, signalled, run_main, tmp_path):
    folder = tmp_path / "run"
    stopped = signalled(signal.SIGINT, folder, long_settings)
    assert stopped.code == 130, stopped
    assert "Traceback" not in stopped.err
    assert stopped.err.splitlines()[-1].startswith("nlpcl: Stopped.")
    assert f"nlpcl train sdcl --resume {folder}" in stopped.err
    assert stopped.out == ""
    assert state(folder) == "interrupted"
    assert not (folder / "model").exists()
    result = resume(run_main, folder)
    assert result.code == 0, result.err
    # The interrupted epoch's mean training loss runs over the updates after the interruption only.
    assert_same(folder, reference, files=FILES - {"history.csv"})
    for row, wanted in zip(history(folder), history(reference), strict=True):
        for name in row.keys() - {"loss", "loss_x", "loss_y", "loss_c"}:
            assert row[name] == wanted[name], name


def test_a_resumed_run_keeps_its_settings(killed, run_main, finished_run):
    line = run_main("train", "sdcl", "--resume", killed, "--lr", "1").error_line
    assert "lr" in line
    assert "finished" in resume(run_main, finished_run).error_line
    line = run_main("train", "mlm", "--resume", killed).error_line
    assert "is a run of sdcl" in line


def test_an_unfinished_run_predicts_nothing_and_says_how_to_go_on(killed, run_main):
    for arguments in (["eval", killed], ["predict", "spelling", "好", "--checkpoint", killed]):
        line = run_main(*arguments).error_line
        assert "holds no model" in line
        assert f"--resume {killed}" in line
