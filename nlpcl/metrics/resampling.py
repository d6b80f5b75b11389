"""What is resampled: clusters of test items, or items, with what scores need already summed.

Clips of one speaker, or sentences of one source, are not independent: where clusters are named,
whole clusters are drawn. What a score needs is first summed within clusters (or
counted once for items that are alike), so a thousand resamples cost one matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nlpcl.metrics.arrays import Floats, Integers, Numbers
from nlpcl.metrics.confusion import checked_indices

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

CELLS = 4_000_000
"""Numbers held at once while resampling."""


def bunches(resamples: int, width: int) -> Iterator[int]:
    """Resamples to draw at once, so that memory stays bounded.

    Raises:
        ValueError: fewer than two resamples.
    """
    if resamples < 2:
        raise ValueError("at least 2 resamples are needed")
    at_once = max(1, CELLS // max(width, 1))
    for start in range(0, resamples, at_once):
        yield min(at_once, resamples - start)


@dataclass(frozen=True)
class Units:
    """What is resampled: clusters, or items of which those alike are kept once.

    Args:
        totals: what scores need, summed within a unit, (U, systems, seeds, ...).
        copies: how many units are like this one (U,); 1 for clusters.
        n: items.
        clustered: whether units are clusters.
    """

    totals: Numbers
    copies: Integers
    n: int
    clustered: bool

    @property
    def size(self) -> int:
        """Units drawn in one resample."""
        return int(self.copies.sum())

    @property
    def method(self) -> str:
        """What is resampled, in words."""
        kind = "clusters" if self.clustered else "items"
        return f"percentile bootstrap over {self.size} {kind}"

    def sums(self, weights: Numbers) -> Floats:
        """``weights`` (R, U) -> summed totals (R, systems, seeds, ...)."""
        import numpy as np

        flat = self.totals.reshape(len(self.totals), -1).astype(np.float64)
        return (weights.astype(np.float64) @ flat).reshape(len(weights), *self.totals.shape[1:])

    def draws(self, resamples: int, generator: np.random.Generator) -> Iterator[Integers]:
        """How often each unit is drawn, as many as there are with replacement, (R, U) in parts."""
        probabilities = self.copies / self.size
        for count in bunches(resamples, self.totals.size // len(self.totals) + len(self.totals)):
            yield generator.multinomial(self.size, probabilities, size=count)


def cluster_indices(clusters: Sequence[str] | int, n: int | None = None) -> tuple[Integers, int]:
    """Cluster number of every item (N,) and the number of clusters; an int: every item its own.

    Raises:
        ValueError: no items, or not as many clusters named as there are items.
    """
    import numpy as np

    if isinstance(clusters, int):
        numbers, count = np.arange(clusters), clusters
    else:
        names, numbers = np.unique(np.asarray(clusters), return_inverse=True)
        numbers, count = numbers.reshape(-1), len(names)
    if not len(numbers):
        raise ValueError("there are no items")
    if n is not None and len(numbers) != n:
        raise ValueError(f"{len(numbers)} clusters named for {n} items")
    return numbers, count


def classification_units(
    gold: ArrayLike,
    predicted: ArrayLike,
    classes: int,
    clusters: Sequence[str] | None = None,
) -> Units:
    """Confusion counts of one or more systems on the same items.

    Args:
        gold: class indices (N,).
        predicted: class indices (N,), (seeds, N) or (systems, seeds, N).
        classes: C.
        clusters: names (N,), e.g. speakers; None: items are independent.

    Returns:
        Units whose totals have shape (U, systems, seeds, C, C).

    Raises:
        ValueError: no items, lengths differ, or indices out of range.
    """
    import numpy as np

    truth = checked_indices(gold, classes, "gold")
    answers = checked_indices(predicted, classes, "predicted")
    if answers.shape[-1] != len(truth) or answers.ndim > 3 or truth.ndim != 1:
        raise ValueError(f"gold has shape {truth.shape}, predicted {answers.shape}")
    answers = answers.reshape((1,) * (3 - answers.ndim) + answers.shape)
    systems, seeds, n = answers.shape
    runs = systems * seeds
    cells = truth * classes + answers.reshape(runs, n)
    if clusters is None:
        # Items with the same gold class and the same answers are interchangeable.
        cells, copies = np.unique(cells, axis=1, return_counts=True)
        count = int(cells.shape[1])
        unit = np.arange(count)
    else:
        unit, count = cluster_indices(clusters, n)
        copies = np.ones(count, dtype=np.int64)
    place = (unit * runs + np.arange(runs)[:, None]) * classes**2 + cells
    totals = np.bincount(place.ravel(), minlength=count * runs * classes**2)
    shape = (count, systems, seeds, classes, classes)
    return Units(totals.reshape(shape), copies, n, clusters is not None)


def summed_units(parts: ArrayLike, clusters: Sequence[str] | None = None) -> Units:
    """Any score made of sums, e.g. of hits, predicted and gold edits of each sentence.

    Args:
        parts: finite numbers of every item (N, systems, seeds, K).
        clusters: names (N,); None: items are independent.

    Raises:
        ValueError: no items, another number of axes, NaN, or not as many clusters as items.
    """
    import numpy as np

    values = np.asarray(parts, dtype=np.float64)
    if values.ndim != 4 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"finite numbers (items, systems, seeds, K) needed, found {values.shape}")
    n = len(values)
    if clusters is None:
        kinds, copies = np.unique(values.reshape(n, -1), axis=0, return_counts=True)
        return Units(kinds.reshape(-1, *values.shape[1:]), copies, n, False)
    unit, count = cluster_indices(clusters, n)
    totals = np.zeros((count, *values.shape[1:]))
    np.add.at(totals, unit, values)
    return Units(totals, np.ones(count, dtype=np.int64), n, True)
