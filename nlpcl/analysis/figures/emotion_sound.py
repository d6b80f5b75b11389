"""Speech emotion: attention over a clip's sound, and probabilities over a long recording."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.figures.items import encoded, items
from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.sources import where
from nlpcl.analysis.figures.style import COLOURS, INK, WIDTH, colour, panels, shortened
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nlpcl.zoo.speech import SpeechClassifier

TASKS = ("emotion",)
CLIPS = 4
"""Clips whose attention is shown."""
WINDOW = 3.0
"""Seconds of sound behind each answer over time."""
STRETCHES = 400
"""Of a waveform, each drawn from its lowest to its highest sample."""
ANSWERS = 200
"""About the most answers over a file."""


@dataclass(frozen=True)
class Clip:
    """A clip with the model's attention over it.

    Args:
        title: its class and the answer.
        waveform: samples at 16 kHz, ``(T,)``.
        times: middle of each frame in seconds, ``(F,)``.
        attention: weight of each frame, summing to 1, ``(F,)``.
        mel: log-mel spectrogram, ``(N, M)``, 100 frames a second.
        entropy: of the attention, relative to that of equal weights, 0..1.
    """

    title: str
    waveform: np.ndarray
    times: np.ndarray
    attention: np.ndarray
    mel: np.ndarray
    entropy: float


def load_attention(run: Run, options: Options) -> Material:
    """Compute the model's attention over some test clips, without padding."""
    listening(run)
    listed = items(run, 10**9, options.seed)
    tested = {
        row["id"]: row for row, held in zip(listed.examples, listed.is_test, strict=True) if held
    }
    chosen = surest(run, set(tested))
    if not chosen:
        raise LeftOut("none of the predictions is of a clip of its data")
    clips = [clip_of(run, tested[row["id"]], row) for row in chosen]
    rows = [
        {"id": row["id"], "gold": row["gold"], "seconds": float(time), "attention": float(weight)}
        for row, clip in zip(chosen, clips, strict=True)
        for time, weight in zip(clip.times, clip.attention, strict=True)
    ]
    caption = (
        "Line: weight of each frame, relative to equal weights (1), over the waveform and over the "
        "log-mel spectrogram; single peaks may leave the panel. Entropy 1: all frames "
        "alike. The surest right answer of each class, "
        f"or the surest one where none is right; {len(clips)} clips. "
    )
    return Material({"clips": clips}, rows, caption + where(run, len(run.predictions), "clips"))


def listening(run: Run) -> SpeechClassifier:
    """Return the run's model if it can explain its attention.

    Raises:
        LeftOut: it cannot.
    """
    from nlpcl.zoo.speech import SpeechClassifier

    if not isinstance(run.model, SpeechClassifier):
        raise LeftOut(f"{run.record['model']} has no attention to show")
    return run.model


def surest(run: Run, usable: set[str]) -> list[dict[str, Any]]:
    """Select the most confident correct prediction of each class, else any of the class."""
    best: dict[str, dict[str, Any]] = {}
    for row in run.predictions:
        if row["id"] not in usable:
            continue
        old = best.get(row["gold"])
        if old is None or rank(row) > rank(old):
            best[row["gold"]] = row
    return [best[name] for name in sorted(best)][:CLIPS]


def rank(row: Mapping[str, Any]) -> tuple[bool, float]:
    """Sorting key: correct predictions first, then by confidence."""
    return row["label"] == row["gold"], row["probabilities"][row["label"]]


def clip_of(run: Run, example: Mapping[str, Any], answer: Mapping[str, Any]) -> Clip:
    """Read a clip and compute the model's attention over it."""
    import torch

    from nlpcl.audio.log_mel import log_mel
    from nlpcl.audio.reading import read_clip

    model, task = listening(run), run.task
    (feature,) = encoded(run, [dict(example)]) or [None]
    if feature is None:
        raise LeftOut(f"the clip {example['id']} cannot be read")
    device = next(model.parameters()).device
    batch = {name: value.to(device) for name, value in task.collate([feature]).items()}
    with torch.inference_mode():
        found = model.explain(batch["inputs"], batch["attention_mask"])
    if found is None:
        raise LeftOut(f"{run.record['model']} has no attention to show")
    waveform = task.processor.prepare(read_clip(example))
    weights = found[0].float().cpu().numpy()
    # Frames of the encoder lie evenly over the clip; behind its end there is nothing to show.
    real = np.flatnonzero(weights > 0)
    weights = weights[: real[-1] + 1 if len(real) else len(weights)]
    rate = task.processor.frame_rate
    times = (np.arange(len(weights)) + 0.5) / rate
    mel, _ = log_mel(waveform.unsqueeze(0), torch.tensor([len(waveform)]))
    probability = answer["probabilities"][answer["label"]]
    title = (
        f"{shortened(answer['gold'], 12)} → {shortened(answer['label'], 12)} ({probability:.2f})"
    )
    return Clip(title, waveform.numpy(), times, weights, mel[0].numpy(), entropy(weights))


def entropy(weights: np.ndarray) -> float:
    """Entropy relative to that of equal weights, 0..1."""
    probabilities = weights[weights > 0] / weights.sum()
    if len(weights) < 2:
        return 1.0
    return float(-(probabilities * np.log(probabilities)).sum() / np.log(len(weights)))


