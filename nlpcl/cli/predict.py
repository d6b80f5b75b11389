"""``nlpcl predict TASK``: one module a task, ``predict_TASK``."""

from __future__ import annotations

import importlib
from typing import Any

from nlpcl.cli.groups import lazy_group, single
from nlpcl.core.errors import unknown_name

TASKS = ("emotion", "hate", "spelling")


def command() -> Any:
    """The group of what can be predicted."""
    return lazy_group(
        "predict",
        "Use a trained model on text, sound, files or standard input.",
        lambda: list(TASKS),
        lambda name: single(module(name).predict),
        lambda name: module(name).SUMMARY,
    )


def module(name: str) -> Any:
    """The module of one task, with ``predict`` and ``SUMMARY``."""
    if name not in TASKS:
        raise unknown_name("task", name, TASKS)
    return importlib.import_module(f"nlpcl.cli.predict_{name}")
