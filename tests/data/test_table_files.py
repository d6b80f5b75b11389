from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlpcl.core.errors import UserError
from nlpcl.core.text_files import read_lines, read_text
from nlpcl.data.pairs import PAIR_FIELDS
from nlpcl.data.tables import read_rows, resolve_columns


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def pairs(rows: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(row["source"], row["target"]) for row in rows]


# Everything but control characters and surrogates; U+2028 and U+0085-like traps included.
cell = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(str.strip)
table = st.lists(st.tuples(cell, cell), min_size=1, max_size=8)


def stored(name: str, content: str) -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        rows, problems = read_rows(write(Path(folder), name, content), PAIR_FIELDS)
    assert problems == []
    return pairs(rows)


@given(table)
def test_tsv_gives_back_what_was_written(rows):
    content = "source\ttarget\n" + "".join(f"{a}\t{b}\n" for a, b in rows)
    assert stored("rows.tsv", content) == rows
    assert stored("rows.txt", content.replace("\n", "\r\n")) == rows


@given(table)
def test_csv_gives_back_what_was_written(rows):
    stream = io.StringIO()
    csv.writer(stream).writerows([("source", "target"), *rows])
    assert stored("rows.csv", stream.getvalue()) == rows


@given(table, st.booleans())
def test_json_gives_back_what_was_written(rows, ascii_only):
    items = [{"src": a, "tgt": b, "extra": [1]} for a, b in rows]
    lines = [json.dumps(item, ensure_ascii=ascii_only) for item in items]
    assert stored("rows.jsonl", "\n".join(lines)) == rows
    assert stored("rows.json", "\n".join(lines)) == rows
    assert stored("rows.json", json.dumps(items, ensure_ascii=ascii_only, indent=1)) == rows


def test_header_free_pairs_and_flags(tmp_path):
    two = write(tmp_path, "two.tsv", "我门\t我们\n")
    three = write(tmp_path, "three.tsv", "1\t我门\t我们\n12\t他门\t他们\n")
    assert pairs(read_rows(two, PAIR_FIELDS)[0]) == [("我门", "我们")]
    assert pairs(read_rows(three, PAIR_FIELDS)[0]) == [("我门", "我们"), ("他门", "他们")]


def test_byte_order_mark_is_removed_and_quotes_are_text(tmp_path):
    path = write(tmp_path, "a.tsv", b"\xef\xbb\xbf" + '"我门\t"我们\n'.encode())
    assert pairs(read_rows(path, PAIR_FIELDS)[0]) == [('"我门', '"我们')]


def test_columns_are_those_named_else_the_first_known_ones():
    def columns(header, **named):
        return resolve_columns(header, PAIR_FIELDS, named, "file.csv")

    first, second = PAIR_FIELDS["source"][:2]
    header = [second, f" {first.upper()} ", first, "target", "target2"]
    # Of the known names the first one counts, of equal ones the first column.
    assert columns(header) == {"source": f" {first.upper()} ", "target": "target"}
    assert columns(header, target="target2")["target"] == "target2"
    with pytest.raises(UserError, match="unknown column 'x'"):
        columns(header, source="x")
    with pytest.raises(UserError, match=r"no column for the target among 'source'.*target=COLUMN"):
        columns(["source"])


def test_known_names_in_any_order_and_case(tmp_path):
    path = write(tmp_path, "a.csv", "Id,Correct_Text,Original_Text\n1,我们,我门\n")
    rows, _ = read_rows(path, PAIR_FIELDS)
    assert rows == [
        {"id": "a.csv:2", "source": "我门", "target": "我们", "file": str(path), "line": 2}
    ]


def test_columns_named_by_the_user(tmp_path):
    path = write(tmp_path, "a.tsv", "旧\t新\tsource\n我门\t我们\t别的\n")
    columns = {"source": "旧", "target": "新"}
    assert pairs(read_rows(path, PAIR_FIELDS, columns=columns)[0]) == [("我门", "我们")]
    with pytest.raises(UserError, match=r"unknown column '新新'.*Did you mean '新'"):
        read_rows(path, PAIR_FIELDS, columns={"source": "旧", "target": "新新"})
    with pytest.raises(UserError, match="unknown field 'sourc'"):
        read_rows(path, PAIR_FIELDS, columns={"sourc": "旧"})


def test_other_tasks_bring_their_own_fields(tmp_path):
    path = write(tmp_path, "a.jsonl", '{"text": "很好", "label": 1}\n')
    rows, _ = read_rows(path, {"text": ("text",), "label": ("label",)})
    assert (rows[0]["text"], rows[0]["label"]) == ("很好", "1")


