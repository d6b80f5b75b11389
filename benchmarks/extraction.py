"""How fast features are made: the real-time factor beside the encoder's bare forward pass.

    python benchmarks/extraction.py --data-root FOLDER [--backbone builtin] [--clips 64]

Bare: the encoder on the same padded batches, padded beforehand. Extract: waveforms in memory to
frames of each clip. With reading: sound files to a filled cache (hashing, decoding, resampling and
writing included). Cached: the same again. All take turns; the median of the repetitions counts.
A real-time factor is seconds of computing for a second of sound.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch.nn.utils.rnn import pad_sequence
from transformers.utils.logging import disable_progress_bar

from nlpcl.audio.features.cache import clear_cache, features
from nlpcl.audio.features.files import VARIABLE
from nlpcl.audio.front_end import FrontEnd, load_front_end
from nlpcl.audio.log_mel import log_mel
from nlpcl.audio.paths import sound_paths
from nlpcl.audio.reading import read_clip
from nlpcl.core.tables import Table
from nlpcl.nn.devices import arithmetic


def timed(work: Callable[[], Any]) -> float:
    """Seconds of one run."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def bare_forward(front_end: FrontEnd, batches: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """The encoder alone; for a spectrogram the spectrogram."""
    with arithmetic(front_end.device, front_end.precision):
        for waveforms, lengths in batches:
            if front_end.encoder is None:
                log_mel(waveforms, lengths, front_end.width)
            elif front_end.facts.all_layers:
                front_end.encoder.all_states(waveforms, lengths)
            else:
                front_end.encoder(waveforms, lengths)
    if front_end.device.type == "cuda":
        torch.cuda.synchronize()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-root", required=True, help="folder with sound files")
    parser.add_argument("--backbone", default="builtin")
    parser.add_argument("--layer", type=int)
    parser.add_argument("--weighted-sum", action="store_true", help="give all layers")
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=0, help="0 leaves it to torch")
    parser.add_argument("--repetitions", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    disable_progress_bar()
    front_end = load_front_end(
        arguments.backbone,
        layer=arguments.layer,
        all_layers=arguments.weighted_sum,
        device=arguments.device,
        precision=arguments.precision,
    )
    paths = sound_paths([arguments.data_root])
    rows = [{"path": path} for path in paths[:: max(1, len(paths) // arguments.clips)]]
    rows = rows[: arguments.clips]
    waveforms = [read_clip(row) for row in rows]
    seconds = sum(map(len, waveforms)) / front_end.sampling_rate
    batches = []
    for indices in front_end.batches([len(waveform) for waveform in waveforms]):
        chosen = [waveforms[index] for index in indices]
        lengths = torch.tensor([len(waveform) for waveform in chosen])
        padded = pad_sequence(chosen, batch_first=True)
        batches.append((padded.to(front_end.device), lengths.to(front_end.device)))
    works: dict[str, Callable[[], Any]] = {
        "bare": lambda: bare_forward(front_end, batches),
        "extract": lambda: front_end.extract(waveforms),
        "with reading": lambda: features(rows, front_end),
        "cached": lambda: features(rows, front_end),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    with tempfile.TemporaryDirectory() as folder:
        os.environ[VARIABLE] = str(Path(folder))
        for name in works:
            timed(works[name])
        for _ in range(arguments.repetitions):
            clear_cache()
            for name, work in works.items():
                times[name].append(timed(work))
    lines = []
    for name, found in times.items():
        ratios = [ours / bare for ours, bare in zip(found, times["bare"], strict=True)]
        median = statistics.median(found)
        lines.append(
            [name, median, median / seconds, statistics.median(ratios), min(ratios), max(ratios)]
        )
    columns = ["what", "seconds", "real-time factor", "ratio to bare", "smallest", "largest"]
    title = (
        f"{front_end.description}: {len(rows)} clips, {seconds:.0f} s of sound, "
        f"{front_end.precision}, {torch.get_num_threads()} threads, "
        f"{arguments.repetitions} repetitions"
    )
    Console().print(Table("extraction", columns, lines, title=title, digits=4).as_rich())


if __name__ == "__main__":
    main()
