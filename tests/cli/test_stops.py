"""SIGTERM while a file is written, a terminal that hangs up: nothing half lies about."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest


def parts(folder):
    return [path.name for path in folder.rglob(".*") if path.is_file()]


def stop_in(owner, name):
    """Let a function be interrupted by a scheduler when it is called."""
    usual = getattr(owner, name)

    def stopping(*given, **named):
        os.kill(os.getpid(), signal.SIGTERM)
        return usual(*given, **named)

    setattr(owner, name, stopping)


def predicting():
    from nlpcl.text.writing import ResultWriter

    stop_in(ResultWriter, "write")


def scoring():
    import json

    stop_in(json, "dump")


def drawing():
    from matplotlib.figure import Figure

    usual = Figure.savefig

    def stopping(self, path, **named):
        usual(self, path, **named)  # the part is there now
        os.kill(os.getpid(), signal.SIGTERM)

    Figure.savefig = stopping


@pytest.mark.parametrize("verb", ["predict", "eval", "visualize"])
def test_nothing_half_is_left(verb, finished_run, command_in_a_fork, tmp_path):
    run, out = str(finished_run), str(tmp_path / "out")
    answering = ["predict", "spelling", "好", "--checkpoint", run, "--format", "jsonl"]
    command, prepare = {
        "predict": (answering, predicting),
        "eval": (["eval", run], scoring),
        "visualize": (["visualize", run, "--only", "curves", "--format", "png"], drawing),
    }[verb]  # fmt: skip
    if verb != "visualize":
        (tmp_path / "out").write_text("older", encoding="utf-8")
    result = command_in_a_fork(
        [*command, "--out" if verb == "visualize" else "--output", out], prepare
    )
    assert result.code == 130, result
    assert result.err.splitlines()[-1] == "nlpcl: Stopped."
    assert "Traceback" not in result.err
    assert not parts(tmp_path)
    if verb == "visualize":
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["curves.csv"]
    else:
        assert (tmp_path / "out").read_text(encoding="utf-8") == "older"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals")
def test_a_training_whose_terminal_is_closed_keeps_its_best_epoch(settings, flags, tmp_path):
    """A process of its own in a terminal of its own, which hangs up: no write succeeds any more."""
    import pty

    ours, its = pty.openpty()
    folder = tmp_path / "run"
    command = ["train", "sdcl", *flags(settings | {"epochs": 10_000}), "--out", str(folder)]
    training = subprocess.Popen(
        [sys.executable, "-m", "nlpcl", *command],
        stdin=its, stdout=its, stderr=its, start_new_session=True,
    )  # fmt: skip
    try:
        os.close(its)
        shown = b""
        while not (folder / "history.csv").exists():
            assert training.poll() is None, shown.decode()
            shown += os.read(ours, 4096)  # what is not read would block it
        os.close(ours)
        training.send_signal(signal.SIGHUP)
        assert training.wait(60) == 130
    finally:
        training.kill()
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "interrupted"
    assert (folder / "model" / "model.safetensors").is_file()
    assert not (folder / ".lock").exists()
    assert not parts(folder)