def draw_attention(clips: Sequence[Clip]) -> Figure:
    """Draw waveform and spectrogram of each clip, with the attention over both."""
    columns = min(2, len(clips))
    blocks = -(-len(clips) // columns)
    figure, grid = panels(2 * blocks, columns, height=1.35)
    for number, clip in enumerate(clips):
        block, column = divmod(number, columns)
        above = grid[2 * block * columns + column]
        below = grid[(2 * block + 1) * columns + column]
        seconds = len(clip.waveform) / 16_000
        relative = clip.attention * len(clip.attention)
        ceiling = max(1.25, 1.2 * float(np.quantile(relative, 0.97)))
        low, high = envelope(clip.waveform)
        at = np.linspace(0, seconds, len(low))
        above.fill_between(at, low, high, color="#9aa3ab", linewidth=0)
        above.set(xlim=(0, seconds), yticks=[], title=f"{clip.title}  entropy {clip.entropy:.3f}")
        above.tick_params(labelbottom=False)
        below.imshow(
            clip.mel,
            origin="lower",
            aspect="auto",
            cmap="magma",
            extent=(0, clip.mel.shape[1] / 100, 0, clip.mel.shape[0]),
        )
        below.set(
            xlim=(0, seconds), xlabel="seconds", yticks=[], ylabel="mel bin" if not column else ""
        )
        for axes, shade in ((above, COLOURS[1]), (below, "#ffffff")):
            axes.grid(False)
            over = axes.twinx()
            over.plot(clip.times, relative, color=shade, linewidth=1.3)
            over.set(ylim=(0, ceiling))
            over.grid(False)
            over.spines["right"].set_visible(axes is above)
            over.tick_params(labelright=axes is above, right=axes is above, labelsize=7)
    for axes in [*grid][len(clips) * 2 :] if len(clips) == 1 else []:
        axes.set_axis_off()
    if len(clips) > 1 and len(clips) % columns:
        for row in (2 * blocks - 2, 2 * blocks - 1):
            grid[row * columns + columns - 1].set_axis_off()
    return figure


def envelope(waveform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Minimum and maximum of the samples in each of many short stretches."""
    size = max(1, len(waveform) // STRETCHES)
    parts = waveform[: len(waveform) // size * size].reshape(-1, size)
    return parts.min(1), parts.max(1)


def load_timeline(run: Run, options: Options) -> Material:
    """Compute probabilities in windows over a sound file."""
    from nlpcl.audio.reading import seconds

    if options.audio is None:
        raise LeftOut("it needs a long sound file: --audio FILE")
    length = seconds(options.audio)
    if length < 2 * WINDOW:
        raise LeftOut(f"{options.audio} is {length:.1f} s long; {2 * WINDOW:g} s are needed")
    hop = max(1.0, round(length / ANSWERS, 1))
    answers = run.predict([str(options.audio)], window=WINDOW, hop=hop)
    answers = [row for row in answers if row["end"] - row["start"] > WINDOW / 2]
    rows = [
        {key: row[key] for key in ("start", "end", "label")} | row["probabilities"]
        for row in answers
    ]
    caption = (
        f"{options.audio.name}, {length:.1f} s: {len(rows)} windows of {WINDOW:g} s, one every "
        f"{hop:g} s; each point stands in the middle of its window. {run.name}"
    )
    if run.is_study:
        caption += f", model of fold {run.record['model_fold']}"
    labels = list(answers[0]["probabilities"])
    values = {"rows": rows, "labels": labels, "length": length}
    return Material(values, rows, f"{caption}.")


def draw_timeline(
    rows: Sequence[Mapping[str, Any]], labels: Sequence[str], length: float
) -> Figure:
    """Plot one line per class, with the predicted class as a band below."""
    figure, (above, below) = panels(
        2, 1, height=1.7, width=WIDTH, sharex=True, gridspec_kw={"height_ratios": [5, 0.6]}
    )
    middle = [(row["start"] + row["end"]) / 2 for row in rows]
    edges = [0.0, *((a + b) / 2 for a, b in pairwise(middle)), length]
    for number, label in enumerate(labels):
        # None, where nobody speaks, is a gap in the line.
        heights = [math.nan if row[label] is None else row[label] for row in rows]
        above.plot(middle, heights, color=colour(number), label=shortened(label))
    for row, start, end in zip(rows, edges, edges[1:], strict=False):
        if row["label"] in labels:
            below.axvspan(start, end, color=colour(list(labels).index(row["label"])), linewidth=0)
    above.set(ylabel="probability", ylim=(0, 1))
    above.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(6, len(labels)))
    below.set(xlabel="seconds", yticks=[], xlim=(0, length))
    below.set_ylabel("answer", rotation=0, ha="right", va="center", color=INK)
    below.grid(False)
    return figure


FAMILY = "speech emotion"
KINDS = (
    Kind(
        "attention",
        "Attention over the sound",
        load_attention,
        draw_attention,
        TASKS,
        needs_model=True,
    ),
    Kind(
        "timeline", "Probabilities over time", load_timeline, draw_timeline, TASKS, needs_model=True
    ),
)
