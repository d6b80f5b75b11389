"""How long the built-in emotion model takes for a clip, from the file to the answer.

    python benchmarks/emotion_latency.py [--seconds 5] [--threads 1] [--repetitions 20]

The model is loaded and warm. A synthetic voice speaks: the time does not depend on what is said.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy
import soundfile
import torch
from rich.console import Console

from nlpcl import tasks
from nlpcl.audio.voices import VOICES, spoken
from nlpcl.core.tables import Table
from nlpcl.nn.devices import choose_machine
from nlpcl.runs.opening import open_builtin


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of the clip")
    parser.add_argument("--threads", type=int, default=1, help="processor threads")
    parser.add_argument("--repetitions", type=int, default=20)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    predictor = open_builtin(tasks.spec("emotion"), choose_machine("cpu", "auto"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.wav"
        voice = spoken(VOICES[1], "angry", numpy.random.default_rng(0))
        soundfile.write(path, numpy.resize(voice, round(16_000 * arguments.seconds)), 16_000)
        times: list[float] = []
        for _ in range(arguments.repetitions + 2):
            begun = time.perf_counter()
            list(predictor.stream([str(path)]))
            times.append(time.perf_counter() - begun)
    kept = times[2:]
    columns = ["clip (s)", "median (s)", "smallest", "largest", "real-time factor"]
    median = statistics.median(kept)
    row = [arguments.seconds, median, min(kept), max(kept), median / arguments.seconds]
    title = f"Built-in emotion model, {predictor.precision}, {arguments.threads} threads"
    Console().print(Table("latency", columns, [row], title=title, digits=3).as_rich())


if __name__ == "__main__":
    main()
