"""Batches of clips: grouping, padding, augmentation and mixup.

Legend: ``B`` batch, ``T`` frames (or samples), ``K`` layers, ``H`` width.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn.utils.rnn import pad_sequence

from nlpcl.nn.losses.classification import mixup
from nlpcl.training.inference import Feature

Batch = dict[str, Tensor]
Change = Callable[[Tensor, Tensor, Generator], tuple[Tensor, Tensor]]
"""Inputs, lengths ``(B,)`` and a generator → augmented inputs and their lengths."""

BATCH_SECONDS = 60.0
"""Seconds of sound in one batch of inference."""


def grouped(pieces: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield windows in lists of about ``BATCH_SECONDS``."""
    batch: list[Any] = []
    for piece in pieces:
        batch.append(piece)
        if sum(one.end - one.start for one in batch) >= BATCH_SECONDS:
            yield batch
            batch = []
    if batch:
        yield batch


def padded(inputs: Sequence[Tensor], rows: Sequence[Feature]) -> Batch:
    """Pad inputs of different lengths to one batch.

    Args:
        inputs: frames ``(T, H)`` or ``(K, T, H)``, or waveforms ``(T,)``.
        rows: their features; if all have a label, the batch has labels and speakers.

    Returns:
        ``inputs`` with ``B`` in front, ``attention_mask`` ``(B, T)``, and if there are labels
        ``labels`` and ``speakers``, both ``(B,)``.
    """
    axis = 0 if inputs[0].dim() < 3 else 1  # of time
    lengths = torch.tensor([value.shape[axis] for value in inputs])
    grid = pad_sequence([value.movedim(axis, 0) for value in inputs], batch_first=True)
    places = torch.arange(grid.shape[1])
    batch = {
        "inputs": grid if axis == 0 else grid.movedim(1, 2),
        "attention_mask": (places < lengths.unsqueeze(1)).long(),
    }
    if all("label" in row for row in rows):
        batch["labels"] = torch.tensor([row["label"] for row in rows])
        batch["speakers"] = torch.tensor([row["speaker"] for row in rows])
    return batch


def augmented(batch: Batch, change: Change, drawn: random.Random) -> Batch:
    """Return a batch with changed inputs and the mask of their new lengths."""
    generator = torch.Generator().manual_seed(drawn.getrandbits(62))
    inputs, lengths = change(batch["inputs"], batch["attention_mask"].sum(1), generator)
    size = inputs.shape[1 if inputs.dim() < 4 else 2]
    mask = (torch.arange(size) < lengths.unsqueeze(1)).long()
    return batch | {"inputs": inputs, "attention_mask": mask}


def mixed(batch: Batch, sizes: tuple[int, int], alpha: float, drawn: random.Random) -> Batch:
    """Apply :func:`nlpcl.nn.losses.classification.mixup` to a batch.

    Args:
        batch: labelled clips, at least two.
        sizes: numbers of classes and of training speakers.
        alpha: of the beta distribution.
        drawn: source of randomness.
    """
    classes, speakers = sizes
    found = mixup(
        batch["inputs"],
        batch["attention_mask"],
        batch["labels"],
        classes,
        alpha=alpha,
        generator=drawn,
        speakers=batch["speakers"],
        training_speakers=speakers,
    )
    return batch | {name: value for name, value in found._asdict().items() if value is not None}
