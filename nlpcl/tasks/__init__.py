"""Tasks: one folder each, found by listing; a task's class loads torch when it is asked for."""

from __future__ import annotations

import importlib
from typing import Any


def task_class(name: str) -> type[Any]:
    """The class of a task: the one of that ``name`` in ``nlpcl.tasks.NAME.task``."""
    module = importlib.import_module(f"{__name__}.{name}.task")
    return next(value for value in vars(module).values() if getattr(value, "name", "") == name)
