"""The corpora by name: modules of this folder with ``DATASETS``, found by listing it."""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
from pathlib import Path

from nlpcl import data
from nlpcl.core.errors import unknown_name
from nlpcl.core.splits import Dataset


@functools.cache
def listed() -> dict[str, Dataset]:
    """Every dataset by its name."""
    found: dict[str, Dataset] = {}
    for module in pkgutil.iter_modules(data.__path__):
        adapter = importlib.import_module(f"{data.__name__}.{module.name}")
        for entry in vars(adapter).get("DATASETS", ()):
            if entry.name in found:
                raise ValueError(f"two datasets are named {entry.name!r}")
            found[entry.name] = entry
    return found


def names(task: str | None = None) -> list[str]:
    """The names of all datasets, or of those for one task, sorted."""
    return sorted(name for name, entry in listed().items() if task in (None, entry.task))


def dataset(name: str) -> Dataset:
    """The dataset of a name.

    Raises:
        UserError: there is none; the known names are listed.
    """
    if name not in listed():
        raise unknown_name("dataset", name, names())
    return listed()[name]


def named(data: str, task: str) -> Dataset | None:
    """The dataset of that name for a task, if there is one.

    Names may be shared: ``sample`` of the task emotion is ``sample-emotion``.
    """
    return listed().get(f"{data}-{task}", listed().get(data))


def data_root(root: str | Path | None) -> Path | None:
    """The data folder: as given, else the environment variable NLPCL_DATA, else None."""
    given = root or os.environ.get("NLPCL_DATA")
    return Path(given).expanduser() if given else None
