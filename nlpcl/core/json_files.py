"""JSON that a hand, a crash or another program may have changed: read with one-line errors.

The one place where JSON is parsed. What is parsed here nests at most ``DEPTH`` deep, so that
nothing that later walks through it runs out of stack.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, TypeVar

from nlpcl.core.errors import UserError
from nlpcl.core.shapes import fault

DEPTH = 100
"""Lists and objects that may lie within one another; the C stack ends at about 1000."""
DAMAGED = "The file is damaged: restore it from a copy."

Shape = TypeVar("Shape")


class BrokenJson(ValueError):
    """Text that is no JSON, or none that can be used.

    Args:
        what: is wrong.
        line, column: where, from 1; 0 if it is the whole.
    """

    def __init__(self, what: str, line: int = 0, column: int = 0) -> None:
        self.what, self.line, self.column = what, line, column
        super().__init__(f"{what}: line {line}, column {column}" if line else what)


@contextlib.contextmanager
def _told() -> Generator[None]:
    try:
        yield
    except json.JSONDecodeError as error:
        raise BrokenJson(error.msg, error.lineno, error.colno) from error
    except RecursionError as error:
        raise BrokenJson("nested too deep") from error
    except ValueError as error:  # Python reads no more digits than 4300
        raise BrokenJson("a number of too many digits") from error


def parsed(
    text: str, object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None
) -> Any:
    """The value of a JSON text.

    Args:
        text: without a byte order mark.
        object_pairs_hook: see :func:`json.loads`.

    Raises:
        BrokenJson: it is none, nests too deep, or has a number of thousands of digits.
    """
    with _told():
        value = json.loads(text, object_pairs_hook=object_pairs_hook)
    check_depth(value, text.count("[") + text.count("{"))
    return value


def parsed_from(decoder: json.JSONDecoder, text: str, at: int) -> tuple[Any, int]:
    """The value that begins at a place of a text, and where it ends.

    Raises:
        BrokenJson: as :func:`parsed`.
    """
    with _told():
        value, end = decoder.raw_decode(text, at)
    check_depth(value, text.count("[", at, end) + text.count("{", at, end))
    return value, end


def check_depth(value: Any, marks: int) -> None:
    """Refuse what nests too deep.

    Args:
        value: of any size.
        marks: at least as many as there are lists and objects in it.

    Raises:
        BrokenJson: it does.
    """
    if marks <= DEPTH:
        return
    level: list[Any] = [value]
    for _ in range(DEPTH):
        level = [
            item
            for one in level
            for item in (one.values() if isinstance(one, dict) else one)  # pyright: ignore[reportUnknownVariableType]
            if isinstance(item, dict | list | tuple)
        ]
        if not level:
            return
    raise BrokenJson("nested too deep")


def read_json(path: Path, shape: type[Shape]) -> Shape:
    """The content of a JSON file of a shape.

    Raises:
        UserError: it is missing, no JSON, or of another shape.
    """
    value = _value(path, _text(path))
    if what := fault(value, shape):
        raise UserError(what, path, DAMAGED)
    return value


def read_json_lines(path: Path, shape: type[Shape]) -> list[Shape]:
    """One value of a shape per line; blank lines are passed over.

    Raises:
        UserError: the file is missing, or a line is no JSON or of another shape.
    """
    found: list[Shape] = []
    # Not splitlines(), which also breaks at marks such as U+2028 inside a text.
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        value = _value(path, line, number)
        if what := fault(value, shape):
            raise UserError(f"line {number}: {what}", path, DAMAGED)
        found.append(value)
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror or error})", path) from error
    except ValueError as error:
        raise UserError(f"cannot be read ({error})", path, DAMAGED) from error


def _value(path: Path, text: str, line: int = 0) -> Any:
    try:
        return parsed(text)
    except BrokenJson as error:
        place = f"line {line or error.line}, " if line or error.line else ""
        what = f"{place}column {error.column}: {error.what}" if error.column else error.what
        raise UserError(f"cannot be read ({what})", path, DAMAGED) from error
