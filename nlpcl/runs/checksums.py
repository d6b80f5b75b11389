"""SHA-256 of files, so that a run knows the weights and answers that are its own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nlpcl.core.errors import UserError
from nlpcl.core.files import explained_reading

MODEL = "model"
"""The folder of a run that holds its weights and what reads their input."""
PREFIX = f"{MODEL}/"
FILES = "files"
"""Where ``run.json`` keeps the SHA-256 of the run's files."""


def checksum(file: Path) -> str:
    """The SHA-256 of a file, in 64 digits.

    Raises:
        UserError: it cannot be read.
    """
    with explained_reading(file), file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def model_checksums(run: Path) -> dict[str, str]:
    """``model/NAME`` → SHA-256, for every file of a run's model."""
    files = sorted(path for path in (run / MODEL).rglob("*") if path.is_file())
    return {file.relative_to(run).as_posix(): checksum(file) for file in files}


def faults(run: Path, wanted: Mapping[str, str]) -> list[str]:
    """Which files of a run are missing or have changed, as ``NAME is missing``."""
    found = []
    for name, digest in wanted.items():
        if not (run / name).is_file():
            found.append(f"{name} is missing")
        elif checksum(run / name) != digest:
            found.append(f"{name} has changed")
    return found


def of_model(record: Mapping[str, Any]) -> dict[str, str]:
    """The checksums of the model that ``run.json`` holds; none in runs of nlpcl 0.1."""
    return {
        name: one for name, one in record.get(FILES, {}).items() if name.startswith(f"{MODEL}/")
    }


def check_model(run: Path, record: Mapping[str, Any]) -> None:
    """Refuse a model whose files are not those that were saved.

    Raises:
        UserError: naming them.
    """
    if wrong := faults(run, of_model(record)):
        what = f"is not what its training saved: {', '.join(wrong)}"
        how = f"Restore it from a copy or train again. See: nlpcl verify {run}"
        raise UserError(what, run / MODEL, how)
