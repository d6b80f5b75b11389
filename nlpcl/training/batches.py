"""The order in which training rows are seen."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from torch.utils.data import Sampler


class LengthBatches(Sampler[list[int]]):
    """Batches of rows of similar length, in random order.

    The order depends on the seed and the epoch alone, so a resumed run and every variant of an
    ablation see the same batches. The batches of one accumulated update are pieces of one group.

    Args:
        lengths: length of each row.
        size: rows a batch.
        group: batches an update.
        seed: seed of the order.
    """

    SPAN = 50
    """Groups that are shuffled into one pool before they are sorted by length."""

    def __init__(self, lengths: Sequence[int], size: int, group: int, seed: int) -> None:
        self.lengths, self.size, self.group, self.seed = lengths, size, group, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch."""
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
        # The one short group stays last: an accumulated update must not straddle two groups.
        for group in [*whole, *(group for group in groups if len(group) < rows)]:
            for at in range(0, len(group), self.size):
                yield group[at : at + self.size]
