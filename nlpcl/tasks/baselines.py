"""Answers of plain baselines, which a model has to be better than."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nlpcl.core.splits import Example
from nlpcl.metrics.chance import constant_loss
from nlpcl.tasks.renaming import merged, renamed

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Baseline:
    """The answers of a baseline that was fitted to the training rows of a model.

    Args:
        name: what it is, in a few words.
        tests: prediction rows by test set, in the order of the model's: ``id``, ``gold`` and the
            answer as in ``predictions.jsonl``.
    """

    name: str
    tests: Mapping[str, Rows]

    def rows(self) -> Rows:
        """All rows, each with the name of its test set, as a run keeps them."""
        return [{"test": test, **row} for test, rows in self.tests.items() for row in rows]


def class_rows(
    examples: Sequence[Example],
    probabilities: np.ndarray,
    labels: Sequence[str],
    names: Mapping[str, str],
) -> Rows:
    """Prediction rows of a classifier.

    Args:
        examples: rows with ``id`` and ``label``.
        probabilities: of the classes, ``(N, C)``.
        labels: the classes C.
        names: class → what it is called in this evaluation; merged ones are summed.
    """
    shown = renamed(labels, names)
    rows: Rows = []
    for example, values in zip(
        examples, merged(probabilities.tolist(), labels, names), strict=True
    ):
        best = max(range(len(shown)), key=lambda at: values[at])
        rounded = {name: round(float(value), 6) for name, value in zip(shown, values, strict=True)}
        answer = {"label": shown[best], "probabilities": rounded}
        rows.append({"id": example.get("id"), "gold": example["label"], **answer})
    return rows


def loss_of_frequencies(counts: Sequence[int], config: Any, smoothing: float = 0.0) -> float:
    """The training loss of a classifier that has learnt no more than how frequent classes are.

    Args:
        counts: training rows of each class.
        config: with ``loss``, ``focal_gamma`` and ``class_weights``.
        smoothing: of the labels.
    """
    return constant_loss(
        counts,
        gamma=config.focal_gamma if config.loss == "focal" else 0.0,
        smoothing=smoothing,
        is_balanced=config.class_weights == "balanced",
    )
