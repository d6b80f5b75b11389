"""Identity of a training's code, libraries and encoder weights, which decides on reuse.

Every source file below the rooms that only ask and show counts. A list of the modules that "take
part in training" was tried and missed edits of the input limit, the rows, the stored weights and
the scores that select an epoch.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nlpcl
from nlpcl import zoo

PACKAGE = Path(nlpcl.__file__).parent
SHOWN_ONLY = frozenset({"cli", "analysis"})
"""The only rooms of the package that cannot change what a training gives."""
LIBRARIES = ("torch", "transformers", "numpy")
OWN = "the model's own folder"


def verbatim(file: Path) -> str:
    """The text of a source file."""
    return file.read_text(encoding="utf-8")


def bare(file: Path) -> str:
    """Syntax tree of a source file without docstrings."""
    return bare_source(verbatim(file))


@functools.lru_cache(maxsize=1024)
def bare_source(source: str) -> str:
    """Syntax tree of source code without docstrings."""
    tree: Any = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not is_text(part)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def is_text(node: ast.AST) -> bool:
    """Whether a statement is a docstring or another string without effect."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def code_identity(entry: zoo.Entry, *, exact: bool = False) -> dict[str, str]:
    """Versions of libraries, and digests of source files by room of the package.

    A user's own model folder is a room of its own.

    Args:
        entry: the model.
        exact: include comments, docstrings and layout, which is much faster.
    """
    text_of = verbatim if exact else bare
    found = {name: importlib.metadata.version(name) for name in LIBRARIES}
    found |= room_digests(PACKAGE, text_of)
    if entry.own:
        found[OWN] = digest_of(entry.folder, text_of)
    return found


def room_digests(package: Path, text_of: Callable[[Path], str] = bare) -> dict[str, str]:
    """Map ``nlpcl/ROOM`` to a digest, for every room or root file that can affect training."""
    rooms = sorted(
        path
        for path in package.iterdir()
        if path.name not in SHOWN_ONLY and (path.suffix == ".py" or any(path.rglob("*.py")))
    )
    return {f"{package.name}/{room.name}": digest_of(room, text_of) for room in rooms}


def digest_of(place: Path, text_of: Callable[[Path], str]) -> str:
    """Digest of a source file, or of all source files in a folder with their names."""
    digest = hashlib.sha256()
    for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        name = file.relative_to(place.parent).as_posix()
        digest.update(name.encode() + b"\0" + text_of(file).encode() + b"\0")
    return digest.hexdigest()[:16]


def differing(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """List the differences of two identities, as ``torch 2.9 (now 2.10)`` or ``nlpcl/metrics``."""
    found = []
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            versions = f" {old.get(name)} (now {new.get(name)})" if name in LIBRARIES else ""
            found.append(name + versions)
    return found


def encoder_digest(backbone: str) -> str:
    """Digest of the initial weights; empty for names on a hub."""
    folder = PACKAGE if backbone == "builtin" else Path(backbone)
    digest = hashlib.sha256()
    files = sorted(folder.rglob("*.safetensors")) if folder.is_dir() else []
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16] if files else ""
