"""What an option needs of others to have an effect: ``option(..., needs=above("beta", 0))``.

A setting without an effect is refused before any work: two models that differ in it alone are the
same, and no comparison would say so.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from nlpcl.core.errors import UserError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Settings = TypeVar("Settings", bound=DataclassInstance)


@dataclass(frozen=True)
class Need:
    """A condition on another option, or on one of several (``first | second``).

    Args:
        field: the other option.
        holds: its value → whether the condition is met.
        setting: the flag that meets it, as one types it.
        example: a value that meets it.
        others: conditions that do as well.
    """

    field: str
    holds: Callable[[Any], bool]
    setting: str
    example: Any
    others: tuple[Need, ...] = ()

    def __or__(self, other: Need) -> Need:
        return dataclasses.replace(self, others=(*self.others, other))

    def is_met(self, settings: DataclassInstance) -> bool:
        """Whether the settings meet it."""
        met = self.holds(getattr(settings, self.field))
        return met or any(other.is_met(settings) for other in self.others)

    def advice(self) -> str:
        """``--loss focal or --variant span``."""
        return " or ".join([self.setting, *(other.setting for other in self.others)])


Needs = Need | tuple[Need, ...]
"""One condition, or several that must all be met."""


def is_one_of(field: str, *values: Any) -> Need:
    """The other option has one of these values."""
    name = field.replace("_", "-")
    setting = f"--{name} {' or '.join(map(str, values))}" if values != (True,) else f"--{name}"
    return Need(field, values.__contains__, setting, values[0])


def above(field: str, bound: float) -> Need:
    """The other option is above a number."""
    name = f"--{field.replace('_', '-')} above {bound:g}"
    return Need(field, lambda value: value > bound, name, bound + 1)


def below(field: str, bound: float) -> Need:
    """The other option is below a number that is above 0."""
    name = f"--{field.replace('_', '-')} below {bound:g}"
    return Need(field, lambda value: value < bound, name, bound / 2)


OWN_FILE = Need("data", lambda data: any(map(is_own_file, parts(data))), "--data FILE", "./own.csv")
"""For columns: names of corpora know theirs."""

CORPUS = Need(
    "data",
    lambda data: any(
        not is_own_file(part) and not part.startswith("sample") for part in parts(data)
    ),
    "--data with the name of a corpus",
    "sighan15",
)
"""For the folder of the corpora: the sample is in the package, a file has its own path."""


def parts(data: str) -> list[str]:
    """``--data`` as the names, files and folders that it joins by commas."""
    return [data] if os.path.exists(data) else [part.strip() for part in data.split(",")]


def is_own_file(part: str) -> bool:
    """Whether a part of ``--data`` is a file, folder or dataset of the hub, and no corpus."""
    is_place = any(mark in part for mark in "./\\:") or os.path.exists(part)
    return is_place and not part.endswith(".py") and part != "sample"


def unmet(settings: DataclassInstance) -> dict[str, list[Need]]:
    """The options without an effect under these settings, with what each of them lacks."""
    found: dict[str, list[Need]] = {}
    for field in dataclasses.fields(settings):
        lacking = [need for need in needs_of(field) if not need.is_met(settings)]
        if lacking:
            found[field.name] = lacking
    return found


def needs_of(field: dataclasses.Field[Any]) -> tuple[Need, ...]:
    """The conditions that an option was declared with."""
    needs = field.metadata.get("needs", ())
    return (needs,) if isinstance(needs, Need) else tuple(needs)


def effective(settings: Settings) -> Settings:
    """The settings with every option that has no effect at its default."""
    names = unmet(settings)
    defaults = {f.name: f.default for f in dataclasses.fields(settings) if f.name in names}
    return dataclasses.replace(settings, **defaults)


def changed(settings: DataclassInstance) -> list[str]:
    """The options that are not at their defaults."""
    return [f.name for f in dataclasses.fields(settings) if getattr(settings, f.name) != f.default]


def refuse_without_effect(settings: DataclassInstance, names: Collection[str]) -> None:
    """Refuse options that were set but have no effect.

    Args:
        settings: all of them.
        names: of the options that were set.

    Raises:
        UserError: with what to set, so that it has one.
    """
    for name, needs in unmet(settings).items():
        if name in names:
            raise without_effect(needs, f"--{name.replace('_', '-')}")


def without_effect(needs: Iterable[Need], where: str, when: str = "here") -> UserError:
    """The error of an option without an effect.

    Args:
        needs: what it lacks.
        where: the flag or sweep.
        when: in which of several models.
    """
    advice = " and ".join(need.advice() for need in needs)
    return UserError(f"has no effect {when}", where, f"Set {advice}, or leave it out.")
