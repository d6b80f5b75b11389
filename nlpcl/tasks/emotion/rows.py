"""Predictions as rows: what ``predict`` prints, and what ``predictions.jsonl`` holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nlpcl.core.splits import Example


def result_row(
    path: str, start: float, end: float, values: Sequence[float], labels: Sequence[str]
) -> dict[str, Any]:
    """Row that ``predict`` returns."""
    probabilities = dict(zip(labels, values, strict=True))
    best = max(probabilities, key=lambda name: probabilities[name])
    return {
        "path": path,
        "start": round(start, 3),
        "end": round(end, 3),
        "label": best,
        "probabilities": {name: round(float(value), 6) for name, value in probabilities.items()},
    }


def prediction_row(
    clip: Example, values: Sequence[float], labels: Sequence[str], duration: float
) -> dict[str, Any]:
    """A row of ``predictions.jsonl``."""
    kept = {key: clip.get(key, "") for key in ("id", "speaker", "gender", "session", "corpus")}
    answer = result_row(clip["path"], 0.0, duration, values, labels)
    scored = {key: answer[key] for key in ("label", "probabilities")}
    return kept | {"seconds": round(duration, 3), "gold": clip["label"]} | scored
