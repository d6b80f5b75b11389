"""Comparisons that could say nothing, refused before any training."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nlpcl.core.config import RunConfig, flag
from nlpcl.core.errors import UserError
from nlpcl.core.needs import effective, unmet, without_effect

Settings = Mapping[str, Any]


def refuse_repeated(values: Iterable[str], where: str) -> None:
    """Reject names given twice."""
    listed = list(values)
    for value in listed:
        if listed.count(value) > 1:
            raise UserError(f"{value} is named twice", where, "Name it once.")


def refuse_overridden(
    given: Settings, settings: Mapping[str, Settings], grid: Mapping[str, Sequence[Any]]
) -> None:
    """Reject a flag that every variant overrides."""
    for name in given:
        if name in grid or all(name in own for own in settings.values()):
            what = "the sweep sets it" if name in grid else "every variant sets it"
            raise UserError(f"has no effect: {what}", flag(name), "Leave it out.")


def refuse_ineffective(
    given: Settings, grid: Mapping[str, Sequence[Any]], made: Mapping[str, RunConfig]
) -> None:
    """Reject a flag without an effect in any variant, and a sweep without one in some.

    Args:
        given: fields set by flags.
        grid: fields that are swept.
        made: configuration of every variant.
    """
    lacking = {variant: unmet(config) for variant, config in made.items()}
    for name in (*given, *grid):
        found = {variant: needs[name] for variant, needs in lacking.items() if name in needs}
        where = f"--sweep {name}" if name in grid else flag(name)
        if len(found) == len(made):
            raise without_effect(next(iter(found.values())), where)
        if found and name in grid:
            variant, needs = next(iter(found.items()))
            raise without_effect(needs, where, f"in the variant {variant}")


def refuse_equal(made: Mapping[str, RunConfig]) -> None:
    """Reject two names with the same settings, those without an effect left aside."""
    for (first, one), (second, other) in itertools.combinations(made.items(), 2):
        if effective(one) == effective(other):
            differing = [name for name in unmet(one) if getattr(one, name) != getattr(other, name)]
            but_for = f" but for {differing[0]}, which has no effect" if differing else ""
            raise UserError(
                f"{first} and {second} are the same settings here{but_for}",
                "--variants",
                "Leave one of them out, or the flag that makes them equal.",
            )
