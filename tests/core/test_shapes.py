"""Types as descriptions of what JSON must hold: what fits, and what is said where it does not."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, TypedDict

import pytest

from nlpcl.core.shapes import fault


class Needed(TypedDict):
    name: str


class Record(Needed, total=False):
    sizes: dict[str, int]
    rows: list[list[str | float | None]]
    kind: Literal["a", "b"]
    inner: Needed


@dataclasses.dataclass
class Point:
    x: float
    label: str | None


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (1, int),
        (-(2**63), int),
        (1, float),
        (float("nan"), float),
        (None, None),
        (None, str | None),
        ("x", Literal["x", 1]),
        ([[1, {}]], Any),
        ({"name": "n", "sizes": {"a": 1}, "rows": [["x", 1.5, None], []], "more": [1]}, Record),
        ({"x": 1, "label": None, "z": 3}, Point),
        ([], list[int]),
        ({}, dict[str, int]),
    ],
)
def test_what_fits(value, shape):
    assert fault(value, shape) == ""


@pytest.mark.parametrize(
    ("value", "shape", "what"),
    [
        (True, int, "is true or false, not a whole number"),
        (1.0, int, "is a number, not a whole number"),
        (2**63, float, "is a number too large to be true"),
        ("1", float, "is '1', not a number"),
        ("x" * 99, int, "is a text, not a whole number"),
        (0, bool, "is a whole number, not true or false"),
        (None, str, "is null, not a text"),
        ([], dict[str, int], "is a list, not an object"),
        ([], str | None, "is a list, not a text or null"),
        ("c", Literal["a", "b"], "is 'c', not 'a' or 'b'"),
        ([], Record, "is a list, not an object"),
        ({}, Record, "lacks 'name'"),
        ({"name": "n", "inner": {}}, Record, "inner lacks 'name'"),
        ({"name": "n", "sizes": {"a": "1"}}, Record, "sizes.a is '1', not a whole number"),
        (
            {"name": "n", "rows": [[], [1, []]]},
            Record,
            "rows[1][1] is a list, not a text or a number or null",
        ),
        ({"x": 1}, Point, "lacks 'label'"),
        ({"name": "n", "rows": 3}, Record | None, "rows is a whole number, not a list"),
    ],
)
def test_what_does_not_fit(value, shape, what):
    assert fault(value, shape) == what


def test_a_named_value():
    assert fault([1, None], list[int], "seeds") == "seeds[1] is null, not a whole number"
