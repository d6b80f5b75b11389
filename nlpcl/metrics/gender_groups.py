"""Tables of a comparison of genders in which every speaker counts once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.arrays import Integers
from nlpcl.metrics.confusion import SCORES, cell, confusion_counts, recall

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def gender_tables(
    gold: ArrayLike,
    predicted: ArrayLike,
    labels: Sequence[str],
    speakers: ArrayLike,
    items: Mapping[str, Integers],
    genders: Mapping[str, Integers],
    measures: Mapping[str, str],
    level: float,
) -> list[Table]:
    """Mean over the speakers of each gender, and recall of each class by gender with its gap.

    Args:
        gold: class indices (N,).
        predicted: class indices (N,).
        labels: class names.
        speakers: of every item (N,).
        items: the indices of the items of each gender.
        genders: confusion counts (C, C) of each gender that is compared.
        measures: name of a score → its heading.
        level: of the intervals.
    """
    import numpy as np

    from nlpcl.metrics.intervals import t_interval

    truth, answers = np.asarray(gold), np.asarray(predicted)
    people = np.asarray(speakers)
    rows: list[list[Cell]] = []
    for gender in genders:
        own = items[gender]
        parts = [own[people[own] == name] for name in np.unique(people[own])]
        counts = [confusion_counts(truth[part], answers[part], len(labels)) for part in parts]
        for measure, text in measures.items():
            found = [float(SCORES[measure](count)) for count in counts]
            mean = t_interval(found, level)
            spread = float(np.std(found, ddof=1)) if len(found) > 1 else None
            ends = (cell(mean.low), cell(mean.high))
            rows.append([gender, text, len(found), mean.value, *ends, spread])
    columns = ["gender", "measure", "speakers", "mean over speakers", "low", "high", "std"]
    note = f"Percent, {100 * level:g} % Student intervals over speakers; std: ddof 1."
    title = "Gender: every speaker counts once"
    means = Table("gender_speakers", columns, rows, title=title, note=note, digits=1)
    recalls: list[list[Cell]] = []
    for index, label in enumerate(labels):
        cells: list[Cell] = []
        for own in genders.values():
            held = bool(own[index].sum())
            cells.append(float(recall(own)[index]) if held else None)
        values = [cell for cell in cells if isinstance(cell, float)]
        recalls.append([label, *cells, max(values) - min(values) if len(values) > 1 else None])
    names = [f"recall, {gender}" for gender in genders]
    title = "Recall of each class by gender, percent"
    return [means, Table("gender_recall", ["class", *names, "gap"], recalls, title=title, digits=1)]
