"""JSON from files that anything may have happened to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nlpcl.core.errors import UserError
from nlpcl.core.json_files import DEPTH, BrokenJson, parsed, parsed_from, read_json, read_json_lines

ROOMS = Path(__file__).parents[2] / "nlpcl"


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "Expecting value: line 1 column 1"),
        ('{"a": 1,\n "b"}', "line 2 column 5"),
        (nested(DEPTH + 1), "nested too deep"),
        (nested(100_000), "nested too deep"),
        ('{"a":' * 300 + "1" + "}" * 300, "nested too deep"),
        ("9" * 5000, "a number of too many digits"),
    ],
)
def test_what_is_refused(text, what):
    with pytest.raises(BrokenJson, match=re.escape(what.replace(" column", ", column"))):
        parsed(text)


@pytest.mark.parametrize(
    "text", [nested(DEPTH), "[1, NaN, Infinity]", '["\\ud800"]', json.dumps([[]] * 1000)]
)
def test_what_is_read(text):
    assert repr(parsed(text)) == repr(json.loads(text))


def test_one_value_after_another():
    text = f"1, {nested(DEPTH)}, {nested(DEPTH + 1)}"
    decoder = json.JSONDecoder()
    assert parsed_from(decoder, text, 0) == (1, 1)
    value, end = parsed_from(decoder, text, 3)
    assert json.dumps(value) == nested(DEPTH) and end == 3 + 2 * DEPTH
    with pytest.raises(BrokenJson, match="too deep"):
        parsed_from(decoder, text, end + 2)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", r"cannot be read \(line 1, column 1: Expecting value\)"),
        (b"{", "cannot be read"),
        (b"\xff\xfe", "cannot be read .*codec"),
        (b"\xef\xbb\xbf{}", "cannot be read .*BOM"),
        (b"[]", "is a list, not an object. The file is damaged"),
        (b'{"a": "x"}', "a is 'x', not a whole number"),
        (None, r"cannot be read \(No such file or directory\)$"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, content, what):
    path = tmp_path / "run.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=rf"run\.json: {what}"):
        read_json(path, dict[str, int])


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n\n{"a": 1.5}\n')
    with pytest.raises(UserError, match=r"rows\.jsonl: line 3: a is a number, not a whole"):
        read_json_lines(path, dict[str, int])
    path.write_text('{"a": 1}\n{\n')
    with pytest.raises(UserError, match=r"rows\.jsonl: cannot be read \(line 2, column 2: Expect"):
        read_json_lines(path, dict[str, Any])


def test_nobody_else_parses_json():
    """But where the text was made by this process a moment before."""
    others = {
        file.relative_to(ROOMS).as_posix()
        for file in ROOMS.rglob("*.py")
        if re.search(r"json\.loads?\(|raw_decode\(", file.read_text(encoding="utf-8"))
    }
    assert others == {"core/json_files.py", "text/pruning.py"}