def test_bad_rows_are_reported_with_their_line(tmp_path):
    content = "source\ttarget\n我门\t我们\n\n只有一列\n \t空\n坏\x00字\t坏字\n他门\t他们\t多余\n"
    rows, problems = read_rows(write(tmp_path, "a.tsv", content), PAIR_FIELDS)
    assert pairs(rows) == [("我门", "我们")]
    assert [problem.line for problem in problems] == [3, 4, 5, 6, 7]
    assert not any(problem.is_used for problem in problems)
    said = " | ".join(problem.what for problem in problems)
    for part in ("empty row", "no target", "empty source", "U+0000", "3 cells for 2 columns"):
        assert part in said
    kept, problems = read_rows(tmp_path / "a.tsv", PAIR_FIELDS, keep_longer=True)
    assert pairs(kept) == [("我门", "我们"), ("他门", "他们")]
    assert [problem.line for problem in problems if problem.is_used] == [7]


def test_bad_json_rows_are_reported_with_their_line(tmp_path):
    content = '{"source": "我门", "target": "我们"}\n{broken\n[1]\n{"source": "a"}\n'
    content += '{"source": ["x"], "target": "y"}\n{"source": "\\ud800", "target": "y"}\n'
    rows, problems = read_rows(write(tmp_path, "a.jsonl", content), PAIR_FIELDS)
    assert len(rows) == 1
    assert [problem.line for problem in problems] == [2, 3, 4, 5, 6]


def test_json_list_knows_the_line_of_each_item(tmp_path):
    content = '[\n  {"source": "我门",\n   "target": "我们"},\n  7,\n  {"src": 1}\n]\n'
    rows, problems = read_rows(write(tmp_path, "a.json", content), PAIR_FIELDS)
    assert rows[0]["line"] == 2
    assert [problem.line for problem in problems] == [4, 5]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tsv", b"", "the file is empty"),
        ("a.tsv", b" \n\n", "the file is empty"),
        ("a.tsv", "好\t好\n我门\t我们\n".encode("gb18030"), r"not UTF-8 at line 1.*iconv -f GB"),
        ("a.tsv", "我门\t我们\n".encode() + "我门".encode("gbk"), "not UTF-8 at line 2"),
        ("a.tsv", "我门\t我们\n".encode("utf-16"), "iconv -f UTF-16"),
        ("a.tsv", b"PK\x03\x04" + bytes(200), "not a text file"),
        ("a.tsv", "source\ttarget\n", "no usable row"),
        ("a.tsv", "source\ttarget\n一\n二\n", "no usable row.*line 2: no target"),
        ("a.tsv", "source\tright\n我门\t我们\n", "no column for the target among 'source'"),
        ("a.tsv", "甲\t乙\t丙\n", "3 columns without a known header"),
        ("a.csv", 'source,target\n"我门,我们\n', "broken CSV from line 2"),
        ("a.json", "[{", "broken JSON at line 1"),
        ("a.json", '[\n{"source": "a", "target": "b"}\n', "broken JSON at line 3"),
        ("a.json", '{"data":\n [{"source": "a", "target": "b"}]}', "one JSON object"),
        ("a.json", '"text"', "not a JSON list"),
        ("a.json", "[]", "no usable row"),
        ("a.jsonl", "nothing\n", "not valid JSON"),
        ("a.xml", "<a/>", "unknown file type '.xml'"),
    ],
)
def test_unreadable_files_give_one_line(tmp_path, name, content, message):
    with pytest.raises(UserError, match=message) as caught:
        read_rows(write(tmp_path, name, content), PAIR_FIELDS)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        read_rows(tmp_path / "no.tsv", PAIR_FIELDS)
    with pytest.raises(UserError, match="cannot be read"):
        read_text(tmp_path)


def test_only_line_feeds_end_a_line(tmp_path):
    path = write(tmp_path, "a.txt", "一\u2028二\x0b三\r\n四\n")
    assert read_lines(path) == ["一\u2028二\x0b三", "四"]


def test_a_few_broken_lines_pass_only_where_allowed(tmp_path):
    good = "好的\n".encode() * 200
    path = write(tmp_path, "a.sgml", good + b"\xe6\x88\n")
    problems = []
    assert read_lines(path, damaged=problems)[-1] == "\ufffd"
    assert [problem.line for problem in problems] == [201]
    with pytest.raises(UserError, match="not UTF-8 at line 201"):
        read_lines(path)
    with pytest.raises(UserError, match="not UTF-8 at line 1"):
        read_lines(write(tmp_path, "b.sgml", "坏\n".encode("gbk") * 50), damaged=problems)


def test_items_of_one_line_have_ids_of_their_own(tmp_path):
    content = '[{"source": "一", "target": "一"}, {"source": "二", "target": "二"}]'
    rows, _ = read_rows(write(tmp_path, "a.json", content), PAIR_FIELDS)
    assert [row["id"] for row in rows] == ["a.json:1", "a.json:1#2"]
