"""An ablation killed or interrupted half-way ends as an uninterrupted one does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

NAMES = ["sdcl", "no-contrast"]
FILES = ("model/model.safetensors", "predictions.jsonl", "report.json")
WAITING = {
    "config.py": '''
from nlpcl.zoo.sdcl.config import Config as Parent


class Config(Parent):
    """SDCL that can be stopped at a certain update."""


VARIANTS = {"sdcl": {}, "no-contrast": {"beta": 0.0}}
''',
    "model.py": """
import os
import signal
import time
from pathlib import Path

from nlpcl.zoo.sdcl.model import SDCL


class Waiting(SDCL):
    name = "waiting"

    def set_progress(self, done):
        # In the middle of an epoch of the second training: say so, and go on after a signal.
        place = os.environ.get("WAITING_AT")
        if not place or self.options.beta or done < 0.6 or Path(place).exists():
            return
        told = []
        usual = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, lambda *given: (told.append(given), usual(*given)))
        Path(place).touch()
        while not told:
            time.sleep(0.01)
        signal.signal(signal.SIGINT, usual)
""",
}


@pytest.fixture(scope="module")
def command(settings, flags, tmp_path_factory):
    folder = tmp_path_factory.mktemp("own") / "waiting"
    folder.mkdir()
    for name, text in WAITING.items():
        (folder / name).write_text(text.lstrip(), encoding="utf-8")
    chosen = flags(settings | {"epochs": 4, "batch_size": 4, "lr": 1e-3})
    return ["ablate", folder, "--variants", ",".join(NAMES), "--seeds", "1", *chosen]


@pytest.fixture(scope="module")
def reference(tmp_path_factory, command, command_line):
    folder = tmp_path_factory.mktemp("reference") / "study"
    result = command_line([*command, "--out", folder, "--quiet"])
    assert result.code == 0, result.err
    return folder


def caught_half_way(command, folder, sign, *, meanwhile=lambda pid: None, group=False):
    """Stop the command in the middle of the second training; its last words.

    Args:
        command: the ablation.
        folder: of it.
        sign: the signal.
        meanwhile: is called with the number of the process before.
        group: signal its workers too, as a scheduler does.
    """
    place = folder.parent / "half-way"
    process = subprocess.Popen(
        [sys.executable, "-m", "nlpcl", *map(str, command), "--out", str(folder)],
        cwd=folder.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"WAITING_AT": str(place)},
    )  # fmt: skip
    while not place.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    workers = psutil.Process(process.pid).children(recursive=True)
    meanwhile(process.pid)
    for one in [process, *(workers if group else ())]:
        os.kill(one.pid, sign)
    out, err = process.communicate(timeout=600)
    # A worker may outlive its parent by a moment.
    assert not psutil.wait_procs(workers, timeout=600)[1]
    second = folder / "cells" / NAMES[1] / "seed-0"
    assert list(second.glob("checkpoints/checkpoint-*/trainer_state.json"))
    assert (second / "model").exists() == (sign != signal.SIGKILL)
    return process.returncode, out, err


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
    first = folder / "cells" / NAMES[0] / "seed-0" / "model" / "model.safetensors"
    kept = first.stat().st_mtime_ns
    assert read(folder / "ablation.json")["state"] == "running"
    result = run_main(*command, "--out", folder)
    assert result.code == 0, result.err
    assert "2 trainings" in result.err
    assert "1 of them finished before" in result.err
    assert first.stat().st_mtime_ns == kept
    assert_same(folder, reference, read)


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "group"), [(signal.SIGTERM, True), (signal.SIGINT, False)])
def test_stopped_half_way(command, reference, run_main, tmp_path, read, sign, group):
    folder = tmp_path / "study"

    def meanwhile(pid):
        line = run_main(*command, "--out", folder).error_line
        assert f"is being written by process {pid}" in line

    code, out, err = caught_half_way(command, folder, sign, meanwhile=meanwhile, group=group)
    assert code == 130, err
    assert not [*folder.rglob(".*")]
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
