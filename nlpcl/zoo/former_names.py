"""Own code written before the package had rooms imports modules by names that they no longer have.

For one release these names still lead to the new homes, where own code asks for them. Runs keep a
copy of such code, so without this they could not be opened.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

FORMER = {
    "nlpcl.config": ("nlpcl.core.config", "nlpcl.tasks.correction.config"),
    "nlpcl.errors": ("nlpcl.core.errors",),
    "nlpcl.schedules": ("nlpcl.core.schedules",),
    "nlpcl.classification_config": ("nlpcl.tasks.classification.config",),
    "nlpcl.emotion_config": ("nlpcl.tasks.emotion.config",),
    "nlpcl.zoo.model": ("nlpcl.nn.model",),
    "nlpcl.layers": ("nlpcl.nn.layers",),
    "nlpcl.losses": ("nlpcl.nn.losses",),
}
"""A former module → those that now hold what it held; their submodules likewise."""


def lead_on(file: Path) -> list[str]:
    """Let the former names that a file imports lead to the new homes.

    Returns:
        For each name found ``OLD is NEW now``; nothing for a file that cannot be parsed or read.
    """
    told = []
    for name in imported(file):
        homes = current(name)
        if homes and name not in sys.modules:
            module = ModuleType(name, "A former name, kept for one release.")
            for home in homes:
                vars(module).update(
                    {k: v for k, v in vars(importlib.import_module(home)).items() if k[:2] != "__"}
                )
            sys.modules[name] = module
        if homes:
            told.append(f"{name} is {' and '.join(homes)} now")
    return told


def imported(file: Path) -> list[str]:
    """The modules that a file imports from, as far as it can be read."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return []  # what is wrong is told by the import itself
    names: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= {node.module: None}
            names |= dict.fromkeys(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            names |= dict.fromkeys(alias.name for alias in node.names)
    return list(names)


def current(name: str) -> tuple[str, ...]:
    """Where what a former module held is now; empty for any other name."""
    for former, homes in FORMER.items():
        if name == former:
            return homes
        if name.startswith(f"{former}."):
            rest = name.removeprefix(former)
            found = tuple(f"{home}{rest}" for home in homes)
            return found if is_module(found[0]) else ()
    return ()


def is_module(name: str) -> bool:
    """Whether there is a module of that name."""
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False
