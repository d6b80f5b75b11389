"""Predictions as rows: what ``predict`` prints, and what ``predictions.jsonl`` holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nlpcl.core.splits import Example

NO_SPEECH = "no speech"
"""Label of sound in which nobody speaks; its probabilities are None."""


def result_row(
    path: str, start: float, end: float, values: Sequence[float] | None, labels: Sequence[str]
) -> dict[str, Any]:
    """Row that ``predict`` returns.

    Args:
        path: of the file.
        start: where the answer begins, in seconds.
        end: where it ends.
        values: probabilities of the classes; None where nobody speaks.
        labels: the classes.
    """
    row: dict[str, Any] = {"path": path, "start": round(start, 3), "end": round(end, 3)}
    if values is None:
        return row | {"label": NO_SPEECH, "probabilities": dict.fromkeys(labels)}
    probabilities = dict(zip(labels, values, strict=True))
    best = max(probabilities, key=lambda name: probabilities[name])
    shown = {name: round(float(value), 6) for name, value in probabilities.items()}
    return row | {"label": best, "probabilities": shown}


def prediction_row(
    clip: Example, values: Sequence[float], labels: Sequence[str], duration: float
) -> dict[str, Any]:
    """A row of ``predictions.jsonl``."""
    kept = {key: clip.get(key, "") for key in ("id", "speaker", "gender", "session", "corpus")}
    answer = result_row(clip["path"], 0.0, duration, values, labels)
    scored = {key: answer[key] for key in ("label", "probabilities")}
    return kept | {"seconds": round(duration, 3), "gold": clip["label"]} | scored
