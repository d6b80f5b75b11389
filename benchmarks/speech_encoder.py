"""What the built-in speech encoder's size costs: against its source, alone and in a batch.

    python benchmarks/speech_encoder.py --source FOLDER --clips FILE [FILE ...]

The source is the Whisper folder it was cut from. Differences of states are relative, in the
Frobenius norm, unless a row says otherwise; seconds are the fastest of five.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from transformers.utils.logging import disable_progress_bar

from nlpcl.audio.loading import FOLDER, WEIGHTS, load_builtin, load_speech_encoder
from nlpcl.audio.log_mel import log_mel
from nlpcl.audio.reading import read_audio
from nlpcl.audio.speech_encoder import sinusoids
from nlpcl.core.tables import Table
from nlpcl.nn.devices import arithmetic

CPU = torch.device("cpu")
WHISPER_SAMPLES = 30 * 16_000


def fastest(work: Callable[[], Any]) -> float:
    """Seconds of the fastest of five runs."""
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return min(times)


def states(encoder: Any, clips: list[torch.Tensor], precision: str = "fp32") -> list[torch.Tensor]:
    """States of each clip alone."""
    with arithmetic(CPU, precision):
        return [encoder(clip.unsqueeze(0)).states[0].float() for clip in clips]


def largest_relative(found: list[torch.Tensor], expected: list[torch.Tensor]) -> float:
    """The largest relative difference of a clip's states."""
    return max(float((a - b).norm() / b.norm()) for a, b in zip(found, expected, strict=True))


@torch.inference_mode()
def against_transformers(source: Any, folder: str, clip: torch.Tensor) -> tuple[float, float]:
    """Largest absolute differences on 30 s: with the source's rounded positions, and with ours."""
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    stock: Any = WhisperEncoder.from_pretrained(
        folder, dtype=torch.float32, trust_remote_code=False
    ).eval()
    padded = torch.zeros(1, WHISPER_SAMPLES)
    padded[0, : len(clip)] = clip[:WHISPER_SAMPLES]
    mel, mask = log_mel(padded, torch.tensor([WHISPER_SAMPLES]), source.config.mel_bins)
    layer = load_builtin().config.layer
    ours = source.encode(mel, mask, layer=layer)[0][-1]
    differences = []
    for exact in (False, True):
        if exact:
            size = stock.embed_positions.weight.shape
            stock.embed_positions.weight.copy_(sinusoids(size[0], size[1], CPU))
        given = stock(mel, output_hidden_states=True).hidden_states[layer]
        differences.append(float((given - ours).abs().max()))
    return differences[0], differences[1]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What the built-in speech encoder's size costs.")
    parser.add_argument("--source", required=True, help="folder of the whole Whisper encoder")
    parser.add_argument("--clips", type=Path, nargs="+", required=True, help="sound files")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    disable_progress_bar()
    encoder, source = load_builtin(), load_speech_encoder(options.source)
    clips = [read_audio(path) for path in options.clips]
    seconds = sum(len(clip) for clip in clips) / 16_000
    alone = states(encoder, clips)
    lengths = torch.tensor([len(clip) for clip in clips])
    batch = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
    with torch.inference_mode():
        together = encoder(batch, lengths)
    apart = max(
        float((row[: len(one)] - one).abs().max())
        for row, one in zip(together.states, alone, strict=True)
    )
    source.config.layer = encoder.config.layer
    rounded, exact = against_transformers(source, options.source, clips[0])
    rows: list[list[Any]] = [
        ["size of the weights (MB)", (FOLDER / WEIGHTS).stat().st_size / 1e6],
        ["loading (s)", fastest(load_builtin)],
        ["batch against single, largest absolute difference", apart],
        ["8 bits against the source", largest_relative(alone, states(source, clips))],
        ["bf16 against fp32", largest_relative(states(encoder, clips, "bf16"), alone)],
        ["real-time factor, fp32", fastest(lambda: states(encoder, clips)) / seconds],
        ["real-time factor, bf16", fastest(lambda: states(encoder, clips, "bf16")) / seconds],
        ["transformers on 30 s, same positions, largest absolute difference", exact],
        ["transformers on 30 s, its rounded positions, largest absolute difference", rounded],
    ]
    title = f"{len(clips)} clips, {seconds:.1f} s, {options.threads} threads"
    table = Table("speech encoder", ["what", "value"], rows, title=title, digits=5)
    Console(width=110).print(table.as_rich())


if __name__ == "__main__":
    main()
