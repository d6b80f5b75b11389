"""Confusion counts and the scores that follow from them, for many resamples at once.

Conventions, printed beside the numbers because papers use the names both ways round:

- ``wa`` (weighted accuracy): plain accuracy, right items / items.
- ``ua`` (unweighted accuracy, UAR, balanced accuracy): mean recall over the classes that occur in
  the gold labels; a class without gold items has no recall, is left out and is named.
- ``macro_f1``: mean F1 over *all* label names, as ``f1_score(labels=all, zero_division=0)``: a
  class that is neither gold nor predicted counts 0.
- ``macro_f1_present``: mean F1 over the classes that are gold or predicted, as ``f1_score`` without
  ``labels``; for groups of items that cannot hold every class.
- ``weighted_f1``: F1 weighted by the gold items of a class.

All are percentages. Counts have shape (..., C, C), gold classes in rows; leading axes are kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from nlpcl.core.errors import unknown_name
from nlpcl.metrics.arrays import Floats, Integers, Numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

ScoreFunction = Callable[[Numbers], Floats]
"""Summed counts (..., C, C) -> percentages (...)."""


def label_indices(names: Sequence[str], labels: Sequence[str]) -> Integers:
    """Positions of ``names`` in ``labels``, shape (N,).

    Raises:
        UserError: a name that is not a label.
    """
    import numpy as np

    position = {label: index for index, label in enumerate(labels)}
    try:
        return np.array([position[name] for name in names], dtype=np.int64)
    except KeyError as error:
        raise unknown_name("label", str(error.args[0]), labels) from None


def checked_indices(values: ArrayLike, classes: int, what: str) -> Integers:
    """``values`` as int64 class indices, any shape.

    Raises:
        ValueError: empty, not whole numbers, or outside 0..classes-1.
    """
    import numpy as np

    found = np.asarray(values)
    if found.size == 0:
        raise ValueError(f"{what}: there are no items")
    if not np.issubdtype(found.dtype, np.integer):
        raise ValueError(f"{what}: class indices must be whole numbers, found {found.dtype}")
    if found.min() < 0 or found.max() >= classes:
        raise ValueError(f"{what}: class indices must lie in 0..{classes - 1}")
    return found.astype(np.int64)


def checked_probabilities(values: ArrayLike, n: int, classes: int) -> Floats:
    """``values`` as float64 (N, C).

    Raises:
        ValueError: wrong shape, not finite, outside 0..1, or rows that do not sum to 1.
    """
    import numpy as np

    found = np.asarray(values, dtype=np.float64)
    if found.shape != (n, classes):
        raise ValueError(f"probabilities: shape {found.shape}, expected {(n, classes)}")
    if not np.isfinite(found).all() or found.min() < -1e-6 or found.max() > 1 + 1e-6:
        raise ValueError("probabilities: every value must be finite and lie in 0..1")
    # Half precision leaves about 1e-3 in a sum.
    if np.abs(found.sum(-1) - 1).max() > 1e-2:
        raise ValueError("probabilities: every row must sum to 1")
    return found


def confusion_counts(gold: ArrayLike, predicted: ArrayLike, classes: int) -> Integers:
    """Counts (C, C), gold classes in rows.

    Raises:
        ValueError: lengths differ or an index is out of range.
    """
    import numpy as np

    rows = checked_indices(gold, classes, "gold")
    columns = checked_indices(predicted, classes, "predicted")
    if rows.ndim != 1 or rows.shape != columns.shape:
        raise ValueError(f"gold has shape {rows.shape}, predicted {columns.shape}")
    flat = np.bincount(rows * classes + columns, minlength=classes * classes)
    return flat.reshape(classes, classes)


def cell(value: float) -> float | None:
    """A number for a table: None where it is NaN, which JSON does not have."""
    return None if math.isnan(value) else value


def ratio(part: ArrayLike, whole: ArrayLike) -> Floats:
    """``part / whole``, 0 where ``whole`` is 0."""
    import numpy as np

    above, below = np.broadcast_arrays(np.asarray(part, float), np.asarray(whole, float))
    return np.divide(above, below, out=np.zeros(above.shape), where=below > 0)


def precision(counts: Numbers) -> Floats:
    """Per class (..., C), percent; 0 for a class never predicted."""
    return 100 * ratio(counts.diagonal(0, -2, -1), counts.sum(-2))


def recall(counts: Numbers) -> Floats:
    """Per class (..., C), percent; 0 for a class without gold items."""
    return 100 * ratio(counts.diagonal(0, -2, -1), counts.sum(-1))


def f1(counts: Numbers) -> Floats:
    """Per class (..., C), percent; 0 for a class neither gold nor predicted."""
    return 200 * ratio(counts.diagonal(0, -2, -1), counts.sum(-1) + counts.sum(-2))


def wa(counts: Numbers) -> Floats:
    """Plain accuracy (...)."""
    return 100 * ratio(counts.diagonal(0, -2, -1).sum(-1), counts.sum((-2, -1)))


def ua(counts: Numbers) -> Floats:
    """Mean recall over the classes present in gold (...)."""
    return ratio(recall(counts).sum(-1), (counts.sum(-1) > 0).sum(-1))


def macro_f1(counts: Numbers) -> Floats:
    """Mean F1 over all classes (...)."""
    return f1(counts).mean(-1)


def macro_f1_present(counts: Numbers) -> Floats:
    """Mean F1 over the classes that are gold or predicted (...)."""
    present = (counts.sum(-1) + counts.sum(-2)) > 0
    return ratio(f1(counts).sum(-1), present.sum(-1))


def weighted_f1(counts: Numbers) -> Floats:
    """Mean F1 weighted by support (...)."""
    return ratio((f1(counts) * counts.sum(-1)).sum(-1), counts.sum((-2, -1)))


SCORES: dict[str, ScoreFunction] = {
    "wa": wa,
    "ua": ua,
    "macro_f1": macro_f1,
    "weighted_f1": weighted_f1,
    "macro_f1_present": macro_f1_present,
}
RATES = ("wa",)
"""Scores that are a rate of right items, each of which counts the same."""
PER_CLASS: dict[str, ScoreFunction] = {"precision": precision, "recall": recall, "f1": f1}


def score_function(name: str, labels: Sequence[str] = ()) -> ScoreFunction:
    """The function of counts behind a metric name: ``ua``, ``macro_f1``, ``f1_LABEL``, ...

    Raises:
        UserError: no such score.
    """
    if name in SCORES:
        return SCORES[name]
    known = {f"{kind}_{label}": (kind, i) for kind in PER_CLASS for i, label in enumerate(labels)}
    if name not in known:
        raise unknown_name("score", name, [*SCORES, *known])
    kind, index = known[name]
    return lambda counts: PER_CLASS[kind](counts)[..., index]
