"""Reading texts: order, exact line ends, and one-line errors that name the line."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.core.errors import UserError
from nlpcl.text.reading import Record, from_arguments, read_texts
from nlpcl.text.writing import Layout, ResultWriter

PLAIN = Layout(text=lambda row: row["target"])


def read(tmp_path: Path, name: str, content: str | bytes, **options) -> list[Record]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_texts(path, **options))


LINE = st.text(st.sampled_from("好a ，\t\r\u2028\x0b\x0c\x85\ufeff\x00😀"), max_size=6)
CONTENT = st.lists(LINE | st.text(max_size=6) | st.sampled_from(["\n", "\r\n", "\r"]), max_size=20)


@settings(max_examples=120, deadline=None)
@given(CONTENT.map("".join))
def test_an_unchanged_file_comes_out_byte_for_byte(content):
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.txt"), Path(folder, "out.txt")
        source.write_bytes(content.encode())
        with ResultWriter("text", target, PLAIN) as writer:
            for record in read_texts(source):
                assert "\n" not in record.text
                writer.write(record, {"target": record.text})
        assert target.read_bytes() == source.read_bytes()


def test_plain_lines(tmp_path):
    records = read(tmp_path, "a.txt", "\ufeff一 \r\n\n\u2028二\x0b\x85\r\n三")
    assert [(record.text, record.line_end, record.number) for record in records] == [
        ("一 ", "\r\n", 1),
        ("", "\n", 2),
        ("\u2028二\x0b\x85", "\r\n", 3),
        ("三", "", 4),
    ]
    assert [record.before for record in records] == ["\ufeff", "", "", ""]
    assert read(tmp_path, "empty.txt", "") == []


def test_reading_is_lazy(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\n\xff\n")
    records = read_texts(path)
    assert next(records).text == "one"
    with pytest.raises(UserError, match=r"a\.txt:2: not UTF-8 \(byte 1 of the line\)"):
        next(records)


def test_json_lines(tmp_path):
    content = '\ufeff{"id": 7, "text": "一\\n"}\r\n\n{"source": "二", "note": null}'
    first, blank, second = read(tmp_path, "a.jsonl", content)
    assert (first.text, first.fields, first.number) == ("一\n", {"id": 7}, 1)
    assert blank == Record("", number=2)
    assert (second.text, second.fields, second.number) == ("二", {"note": None}, 3)
    (record,) = read(
        tmp_path, "a.data", '{"text": "x", "body": "y"}', format="jsonl", column="body"
    )
    assert (record.text, record.fields) == ("y", {"text": "x"})


def test_csv(tmp_path):
    content = '\ufeff"id",sentence\r\n1,"一,""二""\r\n三"\r\n\r\n2,\n'
    first, blank, second = read(tmp_path, "a.csv", content)
    assert (blank.text, blank.fields, blank.number, blank.error) == ("", {"id": ""}, 4, "")
    assert (first.text, first.fields, first.number) == ('一,"二"\r\n三', {"id": "1"}, 2)
    assert (second.text, second.fields, second.number) == ("", {"id": "2"}, 5)
    (record,) = read(tmp_path, "a.tsv", "text\tid\n一,二\t1\n")
    assert record.text == "一,二"
    (record,) = read(tmp_path, "b.csv", "text\n" + "好" * 200_000)
    assert len(record.text) == 200_000


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.jsonl", "{oops\n", {}, r"a\.jsonl:1: not valid JSON.*one object a line"),
        ("a.jsonl", '"text"\n', {}, r"a\.jsonl:1: not a JSON object"),
        ("a.jsonl", '{"text": 1}\n', {}, r"a\.jsonl:1: field 'text' is not a text"),
        ("a.jsonl", '{"text": "\\ud800"}\n', {}, r"a\.jsonl:1: .*surrogate"),
        ("a.jsonl", '{"body": "a"}\n', {}, r"a\.jsonl:1: no column text, source or sentence.*body"),
        ("a.jsonl", "[" * 100_000, {}, r"a\.jsonl:1: not valid JSON"),
        ("a.csv", "text,id\n1,2,3\n", {}, r"a\.csv:2: 3 fields where the header has 2"),
        ("a.csv", 'text\n"unclosed\n', {}, r"a\.csv:2: not valid CSV"),
        ("a.jsonl", b'{"text": "caf\xe9"}\n', {}, r"a\.jsonl:1: not UTF-8.*Latin-1.*CP1252"),
        ("a.txt", b"caf\xe9", {}, r"a\.txt:1: not UTF-8.*Latin-1.*CP1252"),
        ("a.csv", "text,text\n", {}, r"a\.csv:1: two columns"),
        ("a.csv", "text\n", {"column": "txt"}, r"unknown column 'txt'. Did you mean 'text'"),
        ("a.txt", "a\n", {"column": "text"}, r"--column: plain text has no columns"),
        ("a.txt", "二".encode("gb18030"), {}, r"a\.txt:1: not UTF-8.*iconv"),
    ],
)
def test_malformed_input_names_the_line(tmp_path, name, content, options, message):
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, name, content, **options)
    assert "\n" not in str(caught.value)


BAD_JSON = {
    "{oops": "not valid JSON",
    "[1]": "not a JSON object",
    '{"text": 1}': "is not a text",
    '{"body": "a"}': "no column text",
    '{"text": "\\ud800"}': "surrogate",
    "[" * 100_000: "not valid JSON",
    b'{"text": "\xff"}': "not UTF-8",
}


@pytest.mark.parametrize("bad", BAD_JSON)
def test_a_bad_row_of_json_lines_keeps_its_place(tmp_path, bad):
    line = bad if isinstance(bad, bytes) else bad.encode()
    content = b'{"text": "a"}\n' + line + b'\n\n{"text": "b"}\n'
    first, error, blank, last = read(tmp_path, "a.jsonl", content)
    assert (first.text, blank.text, last.text) == ("a", "", "b")
    assert [record.number for record in (first, error, blank, last)] == [1, 2, 3, 4]
    assert BAD_JSON[bad] in error.error
    assert "a.jsonl:2: " in error.error
    assert not (first.error or blank.error or last.error)


BAD_CSV = {
    b"only one": "1 field where the header has 2. Add the others",
    b"a,b,c": "3 fields where the header has 2",
    b'"a"b,c': "not valid CSV",
    b'x,"never closed': "not valid CSV",
    b"caf\xe9,1": "Latin-1",
}


@pytest.mark.parametrize("bad", BAD_CSV)
def test_a_bad_row_of_csv_keeps_its_place(tmp_path, bad):
    content = b'text,id\n"two\nlines",1\n' + bad + b"\n\nb,2\n"
    first, error, blank, last = read(tmp_path, "a.csv", content)
    assert (first.text, blank.text, last.text) == ("two\nlines", "", "b")
    assert (first.fields, last.fields) == ({"id": "1"}, {"id": "2"})
    assert [record.number for record in (first, error, blank, last)] == [2, 4, 5, 6]
    assert BAD_CSV[bad] in error.error
    assert "a.csv:4: " in error.error


def test_cells_divided_by_semicolons_are_recognised(tmp_path):
    (record,) = read(tmp_path, "a.csv", 'id;text\n1;"一,二"\n')
    assert (record.text, record.fields) == ("一,二", {"id": "1"})
    (record,) = read(tmp_path, "a.csv", "body;n\tx\n1;2\n", column="body")
    assert (record.text, record.fields) == ("1", {"n\tx": "2"})


def test_missing_file_and_folder(tmp_path):
    for path in (tmp_path / "absent.txt", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            list(read_texts(path))


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("一\r\n二".encode())))
    assert [record.line_end for record in read_texts("-")] == ["\r\n", ""]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    with pytest.raises(UserError, match="standard input:1: not UTF-8"):
        list(read_texts("-"))


def test_arguments():
    assert [record.text for record in from_arguments(["一", ""])] == ["一", ""]
    with pytest.raises(UserError, match="text 2: not UTF-8"):
        list(from_arguments(["一", "\udcff"]))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"id, Text \n1,yes\n"),
        ("a.csv", b"id;TEXT;source\n1;yes;no\n"),
        ("a.jsonl", b'{"Sentence": "yes", "id": 1}\n'),
    ],
)
def test_the_case_of_the_usual_columns_is_ignored_as_in_training(tmp_path, name, content):
    (found,) = read(tmp_path, name, content)
    assert found.text == "yes"
