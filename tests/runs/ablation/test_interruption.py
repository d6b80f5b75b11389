"""An ablation killed or interrupted half-way ends as an uninterrupted one does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

NAMES = ["sdcl", "no-contrast"]
FILES = ("model/model.safetensors", "predictions.jsonl", "report.json")


@pytest.fixture(scope="module")
def command(settings, flags):
    """Long enough to be caught in the middle of the second training."""
    long = settings | {"epochs": 8, "batch_size": 2, "lr": 1e-3}
    return ["ablate", "sdcl", "--variants", ",".join(NAMES), "--seeds", "1", *flags(long)]


@pytest.fixture(scope="module")
def reference(tmp_path_factory, command, command_line):
    folder = tmp_path_factory.mktemp("reference") / "study"
    result = command_line([*command, "--out", folder, "--quiet"])
    assert result.code == 0, result.err
    return folder


def caught_half_way(command, folder, sign):
    """Stop the command as soon as the second training has a checkpoint; its last words."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nlpcl", *command, "--out", str(folder)],
        cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    second = folder / "cells" / NAMES[1] / "seed-0"
    deadline = time.monotonic() + 100
    while not list(second.glob("checkpoints/checkpoint-*/trainer_state.json")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    os.kill(process.pid, sign)
    out, err = process.communicate(timeout=600)
    assert not (second / "model").exists()
    return process.returncode, out, err


def settled(folder):
    """Wait for a worker that outlived its parent by a moment."""
    sizes = None
    while sizes != (sizes := sorted(str(path) for path in folder.rglob("*"))):
        time.sleep(0.5)


def assert_same(folder, reference, read):
    for name in NAMES:
        for file in FILES:
            place = f"cells/{name}/seed-0/{file}"
            assert (folder / place).read_bytes() == (reference / place).read_bytes(), place
    found, wanted = read(folder / "ablation.json"), read(reference / "ablation.json")
    assert found["comparisons"] == wanted["comparisons"]
    assert found["state"] == "finished"


def test_killed_half_way(command, reference, run_main, tmp_path, read):
    folder = tmp_path / "study"
    code, _, _ = caught_half_way(command, folder, signal.SIGKILL)
    assert code == -signal.SIGKILL
    settled(folder)
    first = folder / "cells" / NAMES[0] / "seed-0" / "model" / "model.safetensors"
    kept = first.stat().st_mtime_ns
    assert read(folder / "ablation.json")["state"] == "running"
    result = run_main(*command, "--out", folder)
    assert result.code == 0, result.err
    assert "2 trainings" in result.err
    assert "1 of them finished before" in result.err
    assert first.stat().st_mtime_ns == kept
    assert_same(folder, reference, read)


def test_control_c_half_way(command, reference, run_main, tmp_path, read):
    folder = tmp_path / "study"
    code, out, err = caught_half_way(command, folder, signal.SIGINT)
    assert code == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("nlpcl: Stopped. Give the same command with --out")
    written = read(folder / "ablation.json")
    assert written["state"] == "interrupted"
    assert [cell["state"] for cell in written["cells"]] == ["finished", "interrupted"]
    result = run_main(*command, "--out", folder, "--quiet")
    assert result.code == 0, result.err
    assert result.err == ""
    assert_same(folder, reference, read)
