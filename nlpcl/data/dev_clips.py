"""A dev set of clips of the training speakers, for corpora of so few speakers that none is spare.

Epochs are then selected on speakers that the model has heard, which favours later ones; the test is
of other speakers all the same.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence

from nlpcl.core.splits import Example


def with_dev_clips(
    train: Sequence[Example], dev: Sequence[Example], seed: int, fraction: float
) -> tuple[list[Example], list[Example]]:
    """Divide the clips of train and dev anew, clip by clip: train and dev, each in order.

    Of every class about ``fraction`` is dev, at least one clip; a class of a single clip is train.

    Args:
        train: clips with ``id``, ``speaker`` and ``label``.
        dev: likewise.
        seed: chooses the clips.
        fraction: of the clips, above 0 and below 1.
    """
    rows = sorted([*train, *dev], key=lambda row: (str(row.get("speaker", "")), str(row["id"])))
    by_class: defaultdict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        by_class[row["label"]].append(number)
    drawn = random.Random(f"dev clips:{seed}")
    chosen: set[int] = set()
    for label in sorted(by_class):
        numbers = by_class[label]
        size = min(max(1, round(fraction * len(numbers))), len(numbers) - 1)
        chosen.update(drawn.sample(numbers, size))
    kept = [row for number, row in enumerate(rows) if number not in chosen]
    return kept, [row for number, row in enumerate(rows) if number in chosen]
