"""Every figure, found by listing this folder, in the order of the report."""

from __future__ import annotations

import functools
import importlib
import pkgutil

from nlpcl.analysis import figures
from nlpcl.analysis.figures.kinds import Kind
from nlpcl.core.errors import unknown_name

FAMILIES = (
    *("ablations", "several runs", "all models", "classifiers", "spelling", "entities"),
    *("hate speech", "speech emotion", "embeddings", "single items", "cost"),
)
"""The order of the report; a family that is not among them comes last."""


@functools.cache
def families() -> dict[str, tuple[Kind, ...]]:
    """Return the figures by family, as named by ``FAMILY`` in their module."""
    found: dict[str, tuple[Kind, ...]] = {}
    for module in pkgutil.iter_modules(figures.__path__):
        values = vars(importlib.import_module(f"{figures.__name__}.{module.name}"))
        if "KINDS" in values:
            family = values.get("FAMILY", "further")
            found[family] = (*found.get(family, ()), *values["KINDS"])
    ordered = sorted(found, key=lambda name: [*FAMILIES, name].index(name))
    return {name: found[name] for name in ordered}


def kinds() -> tuple[Kind, ...]:
    """Return all kinds of figures in the order of the report."""
    return tuple(kind for listed in families().values() for kind in listed)


def names() -> list[str]:
    """Return the names that ``--only`` accepts, in the order of the report."""
    return list(dict.fromkeys(kind.name for kind in kinds()))


def check(wanted: list[str]) -> list[str]:
    """Reject unknown names.

    Raises:
        UserError: naming the nearest one.
    """
    for name in wanted:
        if name not in names():
            raise unknown_name("figure", name, names(), where="--only")
    return wanted
