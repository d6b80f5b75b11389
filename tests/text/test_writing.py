"""Writing results in every format, to a file and to standard output."""

from __future__ import annotations

import csv
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.core.characters import visible
from nlpcl.core.errors import UserError
from nlpcl.tasks.correction.edits import Edit, correction_row
from nlpcl.tasks.correction.output import LAYOUT
from nlpcl.text.reading import Record, read_texts
from nlpcl.text.writing import Layout, ResultWriter

RECORD = Record("我旱上", "\r\n", 4, {"id": 7, "target": "gold"})
ROW = correction_row("我旱上", [Edit(1, "旱", "早", 0.98)])


def written(tmp_path: Path, format, records=((RECORD, ROW),)) -> str:
    path = tmp_path / "out"
    with ResultWriter(format, path, LAYOUT) as writer:
        for record, row in records:
            writer.write(record, row)
    return path.read_bytes().decode()


def test_text_keeps_line_ends_and_byte_order_mark(tmp_path):
    first = Record("我旱上", "\r\n", 1, before="\ufeff")
    last = Record("好", "", 2)
    rows = [(first, ROW), (last, correction_row("好", []))]
    assert written(tmp_path, "text", rows) == "\ufeff我早上\r\n好"


def test_jsonl_keeps_other_fields(tmp_path):
    row = json.loads(written(tmp_path, "jsonl"))
    assert row == {"id": 7, "input_target": "gold", **ROW}
    assert list(row) == ["id", "input_target", "source", "target", "edits"]
    odd = Record("好", fields={"note": "\ud800", "number": 1.5})
    row = json.loads(written(tmp_path, "jsonl", [(odd, correction_row("好", []))]))
    assert (row["note"], row["number"]) == ("\ud800", 1.5)


def test_csv(tmp_path):
    assert written(tmp_path, "csv") == (
        "id,input_target,source,target,edits,probability\n7,gold,我旱上,我早上,1:旱→早,0.9800\n"
    )
    odd = Record("好", fields={"note": "\ud800", "tags": ["甲", 1]})
    content = written(tmp_path, "csv", [(odd, correction_row("好", []))])
    assert content.splitlines()[1] == '\\ud800,"[""甲"", 1]",好,好,,'


def test_csv_refuses_a_new_column(tmp_path):
    rows = [(Record("好"), correction_row("好", [])), (RECORD, ROW)]
    with pytest.raises(UserError, match=r"line 4: field 'id' is not in the first row.*jsonl"):
        written(tmp_path, "csv", rows)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.text("好a,\"' \t\r\n\x00\u2028", max_size=5), max_size=5),
    st.sampled_from(["jsonl", "csv"]),
)
def test_what_is_written_can_be_read_again(texts, format):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"out.{format}")
        with ResultWriter(format, path, LAYOUT) as writer:
            for text in texts:
                writer.write(Record(text), correction_row(text, []))
        assert [record.text for record in read_texts(path)] == texts


def test_table_shows_edits_and_never_a_control_character(tmp_path):
    text = "我旱上\x1b[31m[red]"
    row = correction_row(text, [Edit(1, "旱", "早", 0.98)])
    content = written(tmp_path, "table", [(Record(text, number=12), row)])
    for part in ("12", "我旱上", "我早上", "旱→早", "0.98", "␛", "[red]"):
        assert part in content
    assert "\x1b" not in content


def test_visible_keeps_the_length():
    text = "a\x00\x1b\x7f\x85好\n"
    assert visible(text) == "a␀␛␡␡好␊"


def test_long_table_is_printed_in_parts(tmp_path):
    rows = [(Record("好", number=n), correction_row("好", [])) for n in range(1, 251)]
    content = written(tmp_path, "table", rows)
    assert content.count("probability") == 3
    assert "250" in content


@pytest.mark.parametrize("output", [None, Path("-")])
def test_standard_output_is_exact(capfdbinary, output):
    with ResultWriter("text", output, LAYOUT) as writer:
        writer.write(RECORD, ROW)
    assert capfdbinary.readouterr().out == "我早上\r\n".encode()
    print("still open")


def test_table_on_standard_output(capsys):
    with ResultWriter("table", None, LAYOUT) as writer:
        writer.write(RECORD, ROW)
    assert "旱→早" in capsys.readouterr().out


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "out"
    path.write_text("old")
    for format in ("text", "table"):
        with pytest.raises(RuntimeError), ResultWriter(format, path, LAYOUT) as writer:
            writer.write(RECORD, ROW)
            raise RuntimeError
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]


def test_a_file_can_be_corrected_in_place(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("我旱上\r\n我旱上".encode())
    with ResultWriter("text", path, LAYOUT) as writer:
        for record in read_texts(path):
            writer.write(record, ROW)
    assert path.read_bytes() == "我早上\r\n我早上".encode()


def test_a_device_is_not_replaced():
    device = Path("/dev/null")
    with ResultWriter("text", device, LAYOUT) as writer:
        writer.write(RECORD, ROW)
    assert device.is_char_device()


def test_a_folder_is_refused(tmp_path):
    with (
        pytest.raises(UserError, match="cannot write"),
        ResultWriter("text", tmp_path, LAYOUT) as writer,
    ):
        writer.write(RECORD, ROW)


@pytest.mark.parametrize("has_good_row", [True, False])
def test_csv_rows_that_cannot_be_read_before_the_first_that_can_keep_their_place(
    tmp_path, has_good_row
):
    """The columns are known from the first good row on; the order is that of the input."""
    path = tmp_path / "out.csv"
    with ResultWriter("csv", path, Layout(text=lambda row: row["text"]), errors=True) as writer:
        for number in (1, 2):
            writer.write_error(Record("", number=number, error=f"line {number} is bad"))
        if has_good_row:
            writer.write(Record("好", number=3), {"text": "好"})
        writer.write_error(Record("", number=4, error="line 4 is bad"))
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    told = ["line 1 is bad", "line 2 is bad", *([""] if has_good_row else []), "line 4 is bad"]
    assert [row["error"] for row in rows] == told
