"""Options: dataclass fields that are also flags, and the check of their values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.needs import Needs

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def option(
    default: Any,
    help: str,
    *,
    panel: str = "Model",
    unit: str = "",
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    formerly: Sequence[str] = (),
    absent: Any = dataclasses.MISSING,
    needs: Needs = (),
) -> Any:
    """Declare a dataclass field that is also a command-line flag.

    Args:
        default: value without the flag.
        help: one line for ``--help``.
        panel: heading in ``--help``; fields under ``Model`` are saved with the model.
        unit: unit of the value, shown in ``--help``.
        above: exclusive lower bound; bounds are checked before any work starts.
        at_least: inclusive lower bound.
        below: exclusive upper bound.
        at_most: inclusive upper bound.
        formerly: names it had in earlier releases. Runs, saved models and model folders that use
            them stay valid; as flags they work for one release and print a note.
        absent: what runs and saved models stand for that were made before there was such an option;
            the default where they are the same.
        needs: conditions on other options without which it has no effect and is refused, see
            :mod:`nlpcl.core.needs`.
    """
    bounds = {"above": above, "at_least": at_least, "below": below, "at_most": at_most}
    metadata = {
        "help": help,
        "unit": unit,
        "panel": panel,
        "bounds": bounds,
        "formerly": tuple(formerly),
        "needs": needs,
    }
    if absent is not dataclasses.MISSING:
        metadata["absent"] = absent
    return dataclasses.field(default=default, metadata=metadata)


def needing(base: type[Any], name: str, needs: Needs) -> Any:
    """A field of a base class as it is, but for what it needs here."""
    inherited = base.__dataclass_fields__[name]
    metadata = dict(inherited.metadata) | {"needs": needs}
    return dataclasses.field(default=inherited.default, metadata=metadata)


def flag(name: str) -> str:
    """``batch_size`` → ``--batch-size``."""
    return "--" + name.replace("_", "-")


def absent_values(options: type[Any]) -> dict[str, Any]:
    """Field → its value in runs that were made before it was there, where that is no default."""
    fields = dataclasses.fields(options)
    return {f.name: f.metadata["absent"] for f in fields if "absent" in f.metadata}


def check_fields(settings: DataclassInstance) -> None:
    """Reject values of a dataclass that are no valid choice or out of bounds.

    Raises:
        UserError: naming the flag, the bound and the value.
    """
    hints = get_type_hints(type(settings))
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        check_choice(field.name, value, hints[field.name])
        check_bounds(field.name, value, field.metadata.get("bounds", {}))


def check_choice(name: str, value: object, hint: object) -> None:
    """Reject a value that is not in a ``Literal``."""
    if get_origin(hint) is Literal and value not in get_args(hint):
        raise unknown_name("value", str(value), map(str, get_args(hint)), where=flag(name))


def check_bounds(name: str, value: object, bounds: Mapping[str, float | None]) -> None:
    """Reject a number out of bounds; NaN always is."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    tests: dict[str, Callable[[float], bool]] = {
        "above": lambda bound: value > bound,
        "at_least": lambda bound: value >= bound,
        "below": lambda bound: value < bound,
        "at_most": lambda bound: value <= bound,
    }
    if not math.isfinite(value):
        raise UserError(f"{value} is not a finite number", flag(name), "Give another value.")
    for test, bound in bounds.items():
        if bound is not None and not tests[test](bound):
            words = test.replace("_", " ")
            raise UserError(f"{value} is not {words} {bound:g}", flag(name), "Give another value.")
