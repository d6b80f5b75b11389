"""The datasets by name: those in ``DATASETS`` of the modules in this folder."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import pkgutil
from pathlib import Path

from nlpcl import data
from nlpcl.core.errors import UserError, first_line, unknown_name
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
    """The dataset of that name.

    Raises:
        UserError: there is none; the message lists the known names.
    """
    if name not in listed():
        raise unknown_name("dataset", name, names())
    return listed()[name]


def named(data: str, task: str) -> Dataset | None:
    """The dataset of that name for a task, or of a user's own corpus file; None if there is none.

    Names may be shared: ``sample`` of the task emotion is ``sample-emotion``.
    """
    if data.endswith(".py"):
        return own(Path(data))
    return listed().get(f"{data}-{task}", listed().get(data))


def own(file: Path) -> Dataset:
    """The dataset that a user's own Python file defines.

    Raises:
        UserError: no such file, or one without a single dataset.
    """
    if not file.is_file():
        raise UserError("no such corpus file", file, "Write one: nlpcl new corpus NAME")
    spec = importlib.util.spec_from_file_location(f"nlpcl_own_corpus_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"cannot be read ({first_line(error)})", file) from error
    found = vars(module).get("DATASETS", ())
    if len(found) != 1:
        raise UserError(f"holds {len(found)} datasets in DATASETS, not one", file)
    return found[0]


def data_root(root: str | Path | None) -> Path | None:
    """The data folder: as given, else the environment variable NLPCL_DATA, else None."""
    given = root or os.environ.get("NLPCL_DATA")
    return Path(given).expanduser() if given else None
