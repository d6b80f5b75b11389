"""Emotion recognition in sound files of any length, in constant memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from nlpcl.audio.reading import seconds
from nlpcl.audio.windows import Window, windows
from nlpcl.core.errors import UserError
from nlpcl.nn.model import ZooModel
from nlpcl.tasks.emotion.batches import grouped
from nlpcl.tasks.emotion.rows import result_row

LONG = 60.0
"""Seconds above which a file is taken in pieces even where one answer is asked for."""
PIECE = 30.0
"""Seconds of such a piece; the answer is the mean over the pieces, weighted by what is spoken."""


class Listener(Protocol):
    """The methods of the task that streaming calls."""

    labels: list[str]

    def prepare(self, waveform: Tensor) -> Tensor | None: ...

    def probabilities(
        self, model: ZooModel, waveforms: Sequence[Tensor], precision: str
    ) -> list[list[float]]: ...


def stream(
    task: Listener,
    model: ZooModel,
    paths: Iterable[str],
    *,
    precision: str,
    window: float = 0.0,
    hop: float = 0.0,
    skipped: Counter[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the emotions of sound files in order.

    Args:
        task: makes probabilities of waveforms.
        model: a trained model.
        paths: sound files.
        precision: fp32, bf16 or fp16.
        window: seconds an answer; 0 gives one answer a file. A file over 60 s is then taken in
            pieces of 30 s, and the answer is their mean weighted by the length of speech in them.
        hop: seconds from window to window; 0 is the window.
        skipped: gets a line for each file that cannot be used; without it that is an error.

    Yields:
        ``{"path", "start", "end", "label", "probabilities": {label: p}}``, times in seconds; where
        nobody speaks the label is ``no speech`` and each p None; for a file that cannot be used
        ``{"path", "error"}``.
    """
    for path in paths:
        try:
            yield from answers(task, model, str(path), precision, window, hop or window)
        except UserError as error:
            if skipped is None:
                raise
            skipped[str(error)] += 1
            yield {"path": str(path), "error": str(error)}


def answers(
    task: Listener, model: ZooModel, path: str, precision: str, window: float, hop: float
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one file."""
    if window:
        for piece, values, _ in heard(task, model, windows(path, window, hop), precision):
            yield result_row(path, piece.start, piece.end, values, task.labels)
        return
    pieces = windows(path, PIECE, PIECE) if seconds(path) > LONG else windows(path)
    total, weights, end = np.zeros(len(task.labels)), 0, 0.0
    for piece, values, size in heard(task, model, pieces, precision):
        end = piece.end
        if values is not None:
            total += size * np.array(values)
            weights += size
    yield result_row(path, 0.0, end, (total / weights).tolist() if weights else None, task.labels)


def heard(
    task: Listener, model: ZooModel, pieces: Iterable[Window], precision: str
) -> Iterator[tuple[Window, list[float] | None, int]]:
    """Yield windows with their probabilities, None without speech, and their samples of speech."""
    for batch in grouped(pieces):
        prepared = [task.prepare(piece.waveform) for piece in batch]
        spoken = [waveform for waveform in prepared if waveform is not None]
        found = iter(task.probabilities(model, spoken, precision) if spoken else ())
        for piece, waveform in zip(batch, prepared, strict=True):
            yield (piece, None, 0) if waveform is None else (piece, next(found), len(waveform))
