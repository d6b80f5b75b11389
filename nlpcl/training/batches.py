"""Batches of training rows and their order."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from torch.utils.data import Sampler


class LengthBatches(Sampler[list[int]]):
    """Samples batches of rows of similar length, in random order.

    The order depends on the seed and the epoch only, so a resumed run and every variant of an
    ablation see the same batches. The batches accumulated for one update come from one group of
    rows.

    Args:
        lengths: length of each row.
        size: rows per batch.
        group: batches per update.
        seed: seed for the order.
    """

    SPAN = 50
    """Number of groups in a pool of shuffled rows that is sorted by length."""

    def __init__(self, lengths: Sequence[int], size: int, group: int, seed: int) -> None:
        self.lengths, self.size, self.group, self.seed = lengths, size, group, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Select the epoch, which determines the order."""
        self.epoch = epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.size)

    def __iter__(self) -> Iterator[list[int]]:
        shuffler = random.Random(f"{self.seed}:{self.epoch}")
        order = list(range(len(self.lengths)))
        shuffler.shuffle(order)
        rows = self.size * self.group
        pools = [
            sorted(order[at : at + rows * self.SPAN], key=lambda row: self.lengths[row])
            for at in range(0, len(order), rows * self.SPAN)
        ]
        groups = [pool[at : at + rows] for pool in pools for at in range(0, len(pool), rows)]
        whole = [group for group in groups if len(group) == rows]
        shuffler.shuffle(whole)
        # The short group, if any, stays last: an accumulated update must not span two groups.
        for group in [*whole, *(group for group in groups if len(group) < rows)]:
            for at in range(0, len(group), self.size):
                yield group[at : at + self.size]
