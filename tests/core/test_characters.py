"""Texts that are safe to print, and tables and lines that hold any text."""

from __future__ import annotations

import pytest

from nlpcl.core.characters import is_encodable, visible
from nlpcl.core.csv_lines import csv_line, safe_cell
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Splits
from nlpcl.core.tables import Table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb\tc", "a␊b␉c"),
        ("\x1b[31mred", "␛[31mred"),
        ("\x00\x7f\x85", "␀␡␡"),
        ("a\u2028b\u202ec", "a\\u2028b\\u202ec"),
        ("\ufeffa\udcff", "\\ufeffa\\udcff"),
        ("字 é\u00a0\u200d👩", "字 é\u00a0\u200d👩"),
    ],
)
def test_what_is_made_visible(text, shown):
    assert visible(text) == shown
    assert is_encodable(visible(text))


@pytest.mark.parametrize("name", ["a\nb.json", "\x1b]0;x\x07.json", "\udcff.json", "\u2028.json"])
def test_a_file_of_any_name_is_one_printable_line(name):
    for error in (UserError("is empty", name, "Fill it."), UserError(f"no column in {name}")):
        assert len(str(error).splitlines()) == 1
        assert is_encodable(str(error)) and not set(str(error)) & set("\x1b\n\x07")
        assert ".json" in str(error)


def test_cells_of_any_text():
    table = Table("t", ["a", "b"], [["x\ny", "\x1b[2J"], ["\ud800", 1.5]], title="\x1b")
    for text in (table.as_markdown(), table.as_latex()):
        assert is_encodable(text) and "\x1b" not in text
    assert is_encodable(table.as_csv())


FORMULAS = ["=1+1", "+1", "-1", "@A1", "\tx", "\rx"]


@pytest.mark.parametrize("cell", FORMULAS)
def test_formulas_are_texts_where_that_is_asked_for(cell):
    assert safe_cell(cell) == f"'{cell}"
    table = Table("t", ["a", "b"], [[cell, -1.5]])
    assert table.as_csv(safe=True) == "a,b\n" + csv_line([f"'{cell}", -1.5])
    assert table.as_csv() == "a,b\n" + csv_line([cell, -1.5])


@pytest.mark.parametrize("cell", ["a=b", "", 1, -1.5, None, True, " =1"])
def test_other_cells_stay_as_they_are(cell):
    assert safe_cell(cell) is cell


def test_rows_of_a_folder_whose_name_is_no_text_have_a_fingerprint():
    named = Splits("a", train=[{"text": "b", "file": "/\udcff/a.csv"}])
    assert named.fingerprint() != Splits("a", train=[{"text": "b", "file": "/a.csv"}]).fingerprint()
