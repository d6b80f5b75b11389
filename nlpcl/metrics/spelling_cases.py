"""Which sentences a spelling corrector gets wrong, and how: 过纠, 漏纠 and 错纠 lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nlpcl.core.tables import Table
from nlpcl.metrics.spelling import aligned_changes

KINDS = {
    "over_corrected": "过纠: changed although right",
    "missed": "漏纠: left although wrong",
    "wrongly_corrected": "错纠: wrong character, wrong replacement",
    "unequal_length": "unequal length: source, target and prediction differ in length",
}


def case_lists(
    sources: Sequence[str],
    targets: Sequence[str],
    predictions: Sequence[str],
    *,
    ignore_de: bool = False,
) -> dict[str, list[dict[str, Any]]]:
    """The sentences with each kind of fault, in order; a sentence may stand in several lists.

    Returns:
        ``{"over_corrected": [...], "missed": [...], "wrongly_corrected": [...],
        "unequal_length": [...]}``; each row has ``index`` (from 0), ``source``, ``target``,
        ``prediction`` and ``edits``, a list of ``{"position", "wrong", "right", "predicted"}``
        (code points from 0; ``right`` is the gold character, ``predicted`` the one written).

    Raises:
        ValueError: when the three sequences differ in length.
    """
    lists: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    compared = aligned_changes(sources, targets, predictions, ignore_de=ignore_de)
    for index, (gold, predicted, same_length) in enumerate(compared):
        source = sources[index]
        faults: dict[str, list[dict[str, Any]]] = {}
        if not same_length:
            faults["unequal_length"] = []
        else:
            for position in sorted(gold.keys() | predicted.keys()):
                wrong = source[position]
                right = gold.get(position, wrong)
                written = predicted.get(position, wrong)
                if right == written:
                    continue
                edit = {"position": position, "wrong": wrong, "right": right, "predicted": written}
                faults.setdefault(kind_of(wrong, right, written), []).append(edit)
        for kind, edits in faults.items():
            lists[kind].append(
                {
                    "index": index,
                    "source": source,
                    "target": targets[index],
                    "prediction": predictions[index],
                    "edits": edits,
                }
            )
    return lists


def kind_of(wrong: str, right: str, written: str) -> str:
    """The list a faulty position belongs to."""
    if wrong == right:
        return "over_corrected"
    return "missed" if wrong == written else "wrongly_corrected"


def case_tables(lists: dict[str, list[dict[str, Any]]], *, limit: int = 20) -> list[Table]:
    """One table a kind with its first ``limit`` sentences; the title says how many there are."""
    tables = []
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


def show_edit(edit: dict[str, Any]) -> str:
    """``3:旱→早``, and ``3:旱→旦(早)`` when the gold character is another one."""
    gold = "" if edit["right"] in (edit["predicted"], edit["wrong"]) else f"({edit['right']})"
    return f"{edit['position']}:{edit['wrong']}→{edit['predicted']}{gold}"
