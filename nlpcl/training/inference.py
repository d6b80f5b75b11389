"""Batched inference, the same for the dev set, the test sets and ``nlpcl predict``."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from nlpcl.core.memory import return_freed
from nlpcl.nn.devices import arithmetic
from nlpcl.nn.model import Batch, Output, ZooModel

Feature = dict[str, Any]
TOKENS = 4096
"""Padded tokens of a batch of inference."""


class Decoder(Protocol):
    """The methods of a task that inference calls."""

    def collate(self, features: Sequence[Feature]) -> dict[str, torch.Tensor]: ...

    def decode(self, output: Output, batch: Batch, features: Sequence[Feature]) -> list[Any]: ...


def length(feature: Feature) -> int:
    """Number of tokens or frames of an encoded row."""
    return feature["length"] if "length" in feature else len(feature["input_ids"])


def batches_by_length(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Batches of indices by similar length, longest first, of at most ``tokens`` padded tokens."""
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    start = 0
    while start < len(order):
        longest = max(1, lengths[order[start]])
        size = max(1, tokens // longest)
        yield order[start : start + size]
        start += size


def in_batches(
    model: ZooModel,
    task: Decoder,
    features: Sequence[Feature],
    answer: Callable[[Batch, Sequence[Feature]], Sequence[Any]],
    *,
    precision: str,
    tokens: int = TOKENS,
) -> list[Any]:
    """Answers for batches of similar length, in the order of ``features``.

    Args:
        model: on its device; put in evaluation mode.
        task: collates.
        features: encoded rows, with ``input_ids`` or ``length``.
        answer: a batch on the model's device and its features → one answer per feature.
        precision: ``fp32``, ``bf16`` or ``fp16``.
        tokens: padded tokens a batch.
    """
    device = next(model.parameters()).device
    answers: list[Any] = [None] * len(features)
    model.eval()
    with arithmetic(device, precision):
        for number, rows in enumerate(batches_by_length([length(f) for f in features], tokens)):
            if number and device.type == "cpu":  # one batch alone leaves no gaps that matter
                return_freed()
            chosen = [features[row] for row in rows]
            batch = {name: value.to(device) for name, value in task.collate(chosen).items()}
            for row, found in zip(rows, answer(batch, chosen), strict=True):
                answers[row] = found
    return answers


def infer(
    model: ZooModel,
    task: Decoder,
    features: Sequence[Feature],
    *,
    precision: str,
    tokens: int = TOKENS,
) -> tuple[list[Any], dict[str, float]]:
    """Predictions in the order of ``features``; with labels, the mean of each loss part too.

    The arguments are those of :func:`in_batches`.
    """
    totals: dict[str, float] = defaultdict(float)
    counts: dict[str, float] = defaultdict(float)
    weights: dict[str, float] = {}

    def answer(batch: Batch, chosen: Sequence[Feature]) -> list[Any]:
        output = model(**batch)
        for name, part in (output.parts or {}).items():
            totals[name] += float(part.total)
            counts[name] += float(part.count)
            weights[name] = part.weight
        return task.decode(output, batch, chosen)

    predictions = in_batches(model, task, features, answer, precision=precision, tokens=tokens)
    means = {name: totals[name] / max(counts[name], 1.0) for name in totals}
    if means:
        means["loss"] = sum(weights[name] * mean for name, mean in means.items())
    return predictions, means


def embed(
    model: Any, task: Decoder, features: Sequence[Feature], *, precision: str, tokens: int = TOKENS
) -> np.ndarray:
    """One vector per row, the input of the model's head: ``(N, D)`` in fp32, in the rows' order.

    The arguments are those of :func:`in_batches`; the model has a method ``embed``.
    """
    wanted = set(inspect.signature(model.embed).parameters)

    def answer(batch: Batch, _: Sequence[Feature]) -> Any:
        inputs = {name: value for name, value in batch.items() if name in wanted}
        return model.embed(**inputs).float().cpu().numpy()

    return np.stack(in_batches(model, task, features, answer, precision=precision, tokens=tokens))
