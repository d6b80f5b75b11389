"""Search for the files of a corpus below the data folder."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from nlpcl.core.errors import UserError

DEPTH = 3
"""Number of folder levels searched below the data folder."""


def scan(root: Path | None, dataset: str) -> list[Path]:
    """All files in ``root`` and up to ``DEPTH`` folder levels below it, the least deep first.

    Raises:
        UserError: no data folder is given, or it does not exist.
    """
    how = f"Pass --data-root DIR, or set NLPCL_DATA, to the folder that holds {dataset}."
    if root is None:
        raise UserError(f"{dataset} needs the folder of its files", "--data-root", how)
    if not root.is_dir():
        raise UserError("no such folder", root, how)
    found: list[tuple[int, Path]] = []
    for folder, folders, files in os.walk(root, followlinks=True):
        depth = len(Path(folder).relative_to(root).parts)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if depth == DEPTH:
            folders.clear()
        found += [(depth, Path(folder, name)) for name in files]
    return [path for _, path in sorted(found)]


def of_corpus(files: Sequence[Path], root: Path | None, name: str) -> list[Path]:
    """The files of a corpus whose file names are common ones.

    They lie in a folder named after the corpus or in one directly below it, whichever of these,
    or of those above, the data folder is; else in the data folder itself.

    Args:
        files: from ``scan``.
        root: the data folder.
        name: of the corpus, in small letters.
    """
    named = [
        path
        for path in files
        if any(name in folder.name.lower() for folder in path.absolute().parents[:2])
    ]
    return named or [path for path in files if path.parent == root]


def above_parts(root: Path | None, part: str) -> Path | None:
    """The data folder; the one above where it is but a part of a corpus, such as one speaker's.

    Args:
        root: the data folder.
        part: a regular expression for whole names of such folders, ignoring case.
    """
    if root is None or not re.fullmatch(part, root.absolute().name, re.IGNORECASE):
        return root
    return root.absolute().parent


def together(files: Sequence[Path], patterns: Sequence[str]) -> tuple[list[Path], list[Path]]:
    """The files of one folder that match all patterns, and the other folders that have such files.

    Args:
        files: from ``scan``.
        patterns: regular expressions for whole file names, ignoring case. Each must match a file.

    Returns:
        The files of the least deep such folder, in the order of the patterns (several for a
        pattern that several files match), and the folders with further copies. Empty if none.
    """
    expressions = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]
    folders: dict[Path, list[Path]] = {}
    for path in files:
        folders.setdefault(path.parent, []).append(path)
    matches: list[list[Path]] = []
    for inside in folders.values():
        chosen = [[p for p in inside if e.fullmatch(p.name)] for e in expressions]
        if all(chosen):
            matches.append([path for paths in chosen for path in paths])
    if not matches:
        return [], []
    return matches[0], [paths[0].parent for paths in matches[1:]]


def copies_note(dataset: str, used: Path, others: Sequence[Path]) -> list[str]:
    """A list with a note on which of several copies was read; empty if there is one copy."""
    if not others:
        return []
    listed = ", ".join(str(folder) for folder in others)
    return [f"{dataset}: read from {used}; further copies not read: {listed}"]


def missing(dataset: str, root: Path | None, wanted: str) -> UserError:
    """The error for a corpus that is not below ``root``.

    Args:
        dataset: its name.
        root: where it was searched for.
        wanted: the file names, for the message.
    """
    return UserError(
        f"no {dataset} files",
        root,
        f"Looked for {wanted} there and {DEPTH} levels of folders below. "
        "Pass --data-root DIR with the folder that holds them.",
    )
