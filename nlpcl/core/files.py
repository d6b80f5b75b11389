"""Atomic writing of files: readers see the old content or the new, never a part."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import IO

from nlpcl.core.errors import UserError


@contextlib.contextmanager
def explained(path: Path) -> Generator[None]:
    """Turn an operating-system error (disk full, no permission) into one line about ``path``."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot write: {reason}", path, "Free some space or choose another place."
        ) from error


@contextlib.contextmanager
def explained_reading(path: Path) -> Generator[None]:
    """Turn a file that cannot be read into one line about ``path``."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot be read ({error.strerror or error})", path) from error


def refuse_new_root(folder: Path) -> None:
    """Refuse a folder for which another one would have to be made at the root of the file system.

    Raises:
        UserError: the beginning of its path is most likely mistyped.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    if folder.is_absolute() and missing and missing[-1].parent == Path(folder.anchor):
        how = "Check the path, or make that folder first."
        raise UserError(f"there is no folder {missing[-1]}", folder, how)


def make_folder(folder: Path) -> Path:
    """Make a folder and those above it, but none at the root of the file system.

    Raises:
        UserError: it cannot be made.
    """
    refuse_new_root(folder)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def atomic_file(path: Path, *, newline: str | None = None) -> Generator[IO[str]]:
    """A UTF-8 text file that replaces ``path`` only when the block ends without an error.

    Halves of characters, which names of files may hold, become their escapes, as JSON has them.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        make_folder(path.parent)
        with explained(path):
            with temporary.open(
                "w", encoding="utf-8", errors="backslashreplace", newline=newline
            ) as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Generator[Path]:
    """An empty folder that replaces ``path`` only when the block ends without an error."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    previous = path.with_name(f".{path.name}.{os.getpid()}.old")
    try:
        make_folder(path.parent)
        with explained(path):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
            yield temporary
            if path.exists():
                os.replace(path, previous)
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(previous, ignore_errors=True)


def remove_parts(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder; nobody else may write there."""
    for pattern in (".*.part", ".*.old"):
        for path in folder.glob(pattern):
            with contextlib.suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def write_json(path: Path, value: object) -> None:
    """Write ``value`` as indented UTF-8 JSON, atomically."""
    with atomic_file(path) as stream:
        json.dump(value, stream, ensure_ascii=False, indent=2)
        stream.write("\n")


def write_json_lines(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write one JSON object per line, atomically."""
    with atomic_file(path) as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_csv(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as CSV, atomically; columns are all keys in order of appearance."""
    listed = list(rows)
    columns = list(dict.fromkeys(key for row in listed for key in row))
    with atomic_file(path, newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(listed)
