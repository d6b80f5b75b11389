"""Tables of the most confident mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nlpcl.analysis.figures.html_parts import html_table
from nlpcl.analysis.figures.kinds import LABELLED, Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.sources import where
from nlpcl.core.tables import Table
from nlpcl.metrics.entity_errors import KINDS as FAULTS
from nlpcl.metrics.entity_errors import case_lists, context, shown
from nlpcl.metrics.measures import span_pairs
from nlpcl.runs.run import Run

SHOWN = 20
MISSED_SHOWN = 10
KEPT = ("text", "id", "fold", "speaker", "gender", "session", "corpus", "seconds", "targets")
"""What is told of an item, where its row has it."""


def load_labels(run: Run, options: Options) -> Material:
    """List items with a wrong label, the most confident first."""
    rows = run.predictions
    wrong = [row for row in rows if row["label"] != row["gold"]]
    if not wrong:
        raise LeftOut("there are no mistakes")
    wrong.sort(key=lambda row: -row["probabilities"].get(row["label"], 0.0))
    listed = [
        {
            "gold": row["gold"],
            "predicted": row["label"],
            "p(predicted)": row["probabilities"].get(row["label"]),
            "p(gold)": row["probabilities"].get(row["gold"]),
            **{key: joined(row[key]) for key in KEPT if row.get(key) not in (None, "", [])},
        }
        for row in wrong
    ]
    return material(listed, f"{len(wrong)} of {len(rows)} answers are wrong", where(run, len(rows)))


def load_spelling(run: Run, options: Options) -> Material:
    """List wrong changes, the most confident first, then errors that were missed."""
    rows = run.predictions
    changed: list[dict[str, Any]] = []
    missed: list[dict[str, Any]] = []
    for row in rows:
        if len(row["source"]) != len(row["gold"]):
            continue
        edits = {edit["position"]: edit for edit in row["edits"]}
        for place, (old, right) in enumerate(zip(row["source"], row["gold"], strict=True)):
            edit = edits.get(place)
            if edit is not None and edit["right"] != right:
                fault = "over-corrected" if old == right else "wrongly corrected"
                told = {"written": edit["right"], "p(written)": edit["probability"]}
                changed.append(fault_row(fault, row, place, old, right) | told)
            elif edit is None and old != right:
                missed.append(fault_row("missed", row, place, old, right))
    changed.sort(key=lambda row: -row["p(written)"])
    if not changed and not missed:
        raise LeftOut("there are no mistakes")
    summary = f"{len(changed)} wrong changes and {len(missed)} missed characters"
    return material(changed + missed, summary, where(run, len(rows), "sentences"))


def fault_row(
    fault: str, row: Mapping[str, Any], place: int, old: str, right: str
) -> dict[str, Any]:
    """Return the row of one wrong character."""
    told = {"fault": fault, "source": row["source"], "position": place, "character": old}
    return told | {"right": right, "written": old, "p(written)": None, "id": row.get("id")}


def load_entities(run: Run, options: Options) -> Material:
    """List wrong entities, the most confident first, then those that were missed."""
    rows = run.predictions
    lists = case_lists([row["text"] for row in rows], span_pairs(rows))
    wrong: list[dict[str, Any]] = []
    missed: list[dict[str, Any]] = []
    for kind, cases in lists.items():
        fault = FAULTS[kind].partition(":")[0]
        for case in cases:
            row, found = rows[case["index"]], case["predicted"]
            told: dict[str, Any] = {"fault": fault, "gold": shown(case["gold"])}
            told |= {"predicted": shown(found), "p(predicted)": found and probability(row, found)}
            told |= {"text": context(case), "id": row.get("id")}
            (missed if found is None else wrong).append(told)
    if not wrong and not missed:
        raise LeftOut("there are no mistakes")
    wrong.sort(key=lambda told: -told["p(predicted)"])
    tables = [
        faults_table("Wrong entities", "surest", wrong[:SHOWN], len(wrong)),
        faults_table("Missed entities", "first", missed[:MISSED_SHOWN], len(missed)),
    ]
    summary = f"{len(wrong)} wrong and {len(missed)} missed entities"
    caption = f"{summary}. {where(run, len(rows), 'texts')}"
    return Material({}, wrong + missed, caption, "".join(tables))


def probability(row: Mapping[str, Any], span: Mapping[str, Any]) -> float:
    """The model's probability of an entity that it has predicted."""
    names = ("start", "end", "type")
    return next(
        one["probability"]
        for one in row["entities"]
        if all(one[name] == span[name] for name in names)
    )


def faults_table(title: str, which: str, rows: Sequence[Mapping[str, Any]], number: int) -> str:
    """A table of faulty entities; empty without any.

    Args:
        title: what they are.
        which: of them are shown.
        rows: those that are shown.
        number: all of them.
    """
    if not rows:
        return ""
    told = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    columns = [name for name in told if name != "fault" or rows[0]["predicted"]]
    cells = [[row[name] for name in columns] for row in rows]
    few = f"the {which} {len(rows)} of {number}" if len(rows) < number else str(number)
    return html_table(Table("mistakes", columns, cells, f"{title} ({few})", digits=2))


def joined(value: Any) -> Any:
    """Join a list into one cell."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value


def material(rows: Sequence[Mapping[str, Any]], summary: str, where: str) -> Material:
    """Build a table of the first rows; the CSV file has all."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    shown = rows[:SHOWN]
    table = Table(
        "mistakes", columns, [[row.get(column) for column in columns] for row in shown], digits=2
    )
    first = f"; the {SHOWN} surest are shown" if len(rows) > SHOWN else ""
    return Material({}, list(rows), f"{summary}{first}. {where}", html_table(table))


FAMILY = "single items"
KINDS = (
    Kind("mistakes", "Most confident mistakes", load_labels, None, answers=LABELLED),
    Kind("mistakes", "Most confident mistakes", load_spelling, None, ("correction",)),
    Kind("mistakes", "Most confident mistakes", load_entities, None, answers=("entities",)),
)
