"""Location and record of run folders, without heavy imports."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Collection, Generator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nlpcl import tasks, zoo
from nlpcl.core import progress
from nlpcl.core.errors import UserError
from nlpcl.core.files import explained, make_folder, refuse_new_root, remove_parts
from nlpcl.core.json_files import DAMAGED, read_json
from nlpcl.core.locks import LOCK, is_being_written, only_writer
from nlpcl.core.renamed import with_present_names
from nlpcl.core.reports import check_table
from nlpcl.runs.shapes import RunRecord

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
    # os.path: a name may be too long, which pathlib does not take for missing.
    if not os.path.isdir(folder):
        raise UserError("no such run folder", folder, "Give the folder printed by nlpcl train.")
    if not os.path.isfile(folder / "run.json"):
        raise UserError("is no run folder (no run.json)", folder, "nlpcl train makes one.")
    file = folder / "run.json"
    refuse_newer(file)
    read = read_json(file, RunRecord)
    if "costs" in read:
        check_table(read["costs"], file)
    record: dict[str, Any] = dict(read)
    for key in ("started", "ended"):
        if key in record and not is_time(record[key]):
            raise UserError(f"{key} is {record[key]!r}, not a time", file, DAMAGED)
    record["task"] = tasks.FORMER_NAMES.get(record["task"], record["task"])
    return record


def refuse_newer(file: Path) -> None:
    """Refuse a ``run.json`` of a format to come, whose types are not known.

    Raises:
        UserError: it is one.
    """
    written = read_json(file, dict[str, Any]).get("format", 1)
    if not isinstance(written, int) or written > FORMAT:
        what = f"is a run folder of format {written}; this nlpcl reads formats up to {FORMAT}"
        raise UserError(what, file, "Install a newer nlpcl.")


def is_time(text: str) -> bool:
    """Whether a text is a time with its zone, as ``run.json`` holds it."""
    try:
        return datetime.datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


class Newest(NamedTuple):
    """The newest run of some kind: found, not named, so no code that comes with it is executed.

    Args:
        folder: of the run; None if there is none.
        passed: a newer one, which was passed over because it brings code; usually None.
    """

    folder: Path | None
    passed: Path | None


def newest(found: Mapping[Path, str], with_code: Collection[Path]) -> Newest:
    """The newest of runs, by their times, that does not bring code."""
    ordered = sorted(found, key=lambda folder: (found[folder], folder))
    usable = [folder for folder in ordered if folder not in with_code]
    passed = ordered[-1] if ordered and ordered[-1] in with_code else None
    return Newest(usable[-1] if usable else None, passed)


def newest_run(task: str, own: zoo.Entry | None = None, root: Path = RUNS) -> Newest:
    """The most recently finished run of a task.

    Args:
        task: its name.
        own: a model folder that the user has named; its code does for its runs.
        root: where runs lie.
    """
    found: dict[Path, str] = {}
    with_code: set[Path] = set()
    for file in root.glob("*/run.json"):
        folder = file.parent
        try:
            record = read_record(folder)
        except UserError:
            continue
        if record["task"] == task and record.get("state") == "finished":
            found[folder] = str(record.get("ended", ""))
            if brings_code(folder) and not (own and record["model"] == own.name):
                with_code.add(folder)
    return newest(found, with_code)


def unfinished_run(entry: zoo.Entry, settings: Mapping[str, Any], root: Path = RUNS) -> Newest:
    """The unfinished run of a model that was started last.

    Runs that a process of this machine is working on are passed over.

    Args:
        entry: the model; if it is a user's own, its code does for its runs.
        settings: that the run must have.
        root: where runs lie.
    """
    found: dict[Path, str] = {}
    with_code: set[Path] = set()
    for file in root.glob("*/run.json"):
        folder = file.parent
        try:
            record = read_record(folder)
            same = not differing_setting(entry, record, settings)
        except UserError:
            continue
        is_waiting = record.get("state") in UNFINISHED and record["model"] == entry.name
        if same and is_waiting and not is_being_written(folder):
            found[folder] = str(record.get("started", ""))
            if (brings_code(folder) and not entry.own) or names_code(entry, record, settings):
                with_code.add(folder)
    return newest(found, with_code)


def brings_code(folder: Path) -> bool:
    """Whether a run holds a copy of a user's own model."""
    return (folder / OWN_CODE).exists()


def code_of(folder: Path, record: Mapping[str, Any]) -> zoo.Entry:
    """The code of a run's model: its own copy of a user's, else the zoo's.

    Raises:
        UserError: its record names no model of the zoo.
    """
    own = list((folder / OWN_CODE).glob("*/config.py"))
    if own:
        return zoo.own_entry(own[0].parent)
    return zoo.listed(record["model"], where=folder / "run.json")


def names_code(entry: zoo.Entry, record: Mapping[str, Any], given: Collection[str]) -> bool:
    """Whether settings of a run name code: a corpus file, or a run that brings some.

    Args:
        entry: the model of the run.
        record: its record.
        given: settings that do not count, since the user has given the same.
    """
    config = with_present_names(entry.config_class, record["config"])
    texts = [value for name, value in config.items() if name not in given]
    named = [one.strip() for text in texts if isinstance(text, str) for one in text.split(",")]
    return any(one.endswith(".py") or brings_code(Path(one)) for one in named)


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
