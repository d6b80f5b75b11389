"""Tables and reports in every form."""

from __future__ import annotations

import csv
import io
import json

import pytest
from rich.console import Console

from nlpcl.core.tables import Report, Table, show

TABLE = Table(
    "scores",
    ["model", "F1 (%)", "n"],
    [["sdcl_a", 71.23456, 8], ["a|b & c", None, 9], ["[red]x", float("nan"), True]],
    title="Test: 50% of it",
    note="A note.",
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (float("nan"), "-"), (True, "yes"), (1.005, "1.00"), (3, "3"), ("x", "x")],
)
def test_cells(value, text):
    assert show(value) == text


def test_rows_as_long_as_the_columns():
    with pytest.raises(ValueError, match="2 cells for 1 columns"):
        Table("t", ["a"], [[1, 2]])


def test_csv_keeps_full_precision():
    rows = list(csv.reader(io.StringIO(TABLE.as_csv())))
    assert rows[0] == ["model", "F1 (%)", "n"]
    assert rows[1] == ["sdcl_a", "71.23456", "8"]
    assert rows[2][:2] == ["a|b & c", ""]


def test_markdown_escapes_what_would_break_a_table():
    text = TABLE.as_markdown()
    assert "**Test: 50% of it**" in text
    assert "| a\\|b & c | - | 9 |" in text
    widths = {line.replace("\\|", "").count("|") for line in text.splitlines() if "|" in line}
    assert widths == {4}
    assert "A note." in text


def test_latex_escapes_what_would_break_a_table():
    text = TABLE.as_latex()
    assert r"sdcl\_a & 71.23 & 8 \\" in text
    assert r"a\textbar{}b \& c & - & 9 \\" in text
    assert r"F1 (\%)" in text
    assert text.count("&") - text.count(r"\&") == 8
    assert r"\caption{Test: 50\% of it}" in text
    assert "A note." in text


def test_the_lines_of_a_note_stay_lines_and_names_cannot_break_them():
    table = Table("t", ["a"], [[1]], title="of x\ny", note="One.\nTwo \x1b[31m.")
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(table.as_rich())
    printed = console.export_text().splitlines()
    assert [line.strip() for line in printed if line.strip()][-2:] == ["One.", "Two ␛[31m."]
    assert printed[0].strip() == "of x␊y"
    assert table.as_markdown().splitlines()[-2:] == ["One.", "Two ␛[31m."]
    assert r"{\footnotesize One.\par Two [U+001B][31m.\par}" in table.as_latex()


def test_markup_in_cells_is_printed_as_it_is():
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(TABLE.as_rich())
    text = console.export_text()
    assert "[red]x" in text
    assert "71.23" in text


def test_json():
    report = Report({"f1": 1.5}, [TABLE]).as_dict()
    assert json.loads(json.dumps(report))["metrics"] == {"f1": 1.5}
    assert report["tables"][0]["rows"][0] == ["sdcl_a", 71.23456, 8]
    assert report["tables"][0]["title"] == "Test: 50% of it"
