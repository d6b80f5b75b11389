"""Which sentences a spelling corrector gets wrong, and how: 过纠, 漏纠 and 错纠 lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from nlpcl.core.tables import Table
from nlpcl.metrics.spelling import aligned_changes

KINDS = {
    "over_corrected": "过纠: changed although right",
    "missed": "漏纠: left although wrong",
    "wrongly_corrected": "错纠: wrong character, wrong replacement",
    "unequal_length": "unequal length: source, target and prediction differ in length",
}


class Edit(TypedDict):
    """A position that is not as it should be.

    Args:
        position: of the character in the source, in code points from 0.
        wrong: the source's character.
        right: the gold one.
        predicted: the one that was written.
    """

    position: int
    wrong: str
    right: str
    predicted: str


class Case(TypedDict):
    """A sentence with faults; ``index`` counts from 0."""

    index: int
    source: str
    target: str
    prediction: str
    edits: list[Edit]


CaseLists = dict[str, list[Case]]


def case_lists(
    sources: Sequence[str],
    targets: Sequence[str],
    predictions: Sequence[str],
    *,
    ignore_de: bool = False,
) -> CaseLists:
    """The sentences with each kind of fault, in order; a sentence may stand in several lists.

    Returns:
        ``{"over_corrected": [...], "missed": [...], "wrongly_corrected": [...],
        "unequal_length": [...]}``.

    Raises:
        ValueError: when the three sequences differ in length.
    """
    lists: CaseLists = {kind: [] for kind in KINDS}
    compared = aligned_changes(sources, targets, predictions, ignore_de=ignore_de)
    for index, (gold, predicted, same_length) in enumerate(compared):
        source = sources[index]
        faults: dict[str, list[Edit]] = {}
        if not same_length:
            faults["unequal_length"] = []
        else:
            for position in sorted(gold.keys() | predicted.keys()):
                wrong = source[position]
                right = gold.get(position, wrong)
                written = predicted.get(position, wrong)
                if right == written:
                    continue
                edit = Edit(position=position, wrong=wrong, right=right, predicted=written)
                faults.setdefault(kind_of(wrong, right, written), []).append(edit)
        for kind, edits in faults.items():
            lists[kind].append(
                Case(
                    index=index,
                    source=source,
                    target=targets[index],
                    prediction=predictions[index],
                    edits=edits,
                )
            )
    return lists


def kind_of(wrong: str, right: str, written: str) -> str:
    """The list a faulty position belongs to."""
    if wrong == right:
        return "over_corrected"
    return "missed" if wrong == written else "wrongly_corrected"


def case_tables(lists: CaseLists, *, limit: int = 20) -> list[Table]:
    """One table a kind with its first ``limit`` sentences; the title says how many there are."""
    tables: list[Table] = []
    for kind, rows in lists.items():
        cells = [
            [
                row["index"],
                row["source"],
                row["prediction"],
                row["target"],
                " ".join(show_edit(edit) for edit in row["edits"]),
            ]
            for row in rows[:limit]
        ]
        title = f"{KINDS[kind]} ({len(rows)} sentences"
        title += f", the first {limit} shown)" if len(rows) > limit else ")"
        columns = ["index", "source", "prediction", "target", "edits"]
        tables.append(Table(f"cases_{kind}", columns, cells, title=title))
    return tables


def show_edit(edit: Edit) -> str:
    """``3:旱→早``, and ``3:旱→旦(早)`` when the gold character is another one."""
    gold = "" if edit["right"] in (edit["predicted"], edit["wrong"]) else f"({edit['right']})"
    return f"{edit['position']}:{edit['wrong']}→{edit['predicted']}{gold}"
