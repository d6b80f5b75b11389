"""Tables in a terminal: what gives way first, and that intervals and names are not broken."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nlpcl.core.tables import Table
from nlpcl.core.widths import Column, fitted

BYPASSED = Table(
    "modules",
    ["bypassed", "parameters", "time (%)", "macro_f1", "drop", "low", "high", "changed (%)"],
    [
        ["(nothing)", None, None, 61.6, None, None, None, None],
        ["calibration (its mean)", 18840, 0.3, 61.1, -10.5, -12.345, -1.0, 100.0],
    ],
    digits=1,
)


def printed(table: Table, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(table.as_rich())
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│").split("│")]


def test_headings_give_way_before_names_and_intervals():
    lines = printed(BYPASSED, 90)
    assert all(len(line) <= 90 for line in lines)
    (last,) = [line for line in lines if "its mean" in line]
    wanted = ["calibration (its mean)", "18840", "0.3", "61.1", "-10.5 (-12.3–-1.0)", "100.0"]
    assert cells(last) == wanted
    assert len([line for line in lines if line.startswith("┃")]) == 2, "headings in two lines"


def test_then_cells_are_broken_between_words():
    lines = printed(BYPASSED, 80)
    assert all(len(line) <= 80 for line in lines)
    words = [word for line in lines if line.startswith("│") for word in line.split()]
    for word in ("calibration", "(its", "mean)", "18840", "-10.5", "(-12.3–-1.0)", "100.0"):
        assert word in words


def test_a_table_that_has_room_is_as_wide_as_its_content():
    assert printed(BYPASSED, 200) == printed(BYPASSED, 120)


COLUMNS = [
    Column("measure", ["accuracy"], is_text=False),
    Column("two words", ["0.1"], is_text=False),
    Column("", ["a sentence of words", "这是一个没有空格的很长的句子"], is_text=True),
]


@pytest.mark.parametrize(
    ("room", "widths"),
    [
        (45, [8, 9, 28]),  # as long as its longest cell; a Han character takes two
        (44, [8, 8, 28]),  # a heading gives way
        (41, [8, 5, 28]),
        (40, [8, 5, 27]),  # then a text
        (27, [8, 5, 14]),  # then long words
        (21, [8, 5, 8]),
        (20, None),
    ],
)
def test_what_gives_way(room, widths):
    assert fitted(COLUMNS, room) == widths
