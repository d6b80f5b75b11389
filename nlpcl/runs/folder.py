"""Location and record of run folders, without heavy imports."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from nlpcl import tasks, zoo
from nlpcl.core import progress
from nlpcl.core.errors import UserError
from nlpcl.core.files import explained, make_folder, read_json, refuse_new_root, remove_parts
from nlpcl.core.locks import LOCK, is_being_written, only_writer
from nlpcl.core.renamed import with_present_names

RUNS = Path("runs")
FOLDS = "folds"
"""Where the run of a protocol keeps a whole run for each fold."""
OWN_CODE = "code"
"""Where a run keeps a copy of a user's own model folder."""
UNFINISHED = ("running", "interrupted")
"""States of runs that can be gone on with."""
FORMAT = 2
"""Version of the run folder; see CHANGELOG.md."""


def read_record(folder: Path) -> dict[str, Any]:
    """Read and validate ``run.json``, converted to the current format.

    Raises:
        UserError: no run, a damaged one, or one written by a newer version.
    """
    if not folder.is_dir():
        raise UserError("no such run folder", folder, "Give the folder printed by nlpcl train.")
    if not (folder / "run.json").is_file():
        raise UserError("is no run folder (no run.json)", folder, "nlpcl train makes one.")
    record = read_json(folder / "run.json")
    for key in ("model", "task", "config"):
        if not isinstance(record, dict) or key not in record:
            raise UserError(f"lacks {key!r}", folder / "run.json", "The file is damaged.")
    written = record.get("format", 1)
    if not isinstance(written, int) or written > FORMAT:
        what = f"is a run folder of format {written}; this nlpcl reads formats up to {FORMAT}"
        raise UserError(what, folder / "run.json", "Install a newer nlpcl.")
    record["task"] = tasks.FORMER_NAMES.get(record["task"], record["task"])
    return record


def newest_run(task: str, root: Path = RUNS) -> Path | None:
    """Return the most recently finished run of a task."""
    found: list[tuple[str, Path]] = []
    for file in root.glob("*/run.json"):
        try:
            record = read_record(file.parent)
        except UserError:
            continue
        if record["task"] == task and record.get("state") == "finished":
            found.append((record.get("ended", ""), file.parent))
    return max(found)[1] if found else None


def unfinished_run(entry: zoo.Entry, settings: Mapping[str, Any], root: Path = RUNS) -> Path | None:
    """Return the unfinished run of a model that was started last.

    Runs that a process of this machine is working on are passed over, and so are those with code
    of their own unless the model is a user's own.

    Args:
        entry: the model.
        settings: that it must have.
        root: where runs lie.
    """
    found: list[tuple[str, Path]] = []
    for file in root.glob("*/run.json"):
        folder = file.parent
        try:
            record = read_record(folder)
            same = not differing_setting(entry, record, settings)
        except UserError:
            continue
        usable = entry.own or not (folder / OWN_CODE).exists()
        is_waiting = record.get("state") in UNFINISHED and record["model"] == entry.name
        if same and usable and is_waiting and not is_being_written(folder):
            found.append((record.get("started", ""), folder))
    return max(found)[1] if found else None


def differing_setting(
    entry: zoo.Entry, record: Mapping[str, Any], settings: Mapping[str, Any]
) -> str:
    """The first setting that a run lacks or has another value of; empty where there is none.

    Raises:
        UserError: two names of one setting in the run.
    """
    config = with_present_names(entry.config_class, record["config"])
    return next((key for key in settings if key not in config or config[key] != settings[key]), "")


def refuse_taken(folder: Path) -> None:
    """Refuse a folder in which something lies, other than the lock of a process.

    Raises:
        UserError: it is taken, or a folder would have to be made at the root for it.
    """
    refuse_new_root(folder)
    if folder.exists() and not (
        folder.is_dir() and all(path.name == LOCK for path in folder.iterdir())
    ):
        how = f"Choose another, or go on with it: --resume {folder}"
        raise UserError("exists and is not empty", f"--out {folder}", how)


@contextlib.contextmanager
def new_folder(out: str | Path | None, name: str) -> Generator[Path]:
    """Create and lock a run folder.

    Args:
        out: the folder; None for ``runs/NAME-TIME``.
        name: of the model, for that.

    Raises:
        UserError: it is taken, or cannot be made.
    """
    if out is None:
        folder = stamped_folder(name)
    else:
        refuse_taken(Path(out))
        folder = make_folder(Path(out))
    with only_writer(folder, progress.say):
        refuse_taken(folder)  # by now
        yield folder


@contextlib.contextmanager
def begun_folder(folder: Path) -> Generator[Path]:
    """Lock a run folder to resume, and remove half-written files."""
    with only_writer(folder, progress.say):
        remove_parts(folder)
        yield folder


def stamped_folder(name: str) -> Path:
    """Create and return ``runs/NAME-TIME``, numbered if taken."""
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    base = RUNS / f"{name}-{stamp}"
    folder, count = base, 1
    with explained(base):
        RUNS.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                folder.mkdir()
                return folder
            except FileExistsError:
                count += 1
                folder = base.with_name(f"{base.name}-{count}")


def number(text: str) -> Any:
    """Convert a CSV cell to a number if possible."""
    try:
        return float(text)
    except ValueError:
        return text
