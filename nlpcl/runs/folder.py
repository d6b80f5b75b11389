"""Location and record of run folders, without heavy imports."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from nlpcl import tasks
from nlpcl.core.errors import UserError
from nlpcl.core.files import read_json

RUNS = Path("runs")
FOLDS = "folds"
"""Where the run of a protocol keeps a whole run for each fold."""
OWN_CODE = "code"
"""Where a run keeps a copy of a user's own model folder."""
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


def stamped_folder(name: str) -> Path:
    """Return the path ``runs/NAME-TIME``, numbered if taken, without creating it."""
    stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    base = RUNS / f"{name}-{stamp}"
    folder, count = base, 1
    while folder.exists():
        count += 1
        folder = base.with_name(f"{base.name}-{count}")
    return folder


def number(text: str) -> Any:
    """Convert a CSV cell to a number if possible."""
    try:
        return float(text)
    except ValueError:
        return text
