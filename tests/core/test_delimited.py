"""Tables are read by the dialect they have, and what is unusual is said."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlpcl.core.delimited import Dialect, sniff
from nlpcl.core.errors import UserError
from nlpcl.core.text_files import is_latin, read_text
from nlpcl.data import loading
from nlpcl.data.labelled_text import LABELLED, LABELLED_FIELDS
from nlpcl.data.manifest import load_manifest
from nlpcl.data.tables import read_rows


def read(tmp_path: Path, name: str, content: str | bytes):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    notes: list[str] = []
    rows, problems = read_rows(path, LABELLED_FIELDS, notes=notes)
    return [(row["text"], row["label"]) for row in rows], problems, notes


def test_a_quoted_tab_makes_no_class(tmp_path):
    content = 'text\tlabel\n"one\twith tab"\thate\ntwo\tnone\n"say ""hi"""\tnone\n'
    rows, problems, notes = read(tmp_path, "a.tsv", content)
    assert rows == [("one\twith tab", "hate"), ("two", "none"), ('say "hi"', "none")]
    assert problems == []
    assert notes == ["a.tsv: cells in quotation marks may hold tabs"]


def test_quotes_stay_text_where_rows_are_as_long_without_them(tmp_path):
    rows, problems, notes = read(tmp_path, "a.tsv", 'text\tlabel\n"one"\thate\n"two\tnone\n')
    assert rows == [('"one"', "hate"), ('"two', "none")]
    assert problems == notes == []


def test_a_wholly_quoted_header_is_recognised(tmp_path):
    rows, _, _ = read(tmp_path, "a.tsv", '"text"\t"label"\n"one"\t"hate"\n')
    assert rows == [("one", "hate")]


def test_a_garbled_row_is_skipped_with_its_line_and_makes_no_class(tmp_path):
    content = "text,label\none,hate\ntwo, with comma,none\nthree,none,,\n"
    rows, problems, _ = read(tmp_path, "a.csv", content)
    assert rows == [("one", "hate"), ("three", "none")]
    assert [(p.line, p.what, p.is_used) for p in problems] == [
        (3, "3 cells for 2 columns; row skipped", False)
    ]


@pytest.mark.parametrize(("mark", "named"), [(";", "semicolons"), ("\t", "tabs")])
def test_other_delimiters_are_recognised_and_said(tmp_path, mark, named):
    stream = io.StringIO()
    csv.writer(stream, delimiter=mark).writerows([["text", "label"], [f"a, b{mark} c", "x"]])
    rows, _, notes = read(tmp_path, "a.csv", stream.getvalue())
    assert rows == [(f"a, b{mark} c", "x")]
    assert notes == [f"a.csv: its cells are divided by {named}"]
    headless = f"one{mark}hate\ntwo{mark}none\n"
    assert read(tmp_path, "b.csv", headless)[0] == [("one", "hate"), ("two", "none")]


def test_a_table_of_clips_with_semicolons(tmp_path):
    (tmp_path / "x.wav").write_bytes(b"")
    (tmp_path / "a.csv").write_text("path;label;speaker\nx.wav;sad;1\n")
    splits = load_manifest(tmp_path / "a.csv")
    assert splits.train[0]["label"] == "sad"
    assert "a.csv: its cells are divided by semicolons" in splits.notes


cell = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(str.strip)


@given(st.lists(st.tuples(cell, cell), min_size=1, max_size=6), st.sampled_from(",;\t"))
def test_a_known_header_decides(rows, mark):
    stream = io.StringIO()
    csv.writer(stream, delimiter=mark).writerows([("text", "label"), *rows])
    names = {"text", "label"}
    dialect = sniff(stream.getvalue(), Dialect(",", True), lambda row: len(names & set(row)))
    assert dialect == Dialect(mark, True)
    assert [tuple(row) for _, row in dialect.cells(stream.getvalue())][1:] == rows


def test_latin_1_is_read_and_said_where_that_is_wanted(tmp_path):
    content = "text,label\ncafé “new”,hate\nfiancée,none\n".encode("cp1252")
    rows, _, notes = read(tmp_path, "a.csv", content)
    assert rows == [("café “new”", "hate"), ("fiancée", "none")]
    assert notes == ["a.csv: not UTF-8 (line 2); read as Latin-1 (Windows-1252)"]
    with pytest.raises(UserError, match=r"looks like Latin-1.*iconv -f CP1252"):
        read_text(tmp_path / "a.csv")
    splits, _ = loading.load_as_is(str(tmp_path / "a.csv"), LABELLED)
    assert splits.notes[0] == notes[0]


@pytest.mark.parametrize("encoding", ["gb18030", "big5", "shift_jis", "euc-kr"])
def test_chinese_encodings_are_not_taken_for_latin_1(encoding, tmp_path):
    text = "今天天氣好,a\n我的朋友來了,b\n" if encoding != "euc-kr" else "안녕하세요,a\n"
    assert not is_latin(text.encode(encoding))
    with pytest.raises(UserError, match="GB18030"):
        read(tmp_path, "a.csv", b"text,label\n" + text.encode(encoding))
