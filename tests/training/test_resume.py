"""Killed and interrupted runs end as uninterrupted ones do, to the last bit."""

from __future__ import annotations

import csv
import importlib
import itertools
import json
import os
import re
import shutil
import signal
import sys
import time

import pytest

from nlpcl.runs.rows import load_splits

MIDDLE = 29
"""An update in the middle of the third of five epochs of 12."""


@pytest.fixture(scope="module")
def short_settings(settings):
    """One thread, as a fork has: sums of several may be rounded otherwise."""
    return settings | {"threads": 1}


@pytest.fixture(scope="module")
def long_settings(short_settings):
    """Five epochs with dropout, so that random states matter."""
    return short_settings | {"epochs": 5, "batch_size": 2, "lr": 1e-3}


@pytest.fixture(scope="module")
def reference(tmp_path_factory, long_settings, flags, command_line):
    """The same run without an interruption."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    result = command_line(["train", "sdcl", *flags(long_settings), "--out", folder, "--quiet"])
    assert result.code == 0, result.err
    return folder


@pytest.fixture(scope="session")
def signalled(command_in_a_fork, flags):
    """``signalled(number, folder, settings)``: the same command, which gets a signal half-way."""

    def run(number, folder, settings):
        command = ["train", "sdcl", *flags(settings), "--out", folder]
        return command_in_a_fork(command, lambda: signal_at_update(MIDDLE, number))

    return run


def signal_at_update(update, number):
    """Let this process get a signal at the beginning of an update, counted from 1."""
    from nlpcl.zoo.sdcl.model import SDCL

    left = itertools.count(update - 1, -1)

    def set_progress(model, done):
        if next(left) == 0:
            os.kill(os.getpid(), number)

    SDCL.set_progress = set_progress


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
    assert "taken over from process" in result.err
    assert_same(folder, reference)


@pytest.mark.parametrize("name", ["rng_state.pth", "optimizer.pt", "scheduler.pt"])
def test_a_checkpoint_executes_nothing(killed, run_main, tmp_path, name):
    import torch

    class Leaves:
        def __reduce__(self):
            return open, (str(tmp_path / "executed"), "w")

    folder = shutil.copytree(killed, tmp_path / "run")
    for checkpoint in (folder / "checkpoints").glob("checkpoint-*"):
        assert (checkpoint / name).is_file()
        torch.save(Leaves(), checkpoint / name)
    (folder / ".lock").unlink()
    line = resume(run_main, folder).error_line
    assert "checkpoint-" in line and "delete it, then go on with --resume" in line
    assert not (tmp_path / "executed").exists()


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
    result = resume(run_main, folder)
    assert result.code == 2
    assert "the data changed" in result.err.splitlines()[-1]


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory, long_settings, signalled):
    """A run folder as a scheduler that ends its job leaves it, and what was said."""
    folder = tmp_path_factory.mktemp("interrupted") / "run"
    return folder, signalled(signal.SIGTERM, folder, long_settings)


def assert_stopped(result, folder):
    assert result.code == 130, result
    assert "Traceback" not in result.err
    assert result.err.splitlines()[-1].startswith("nlpcl: Stopped.")
    assert result.out == ""
    assert not [path for path in folder.rglob(".*") if path.name.startswith(".")]


def test_a_stop_keeps_state_and_best_epoch_and_says_how_to_go_on(interrupted):
    folder, stopped = interrupted
    assert_stopped(stopped, folder)
    assert f"nlpcl train sdcl --resume {folder}" in stopped.err
    assert f"nlpcl eval {folder}" in stopped.err
    assert state(folder) == "interrupted"
    assert len(history(folder)) == 2


def test_it_goes_on_to_the_same_end(interrupted, reference, run_main, tmp_path):
    """The losses of the epoch that was cut are among what is the same."""
    folder = shutil.copytree(interrupted[0], tmp_path / "run")
    result = resume(run_main, folder)
    assert result.code == 0, result.err
    assert_same(folder, reference)


def test_control_c_does_the_same(interrupted, long_settings, signalled, tmp_path):
    stopped = signalled(signal.SIGINT, tmp_path / "run", long_settings)
    assert_stopped(stopped, tmp_path / "run")
    name = "model/model.safetensors"
    assert (tmp_path / "run" / name).read_bytes() == (interrupted[0] / name).read_bytes()


def test_the_history_so_far_is_that_of_the_whole_run(interrupted, reference):
    assert history(interrupted[0]) == history(reference)[:2]


def test_the_best_epoch_so_far_is_scored_used_and_drawn(interrupted, run_main, tmp_path):
    folder = shutil.copytree(interrupted[0], tmp_path / "run")
    remark = "interrupted after 2 of 5 epochs"
    scored = run_main("eval", folder, "--format", "json")
    tables = json.loads(scored.out)["tables"]
    assert all(table["title"].startswith(f"{remark.upper()}. ") for table in tables)
    used = run_main("predict", "spelling", "好", "--checkpoint", folder)
    assert f"({remark})" in used.err
    drawn = run_main("visualize", folder, "--only", "curves,mistakes")
    assert drawn.code == 0, drawn.err
    page = (folder / "figures" / "report.html").read_text(encoding="utf-8")
    for heading in re.findall("<h[13]>.*?</h[13]>|<p class=.title.>.*?</p>", page):
        assert remark in heading.lower() or "Versions" in heading
    assert not (folder / "report.json").exists()


def test_the_kept_weights_are_the_best_ones(interrupted):
    import nlpcl

    run = nlpcl.load(interrupted[0], device="cpu", precision="fp32")
    best = max(run.history, key=lambda row: row["dev_selection"])
    examples = load_splits(run.config).dev
    scores = run.task.dev_scores(run.model, run.task.encode(examples), "fp32")
    assert scores["selection"] == pytest.approx(best["dev_selection"], rel=1e-5)


MOMENTS = {
    "reading": ("nlpcl.runs.fit", "load_splits", 1),
    "building": ("nlpcl.runs.single", "build", 1),
    "encoding": ("nlpcl.tasks.correction.task.Correction", "encode", 2),
    "last update of an epoch": ("nlpcl.zoo.sdcl.model.SDCL", "set_progress", 6),
    "last update of all": ("nlpcl.zoo.sdcl.model.SDCL", "set_progress", 12),
    "dev scores": ("nlpcl.tasks.correction.task.Correction", "dev_scores", 1),
    "checkpoint": ("torch", "save", 2),
    "saving the model": ("nlpcl.nn.model.ZooModel", "save_pretrained", 3),
    "test": ("nlpcl.tasks.correction.task.Correction", "evaluate", 1),
    "report": ("nlpcl.runs.single", "write_json_lines", 1),
}
"""What is called, where, and in which of its calls the signal comes; two epochs of six updates."""


@pytest.fixture(scope="module")
def short_reference(tmp_path_factory, short_settings, flags, command_line):
    folder = tmp_path_factory.mktemp("short") / "run"
    result = command_line(["train", "sdcl", *flags(short_settings), "--out", folder, "--quiet"])
    assert result.code == 0, result.err
    return folder


RARER = {"building", "encoding", "report"}


@pytest.mark.parametrize(
    "moment", [pytest.param(one, marks=[pytest.mark.slow] * (one in RARER)) for one in MOMENTS]
)
def test_a_stop_at_any_moment(
    moment, short_settings, flags, short_reference, command_in_a_fork, run_main, tmp_path
):
    place, name, call = MOMENTS[moment]
    module, _, owner = place.rpartition(".")
    owner = getattr(sys.modules.get(module), owner, None) or importlib.import_module(place)
    usual, left = getattr(owner, name), itertools.count(call - 1, -1)

    def stopping(*given, **named):
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return usual(*given, **named)

    folder = tmp_path / "run"
    command = ["train", "sdcl", *flags(short_settings), "--out", folder, "--quiet"]
    result = command_in_a_fork(command, lambda: setattr(owner, name, stopping))
    assert_stopped(result, tmp_path)
    if not folder.exists():
        assert moment in {"reading", "building"}
        return
    assert state(folder) == "interrupted"
    assert f"--resume {folder}" in result.err
    result = resume(run_main, folder)
    assert result.code == 0, result.err
    assert_same(folder, short_reference)


def test_the_best_epoch_is_found_where_the_folder_was_moved_to(
    short_settings, flags, command_in_a_fork, run_main, tmp_path, monkeypatch
):
    from nlpcl.tasks.correction.task import Correction

    worse = itertools.count()
    scores = lambda *_: {"loss": 1.0, "selection": -float(next(worse))}  # noqa: E731
    monkeypatch.setattr(Correction, "dev_scores", scores)
    command = ["train", "sdcl", *flags(short_settings), "--out", tmp_path / "run", "--quiet"]

    def prepare():
        Correction.evaluate = lambda *_: os.kill(os.getpid(), signal.SIGKILL)

    command_in_a_fork(command, prepare)
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    best = (moved / "checkpoints" / "checkpoint-6" / "model.safetensors").read_bytes()
    assert best != (moved / "checkpoints" / "checkpoint-12" / "model.safetensors").read_bytes()
    assert resume(run_main, moved).code == 0
    assert (moved / "model" / "model.safetensors").read_bytes() == best


def test_a_second_process_leaves_a_running_training_alone(
    short_settings, flags, short_reference, command_in_a_fork, run_main, tmp_path
):
    folder, gate = tmp_path / "run", tmp_path / "gate"

    def prepare():
        from nlpcl.zoo.sdcl.model import SDCL

        def set_progress(model, done):
            if done > 0.5:
                gate.touch()
                while gate.exists() and not (tmp_path / "open").exists():
                    time.sleep(0.005)

        SDCL.set_progress = set_progress

    def meanwhile(pid):
        while not gate.exists():
            time.sleep(0.005)
        before = (folder / "run.json").read_bytes()
        line = run_main("train", "sdcl", "--resume", folder).error_line
        assert f"is being written by process {pid}" in line
        assert "not empty" in run_main("train", "sdcl", "--out", folder).error_line
        assert (folder / "run.json").read_bytes() == before
        (tmp_path / "open").touch()

    command = ["train", "sdcl", *flags(short_settings), "--out", folder, "--quiet"]
    result = command_in_a_fork(command, prepare, meanwhile)
    assert result.code == 0, result.err
    assert_same(folder, short_reference)


def test_several_processes_of_one_training_are_refused(run_main, settings, flags, tmp_path):
    command = ["train", "sdcl", *flags(settings), "--out", "run"]
    line = run_main(*command, env={"WORLD_SIZE": "2"}).error_line
    assert "WORLD_SIZE=2" in line and "torchrun" in line
    assert not (tmp_path / "run").exists()
    assert "WORLD_SIZE=2" in run_main("ablate", *command[1:], env={"WORLD_SIZE": "2"}).error_line


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
