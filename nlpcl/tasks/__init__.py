"""Tasks by name; torch is loaded only when a task's class is asked for."""

from __future__ import annotations

import importlib
from typing import Any

NOUNS = {"spelling": "correction", "hate": "classification"}
"""What ``nlpcl predict`` calls a task."""


def task_class(name: str) -> type[Any]:
    """The class of a task: ``correction`` → ``nlpcl.tasks.correction.Correction``."""
    return getattr(importlib.import_module(f"{__name__}.{name}"), name.title())
