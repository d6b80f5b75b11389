"""What a value from a file must look like, said as a type, and where it does not.

A shape is ``str``, ``int``, ``float`` (which whole numbers fit too), ``bool``, ``None``, ``Any``,
``list[...]``, ``dict[str, ...]``, ``Literal[...]``, a union of these, a ``TypedDict``, beside whose
keys there may be others, or a dataclass without defaults.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

Fault = tuple[str, str]
"""Where a value does not fit, as ``.rows[3]``, and what is there and what should be."""
Check = Callable[[Any], Fault | None]

NAMES: Mapping[Any, str] = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    type(None): "null",
}
"""Types by what people call them in JSON."""
LARGEST = 2**63
"""Numbers from here on do not fit in 64 bits."""
LONGEST_KEY = 40


def fault(value: Any, shape: Any, name: str = "") -> str:
    """What is wrong with a value; empty if it fits.

    Args:
        value: as JSON gives it.
        shape: that it should have.
        name: what it is called; empty for the content of a file.
    """
    found = check_of(shape)(value)
    if found is None:
        return ""
    place = (name + found[0]).lstrip(".")
    return f"{place} {found[1]}".strip()


@functools.cache
def check_of(shape: Any) -> Check:
    """The check of a shape."""
    origin, parts = get_origin(shape), get_args(shape)
    if shape is Any:
        return lambda value: None
    if origin is Literal:
        wanted = " or ".join(map(repr, parts))
        return lambda value: None if value in parts else ("", f"is {shown(value)}, not {wanted}")
    if origin in (Union, types.UnionType):
        return functools.partial(_in_union, tuple(map(check_of, parts)), names_of(parts))
    if is_typeddict(shape):
        hints = {key: check_of(hint) for key, hint in get_type_hints(shape).items()}
        return functools.partial(_in_object, hints, frozenset(shape.__required_keys__))
    if dataclasses.is_dataclass(shape):
        hints = {key: check_of(hint) for key, hint in get_type_hints(shape).items()}
        return functools.partial(_in_object, hints, frozenset(hints))
    if shape is dict or origin is dict:
        return functools.partial(_in_mapping, check_of(parts[1] if parts else Any))
    if shape is list or origin is list:
        return functools.partial(_in_list, check_of(parts[0] if parts else Any))
    if shape in (int, float):
        return functools.partial(_in_numbers, (int, float) if shape is float else (int,), shape)
    kind = type(None) if shape is None else shape
    return lambda value: None if type(value) is kind else _other(value, kind)


def names_of(shapes: tuple[Any, ...]) -> str:
    """What people call several shapes."""
    kinds = [get_origin(shape) or shape for shape in shapes]
    return " or ".join(NAMES.get(dict if is_typeddict(kind) else kind, "a text") for kind in kinds)


def shown(value: Any) -> str:
    """What people call a value: a word as it stands, else its type."""
    if isinstance(value, str) and len(value) <= LONGEST_KEY:
        return repr(value)
    return NAMES.get(type(value), type(value).__name__)


def _other(value: Any, kind: Any) -> Fault:
    return "", f"is {shown(value)}, not {NAMES[kind]}"


def _in_numbers(kinds: tuple[type, ...], kind: type, value: Any) -> Fault | None:
    if type(value) not in kinds:
        return _other(value, kind)
    if isinstance(value, int) and not -LARGEST <= value < LARGEST:
        return "", "is a number too large to be true"
    return None


def _in_union(checks: tuple[Check, ...], wanted: str, value: Any) -> Fault | None:
    faults = [check(value) for check in checks]
    if None in faults:
        return None
    # Where the type is right, what is wrong is within.
    inside = next((found for found in faults if found is not None and found[0]), None)
    return inside or ("", f"is {shown(value)}, not {wanted}")


def _in_list(check: Check, value: Any) -> Fault | None:
    if type(value) is not list:
        return _other(value, list)
    for at, item in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if found := check(item):
            return f"[{at}]{found[0]}", found[1]
    return None


def _in_mapping(check: Check, value: Any) -> Fault | None:
    if type(value) is not dict:
        return _other(value, dict)
    for key, item in value.items():  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
        if found := check(item):
            return f".{str(key)[:LONGEST_KEY]}{found[0]}", found[1]  # pyright: ignore[reportUnknownArgumentType]
    return None


def _in_object(hints: Mapping[str, Check], required: frozenset[str], value: Any) -> Fault | None:
    if type(value) is not dict:
        return _other(value, dict)
    for key in sorted(required - value.keys()):  # pyright: ignore[reportUnknownMemberType]
        return "", f"lacks {key!r}"
    for key, check in hints.items():
        if key in value and (found := check(value[key])):
            return f".{key}{found[0]}", found[1]
    return None
