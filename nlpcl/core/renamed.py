"""Former names of options, accepted for one release.

A field says so itself: ``option(..., formerly=("old_name",))``.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from nlpcl.core.errors import UserError


def former_names(options: type[Any]) -> dict[str, str]:
    """Map former names to present names of a dataclass's fields, including inherited ones."""
    # All bases: an override of a field need not repeat what the field was called.
    return {
        former: field.name
        for base in options.__mro__
        if dataclasses.is_dataclass(base)
        for field in dataclasses.fields(base)
        for former in field.metadata.get("formerly", ())
    }


def with_present_names(
    options: type[Any], values: Mapping[str, Any], *, where: str = ""
) -> dict[str, Any]:
    """Rename settings to the present names of their fields; other names are left alone.

    Args:
        options: a dataclass of options.
        values: of its fields.
        where: what holds them, for the error.

    Raises:
        UserError: a field is set under two of its names.
    """
    former = former_names(options)
    found: dict[str, Any] = {}
    for name, value in values.items():
        present = former.get(name, name)
        if present in found:
            names = [other for other in values if former.get(other, other) == present]
            what = f"{' and '.join(names)} are the same setting"
            raise UserError(what, where, f"Keep {present} alone.")
        found[present] = value
    return found


class RenamedFields:
    """Base of dataclasses that user code may extend: former names can be read and overridden."""

    former_methods: ClassVar[Mapping[str, str]] = {}
    """Former name → present name of the methods that a subclass may override."""

    def __init_subclass__(cls, **named: Any) -> None:
        """Rename what a subclass overrides under a former name.

        Otherwise a model folder written for an earlier release would declare a field, or a learning
        rate schedule, that nothing reads.
        """
        super().__init_subclass__(**named)
        former = {**cls.former_methods, **former_names(cls)}
        overridden = former.keys() & vars(cls).keys()
        if overridden:
            hints = inspect.get_annotations(cls)
            cls.__annotations__ = {former.get(name, name): hint for name, hint in hints.items()}
        for old in overridden:
            setattr(cls, former[old], vars(cls)[old])
            delattr(cls, old)

    if not TYPE_CHECKING:  # to a type checker every name would be an attribute

        def __getattr__(self, name: str) -> Any:
            """The value of a field by a former name."""
            present = former_names(type(self)).get(name)
            if present is None:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            return getattr(self, present)
