"""Tiny ablations: trainings of a second each, in processes of their own."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

RATE = 16_000

FAULTY = {
    "__init__.py": "",
    "config.py": '''
from dataclasses import dataclass
from typing import Literal

from nlpcl.core.config import option
from nlpcl.zoo.sdcl.config import Config as Parent


@dataclass(kw_only=True)
class Config(Parent):
    """A model that fails on demand."""

    fault: Literal["none", "mistake", "error", "kill"] = option("none", "How", panel="Training")


VARIANTS = {name: {"fault": name} for name in ("none", "mistake", "error", "kill")}
VARIANTS["calm"] = {"beta": 0.0}
''',
    "model.py": """
import os
import signal

from nlpcl.core.errors import UserError
from nlpcl.zoo.sdcl import model


class Faulty(model.SDCL):
    name = "faulty"

    def before_training(self, config, tokenizer, load):
        if config.fault == "mistake":
            raise UserError("has no such layer", "--backbone", "Take another.")
        if config.fault == "error":
            raise ZeroDivisionError("division by zero")
        if config.fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
""",
}


@pytest.fixture(scope="session")
def faulty(tmp_path_factory) -> Path:
    """A model folder whose variants fail in different ways."""
    folder = tmp_path_factory.mktemp("own") / "faulty"
    folder.mkdir()
    for name, text in FAULTY.items():
        (folder / name).write_text(text.lstrip(), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def short(settings) -> dict[str, Any]:
    """Settings of a training of a second, in one thread whether in a worker or not."""
    return settings | {"epochs": 1, "threads": 1}


@pytest.fixture(scope="session")
def clips(tmp_path_factory) -> Path:
    """Twenty-four short clips of six speakers, two emotions told apart by their pitch."""
    import numpy as np
    import soundfile

    folder = tmp_path_factory.mktemp("clips")
    generator = np.random.default_rng(0)
    time = np.arange(int(0.2 * RATE)) / RATE
    lines = [["path", "label", "speaker"]]
    for speaker in range(6):
        for label, tone in {"angry": 900.0, "sad": 180.0}.items():
            for take in range(2):
                name = f"s{speaker}_{label}_{take}.wav"
                wave = 0.3 * np.sin(2 * np.pi * tone * (1 + 0.05 * speaker) * time)
                wave += 0.01 * generator.standard_normal(len(time))
                soundfile.write(folder / name, wave, RATE)
                lines.append([name, label, f"s{speaker}"])
    path = folder / "clips.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(lines)
    return path


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session", name="read")
def _read():
    """``read(path)``: a JSON file."""
    return read
