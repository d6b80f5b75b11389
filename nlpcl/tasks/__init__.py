"""Tasks: one folder each, found by listing; adding one edits no other file.

A folder holds ``spec.py`` (torch-free: one ``TaskSpec``), ``config.py`` (torch-free: settings and
options), ``task.py`` (one ``Task``), and what these need. A user's own model folder with a
``spec.py`` and a ``task.py`` brings a task of its own.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nlpcl.core.errors import UserError, unknown_name
from nlpcl.tasks.spec import TaskSpec

if TYPE_CHECKING:
    from nlpcl.core.config import RunConfig
    from nlpcl.nn.model import ZooConfig
    from nlpcl.tasks.protocol import Task

FORMER_NAMES = {"mlm": "masked_lm"}
"""Names in runs of earlier versions."""
_own: dict[str, str] = {}
"""Import paths of the folders of users' own tasks, by name."""


def names() -> list[str]:
    """Return the names of all tasks, sorted, including the user's own that have been loaded."""
    folders = [folder for place in __path__ for folder in Path(place).iterdir()]
    found = {folder.name for folder in folders if (folder / "spec.py").is_file()}
    return sorted(found | _own.keys())


def spec(name: str, where: str = "") -> TaskSpec:
    """Return the spec of a task; ``where`` names the flag, for the error.

    Raises:
        UserError: there is no such task, or its ``spec.py`` holds no ``TaskSpec``.
    """
    current = FORMER_NAMES.get(name, name)
    if current not in names():
        raise unknown_name("task", name, names(), where=where)
    module = _module(current, "spec")
    found = [value for value in vars(module).values() if isinstance(value, TaskSpec)]
    own = [one for one in found if one.name == current]
    if len(own) != 1:
        what = f"holds no TaskSpec named {current!r}"
        how = "See nlpcl/tasks for complete ones."
        raise UserError(what, module.__file__ or module.__name__, how)
    return own[0]


def by_noun(noun: str) -> TaskSpec | None:
    """Return the task with a noun of ``nlpcl predict``."""
    return next((one for one in map(spec, names()) if one.prediction and one.noun == noun), None)


def task_class(name: str) -> type[Task]:
    """Import and return the class of a task; imports torch.

    Raises:
        UserError: its ``task.py`` does not hold one class derived from ``Task``.
    """
    from nlpcl.tasks.protocol import Task

    module = _module(FORMER_NAMES.get(name, name), "task")
    own = [value for value in vars(module).values() if isinstance(value, type)]
    found = [one for one in own if Task in one.__mro__ and one.__module__ == module.__name__]
    if len(found) != 1:
        what = f"holds {len(found)} classes derived from nlpcl.tasks.protocol.Task, not one"
        raise UserError(what, module.__file__ or module.__name__)
    return found[0]


def open_task(config: RunConfig, processor: Any, model_config: ZooConfig) -> Task:
    """Create the task of a configuration, with a model's processor; imports torch."""
    return task_class(config.task)(processor, config, model_config)


def add_own(package: str) -> TaskSpec:
    """Register the task in a user's own folder, importable as ``package``.

    Raises:
        UserError: its ``spec.py`` does not hold one ``TaskSpec``, or one named like a task here.
    """
    # A folder of the same name may have been read before, with another task in it.
    for name in [name for name, place in _own.items() if place == package]:
        del _own[name]
    module = importlib.import_module(f"{package}.spec")
    found = [value for value in vars(module).values() if isinstance(value, TaskSpec)]
    where = module.__file__ or module.__name__
    if len(found) != 1:
        raise UserError(f"holds {len(found)} TaskSpecs, not one", where)
    name = found[0].name
    if name in names() and name not in _own:
        raise UserError(f"names its task {name!r}, as nlpcl does one", where, "Choose another.")
    _own[name] = package
    return found[0]


def _module(name: str, part: str) -> ModuleType:
    package = _own.get(name, f"{__name__}.{name}")
    return importlib.import_module(f"{package}.{part}")
