"""Unintended bias of a binary classifier towards texts that mention a group.

Threshold-free measures of Borkan, Dixon, Sorensen, Thain and Vasserman 2019, "Nuanced metrics for
measuring unintended bias with real data for text classification" (arXiv 1903.04561). *Background*
is every item outside the group. All are percentages; a measure without items of both classes is
NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.arrays import Booleans
from nlpcl.metrics.confusion import cell
from nlpcl.metrics.groups import NO_GROUP, GroupNames, members

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def checked_binary(
    gold: ArrayLike, others: Sequence[ArrayLike]
) -> tuple[Booleans, list[NDArray[Any]]]:
    """``gold`` as booleans and the other arrays, all (N,).

    Raises:
        ValueError: no items, lengths differ, gold other than 0 and 1, or NaN.
    """
    import numpy as np

    truth = np.asarray(gold)
    arrays = [np.asarray(other) for other in others]
    if truth.ndim != 1 or not len(truth) or any(array.shape != truth.shape for array in arrays):
        raise ValueError(f"equally many items are needed: {[a.shape for a in (truth, *arrays)]}")
    if not np.isin(truth, (0, 1)).all():
        raise ValueError("gold must be 0 or 1")
    if any(np.isnan(array.astype(np.float64)).any() for array in arrays):
        raise ValueError("scores must not be NaN")
    return truth.astype(bool), arrays


def area(truth: Booleans, scores: NDArray[Any]) -> float:
    """Area under the ROC curve, percent; NaN with one class only."""
    from sklearn.metrics import roc_auc_score

    if truth.all() or not truth.any():
        return math.nan
    return 100 * float(roc_auc_score(truth, scores))


def false_positive_rate(
    gold: ArrayLike, predicted: ArrayLike, member: ArrayLike | None = None
) -> float:
    """Negatives that are taken for positives, percent of the negatives, within the group.

    Args:
        gold: 0 or 1 (N,).
        predicted: 0 or 1 (N,).
        member: whether an item belongs to the group (N,); None: all.
    """
    import numpy as np

    inside = np.ones(np.shape(gold), dtype=bool) if member is None else member
    truth, (answers, mask) = checked_binary(gold, [predicted, inside])
    negatives = mask.astype(bool) & ~truth
    return 100 * float(answers[negatives].mean()) if negatives.any() else math.nan


def subgroup_auc(gold: ArrayLike, scores: ArrayLike, member: ArrayLike) -> float:
    """AUC within the group: are its positives told from its negatives (section 3.2).

    Args:
        gold: 0 or 1 (N,).
        scores: of the positive class, higher is more positive (N,).
        member: whether an item belongs to the group (N,).
    """
    truth, (values, mask) = checked_binary(gold, [scores, member])
    kept = mask.astype(bool)
    return area(truth[kept], values[kept])


def bpsn_auc(gold: ArrayLike, scores: ArrayLike, member: ArrayLike) -> float:
    """AUC of background positives against group negatives; low: false positives in the group."""
    truth, (values, mask) = checked_binary(gold, [scores, member])
    kept = mask.astype(bool) ^ truth
    return area(truth[kept], values[kept])


def bnsp_auc(gold: ArrayLike, scores: ArrayLike, member: ArrayLike) -> float:
    """AUC of group positives against background negatives; low: misses in the group."""
    truth, (values, mask) = checked_binary(gold, [scores, member])
    kept = mask.astype(bool) == truth
    return area(truth[kept], values[kept])


def generalised_mean(values: Sequence[float], power: float = -5.0) -> float:
    """(mean of values^power)^(1/power): with -5, groups that fare badly weigh most.

    NaN values are left out; NaN when none is left, 0 when one is 0 and the power negative.
    """
    found = [value for value in values if not math.isnan(value)]
    if not found:
        return math.nan
    if min(found) < 0 or power == 0:
        raise ValueError("values must not be negative and the power not 0")
    if power < 0 and min(found) == 0:
        return 0.0
    return (sum(value**power for value in found) / len(found)) ** (1 / power)


def bias_metrics(
    gold: ArrayLike, scores: ArrayLike, values: GroupNames, *, fewest: int = 1
) -> dict[str, float]:
    """``gmb_subgroup_auc``, ``gmb_bpsn_auc``, ``gmb_bnsp_auc``: generalised means over groups.

    Args:
        gold: 0 or 1 (N,).
        scores: of the positive class (N,).
        values: the group or groups of every item; items without one are background.
        fewest: groups with fewer items are left out.
    """
    parts = group_areas(gold, scores, values)
    kept = [areas for n, areas in parts.values() if n >= fewest]
    names = ("gmb_subgroup_auc", "gmb_bpsn_auc", "gmb_bnsp_auc")
    columns = [[areas[index] for areas in kept] for index in range(3)]
    means = {name: generalised_mean(column) for name, column in zip(names, columns, strict=True)}
    return {name: value for name, value in means.items() if not math.isnan(value)}


def group_areas(
    gold: ArrayLike, scores: ArrayLike, values: GroupNames
) -> Mapping[str, tuple[int, tuple[float, float, float]]]:
    """Items, and subgroup, BPSN and BNSP AUC of every group."""
    import numpy as np

    result: dict[str, tuple[int, tuple[float, float, float]]] = {}
    for name, items in members(values).items():
        if name == NO_GROUP:
            continue
        member = np.zeros(len(values), dtype=bool)
        member[items] = True
        areas = (
            subgroup_auc(gold, scores, member),
            bpsn_auc(gold, scores, member),
            bnsp_auc(gold, scores, member),
        )
        result[name] = (len(items), areas)
    return result


def bias_table(
    gold: ArrayLike,
    scores: ArrayLike,
    predicted: ArrayLike,
    values: GroupNames,
    *,
    fewest: int = 1,
) -> Table:
    """One row a group: items, false-positive rate and the three AUCs; then generalised means.

    Args:
        gold: 0 or 1 (N,).
        scores: of the positive class (N,).
        predicted: 0 or 1 (N,).
        values: the group or groups of every item; items without one are background.
        fewest: groups with fewer items are shown and left out of the means.
    """
    import numpy as np

    rows: list[list[Cell]] = []
    for name, (n, areas) in group_areas(gold, scores, values).items():
        member = np.zeros(len(values), dtype=bool)
        member[members(values)[name]] = True
        negatives = int((member & (np.asarray(gold) == 0)).sum())
        rates = (false_positive_rate(gold, predicted, member), *areas)
        rows.append([name, n, negatives, *map(cell, rates)])
    means = bias_metrics(gold, scores, values, fewest=fewest)
    ends: list[Cell] = [means.get(f"gmb_{name}_auc") for name in ("subgroup", "bpsn", "bnsp")]
    overall = cell(false_positive_rate(gold, predicted))
    whole = int((np.asarray(gold) == 0).sum())
    rows.append(["all items / generalised mean", len(values), whole, overall, *ends])
    columns = ["group", "n", "negatives", "false-positive rate"]
    columns += ["subgroup AUC", "BPSN AUC", "BNSP AUC"]
    note = "Percent. BPSN: positives outside against negatives inside the group; BNSP: the reverse;"
    note += " generalised mean with power -5 (Borkan et al. 2019)."
    if fewest > 1:
        note += f" Groups of fewer than {fewest} items are left out of it."
    return Table("bias", columns, rows, title="Bias by group", note=note)
