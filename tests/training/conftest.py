"""Toy models that regularisers can be worked out by hand for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from nlpcl.nn.model import Output, Part, ZooConfig, ZooModel, weighted_sum


class Toy(ZooModel):
    """Embeddings, dropout, mean over real tokens, one linear layer: logits ``(B, C)``."""

    name = ""

    def __init__(self, dropout: float = 0.0, classes: int = 3) -> None:
        super().__init__(ZooConfig())
        self.embeddings = nn.Embedding(20, 6)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(6, classes)

    def perturbed_module(self) -> nn.Module:
        return self.embeddings

    def pooled(self, input_ids: Any, attention_mask: Any) -> Any:
        mask = attention_mask.unsqueeze(-1).float()
        states = self.dropout(self.embeddings(input_ids).tanh()) * mask
        return states.sum(1) / mask.sum(1)

    def forward(self, input_ids: Any, attention_mask: Any, labels: Any = None) -> Output:
        logits = self.head(self.pooled(input_ids, attention_mask))
        if labels is None:
            return Output(logits=logits)
        losses = functional.cross_entropy(logits, labels, reduction="none")
        parts = {"task": Part(losses.sum(), torch.tensor(len(labels)))}
        return Output(weighted_sum(parts), logits, parts)

    def counts(self, batch: Any) -> dict[str, Any]:
        return {"task": torch.tensor(len(batch["labels"]))}


class Spans(Toy):
    """Scores of spans, ``(B, C, L, L)``, -inf where none can be."""

    output_activation = "sigmoid"

    def forward(self, input_ids: Any, attention_mask: Any, labels: Any = None) -> Output:
        states = self.head(self.dropout(self.embeddings(input_ids)).tanh())  # (B, L, C)
        scores = (states.unsqueeze(1) + 2 * states.unsqueeze(2)).permute(0, 3, 1, 2)
        real = attention_mask.bool()
        valid = (real.unsqueeze(1) & real.unsqueeze(2)).triu().unsqueeze(1)
        logits = scores.masked_fill(~valid, -torch.inf)
        if labels is None:
            return Output(logits=logits)
        losses = functional.binary_cross_entropy_with_logits(
            scores, labels.float(), reduction="none"
        )
        parts = {"task": Part((losses * valid).sum((1, 2, 3)).sum(), torch.tensor(len(labels)))}
        return Output(weighted_sum(parts), logits, parts)


@pytest.fixture
def toy():
    """``toy(dropout=0.5)`` → a model in training mode."""
    return lambda *given, **named: Toy(*given, **named).train()


@pytest.fixture
def spans():
    """``spans(dropout=0.5)`` → the same of a scorer of spans."""
    return lambda *given, **named: Spans(*given, **named).train()


@pytest.fixture
def batch():
    """Four rows of two to five tokens, with a label each."""
    lengths = torch.tensor([5, 3, 4, 2])
    mask = (torch.arange(5) < lengths.unsqueeze(1)).long()
    ids = torch.randint(1, 20, (4, 5)) * mask
    return {"input_ids": ids, "attention_mask": mask, "labels": torch.tensor([0, 2, 1, 1])}


@pytest.fixture
def span_batch(batch):
    """The same rows with a span of the first type each."""
    labels = torch.zeros(4, 3, 5, 5, dtype=torch.bool)
    labels[:, 0, 0, 1] = True
    return batch | {"labels": labels}
