"""The plain baseline of speech emotion: logistic regression on mean and deviation of the frames.

It has no notion of time, yet is hard to beat on acted speech: emotion is in the level and the range
of a voice.

Legend: ``T`` frames, ``H`` width, ``K`` layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np
from torch import Tensor

from nlpcl.core.splits import Example, Splits
from nlpcl.tasks.baselines import Baseline, class_rows
from nlpcl.training.inference import Feature
from nlpcl.training.logistic_regression import probabilities

STRENGTH = 0.1
"""Inverse C of the penalty, on standardised features and with balanced classes. Best on the dev
speakers of EmoDB and RAVDESS, if narrowly, of 0.01 and 0.1, balanced and not."""
NAME = f"logistic regression (on mean and deviation of the same frames; C = {STRENGTH:g})"


def summary(frames: Tensor) -> np.ndarray:
    """Mean and standard deviation over time of ``(T, H)``: ``(2H,)``; of layers, their average.

    Args:
        frames: ``(T, H)`` or ``(K, T, H)``.
    """
    values = frames.float()
    values = values.mean(0) if values.dim() == 3 else values
    return np.concatenate([values.mean(0).numpy(), values.std(0, correction=0).numpy()])


def answers(
    train: Iterable[Tensor],
    labels: Sequence[str],
    tests: Mapping[str, Iterable[Tensor]],
    classes: Sequence[str],
) -> dict[str, np.ndarray]:
    """Class probabilities ``(N, C)`` of the clips of each test set.

    Args:
        train: frames of the training clips, read once.
        labels: their emotions, two different ones at least.
        tests: frames of the test clips.
        classes: the model's, in order.
    """
    rows = np.stack([summary(frames) for frames in train])
    mean, deviation = rows.mean(0), rows.std(0)
    deviation[deviation == 0] = 1.0

    def standardised(clips: Iterable[Tensor]) -> np.ndarray:
        found = [(summary(frames) - mean) / deviation for frames in clips]
        return np.stack(found) if found else np.zeros((0, len(mean)))

    scaled = [standardised(clips) for clips in tests.values()]
    found = probabilities(
        (rows - mean) / deviation, labels, scaled, classes, strength=STRENGTH, is_balanced=True
    )
    return dict(zip(tests, found, strict=True))


class Reader(Protocol):
    """The members of the task that are used here."""

    labels: list[str]
    names: Mapping[str, str]

    def encode(self, examples: Sequence[Example]) -> list[Feature]: ...

    def frames(self, row: Feature) -> Tensor: ...


def of_frames(task: Reader, splits: Splits) -> Baseline | None:
    """The baseline on the frames that a task reads; None where training has one emotion only."""
    train = task.encode(splits.train)
    labels = [row["clip"]["label"] for row in train]
    if len(set(labels)) < 2:
        return None
    tests = {name: task.encode(rows) for name, rows in splits.test.items()}
    frames = {name: map(task.frames, rows) for name, rows in tests.items()}
    found = answers(map(task.frames, train), labels, frames, task.labels)
    rows = {
        name: class_rows([row["clip"] for row in own], found[name], task.labels, task.names)
        for name, own in tests.items()
    }
    return Baseline(NAME, rows)
