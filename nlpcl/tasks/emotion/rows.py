"""Clips and answers as rows: what is read of a clip, what is written of a prediction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from nlpcl.core.splits import Example

BATCH_SECONDS = 60.0
"""Seconds of sound that are worked on together."""


def grouped(pieces: Iterable[Any]) -> Iterator[list[Any]]:
    """Windows in lists of about ``BATCH_SECONDS``."""
    batch: list[Any] = []
    for piece in pieces:
        batch.append(piece)
        if sum(one.end - one.start for one in batch) >= BATCH_SECONDS:
            yield batch
            batch = []
    if batch:
        yield batch


def result_row(
    path: str, start: float, end: float, values: Sequence[float], labels: Sequence[str]
) -> dict[str, Any]:
    """What ``predict`` gives."""
    shares = dict(zip(labels, values, strict=True))
    best = max(shares, key=lambda name: shares[name])
    return {
        "path": path,
        "start": round(start, 3),
        "end": round(end, 3),
        "label": best,
        "probabilities": {name: round(float(value), 6) for name, value in shares.items()},
    }


def prediction_row(
    clip: Example, values: Sequence[float], labels: Sequence[str], duration: float
) -> dict[str, Any]:
    """A row of ``predictions.jsonl``."""
    kept = {key: clip.get(key, "") for key in ("id", "speaker", "gender", "session", "corpus")}
    answer = result_row(clip["path"], 0.0, duration, values, labels)
    scored = {key: answer[key] for key in ("label", "probabilities")}
    return kept | {"seconds": round(duration, 3), "gold": clip["label"]} | scored
