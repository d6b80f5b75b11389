"""Fitting of a judge to a corrector, on sentences that it was not trained on.

Legend: ``n`` places, ``K`` candidates, ``F`` features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from nlpcl.core.splits import Example
from nlpcl.nn.model import Batch, ZooModel
from nlpcl.tasks.correction.finder import Finder
from nlpcl.tasks.correction.judge import FEATURES, Judge
from nlpcl.training.inference import Decoder, Feature, in_batches

RIDGE = 1.0
"""Weight of the squared weights, of features of deviation 1, beside the log-likelihood."""


class Corrector(Decoder, Protocol):
    """What is needed of the task."""

    finder: Finder

    def encode(self, examples: Sequence[Example]) -> list[Feature]: ...


def fitted_judge(
    task: Corrector, model: ZooModel, examples: Sequence[Example], precision: str
) -> Judge | None:
    """A judge for a corrector; None where the sentences hold no error that it sees.

    Each sentence is there as written and corrected, so that about one in two holds an error.
    """
    pairs = [example for example in examples if len(example["source"]) == len(example["target"])]
    right = [{"source": example["target"], "target": example["target"]} for example in pairs]
    places = judged_places(task, model, [*pairs, *right], precision)
    features, label = (torch.cat(parts) for parts in zip(*places, strict=True))
    if not label.any():
        return None
    vector = fit_weights(features, label, torch.ones(len(label)))
    weights = {name: round(float(one), 5) for name, one in zip(FEATURES, vector, strict=True)}
    return Judge(weights, task.finder.ids.characters)


def judged_places(
    task: Corrector, model: ZooModel, examples: Sequence[Example], precision: str
) -> list[tuple[Tensor, Tensor]]:
    """What a judge sees of sentences, as prediction shows it.

    Returns:
        For each encoded sentence the features of its judged places, ``(n, K, F)``, and what is
        right there: 0 to keep the character as written, else 1 + the candidate, ``(n,)``.
    """
    judge = Judge({}, task.finder.ids.characters)

    def answer(batch: Batch, features: Sequence[Feature]) -> list[tuple[Tensor, Tensor]]:
        labels = batch["labels"]
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
        at = task.finder.replaceable(batch)
        rows = at.nonzero()[:, 0]
        scripts = torch.tensor([one["script"] for one in features], device=at.device)[rows]
        written = batch["input_ids"][at]
        scores = logits[at][:, : len(task.finder.candidates.family)].float()
        shown, others = task.finder.candidates.shown(scores, written, scripts)
        judged, ids, found = judge.features(shown, written, others)
        right = labels[at].unsqueeze(1) == ids
        label = torch.where(right.any(1), right.int().argmax(1) + 1, 0)
        return [
            (found[judged & (rows == row)].cpu(), label[judged & (rows == row)].cpu())
            for row in range(len(features))
        ]

    with torch.inference_mode():
        return in_batches(model, task, task.encode(examples), answer, precision=precision)


def fit_weights(features: Tensor, label: Tensor, weight: Tensor) -> Tensor:
    """The weights of the most likelihood, with a ridge, ``(F,)``.

    Args:
        features: ``(n, K, F)``.
        label: 0 to keep what is written, else 1 + the right candidate, ``(n,)``.
        weight: of each place, ``(n,)``.
    """
    features, weight = features.double(), weight.double()
    scale = features.flatten(0, 1).std(0)
    scale[scale == 0] = 1.0
    vector = torch.zeros(len(FEATURES), dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([vector], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        stay = torch.zeros(len(features), 1, dtype=torch.double)
        scores = torch.cat([stay, features / scale @ vector], 1)
        each = torch.nn.functional.cross_entropy(scores, label, reduction="none")
        total = (each * weight).sum() + RIDGE * vector.square().sum() / 2
        total.backward()
        return total

    optimizer.step(loss)  # type: ignore[arg-type]
    return (vector.detach() / scale).float()
