"""Which finished trainings of an ablation's folder may be used again, and which may not."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlpcl.core.config import absent_values
from nlpcl.core.errors import UserError
from nlpcl.core.files import explained, make_folder, write_json
from nlpcl.core.json_files import read_json
from nlpcl.core.locks import LOCK
from nlpcl.core.renamed import with_present_names
from nlpcl.runs.ablation.identity import code_identity, differing, encoder_digest
from nlpcl.runs.ablation.plan import Cell, Plan
from nlpcl.runs.folder import read_record
from nlpcl.runs.shapes import AblationRecord, CellNote

MARK = "ablation.json"
MACHINE = {"threads", "device"}
"""Settings that may differ between cells."""


def prepare_folder(plan: Plan, folder: Path) -> None:
    """Create the ablation's folder, or check that an existing one fits.

    Raises:
        UserError: it holds something else.
    """
    if (folder / MARK).is_file():
        model = read_json(folder / MARK, AblationRecord).get("model")
        if model != plan.entry.name:
            raise UserError(f"is an ablation of {model}", f"--out {folder}", "Choose another.")
    elif folder.exists() and (
        not folder.is_dir() or any(path.name != LOCK for path in folder.iterdir())
    ):
        raise UserError("exists and is not empty", f"--out {folder}", "Choose another folder.")
    make_folder(folder)


def unfinished(plan: Plan, folder: Path, *, reuse_other_code: bool = False) -> list[Cell]:
    """Return the cells that are still to be trained.

    Args:
        plan: of the ablation.
        folder: of the ablation.
        reuse_other_code: keep finished cells that other code has trained.

    Raises:
        UserError: a cell was trained with other settings or encoder weights.
    """
    for cell in plan.cells():
        refuse_other(folder, cell)
    code = code_identity(plan.entry)
    return [
        cell
        for cell in plan.cells()
        if not is_finished(folder, cell)
        or (not reuse_other_code and other_code(folder, cell, code))
    ]


def other_code(folder: Path, cell: Cell, code: Mapping[str, str]) -> list[str]:
    """List differences between the code that trained a cell and ``code``; empty if none."""
    file = folder / cell.record
    if not file.is_file():
        return []
    return differing(read_json(file, CellNote).get("code", {}), dict(code))


def settings_of(cell: Cell) -> dict[str, Any]:
    """Settings that must match for a cell to be reused, without those of the machine."""
    return {key: value for key, value in cell.config.as_dict().items() if key not in MACHINE}


def refuse_other(folder: Path, cell: Cell) -> None:
    """Reject a cell that was trained with other settings or other encoder weights.

    Raises:
        UserError: naming the first difference.
    """
    file = folder / cell.record
    if not file.is_file():
        return
    record = read_json(file, CellNote)
    how = f"Choose another --out, or delete {folder / cell.place} and its .json."
    kind = type(cell.config)
    settings = with_present_names(kind, record.get("settings", {}), where=str(file))
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    old = defaults | absent_values(kind) | settings
    new = settings_of(cell)
    for key in sorted({*old, *new} - MACHINE):
        if old.get(key) != new.get(key):
            change = f"{key} was {old.get(key)}, is {new.get(key)}"
            raise UserError(f"was trained with other settings ({change})", file, how)
    if record.get("encoder") not in (None, encoder_digest(cell.config.backbone)):
        what = f"the weights of {cell.config.backbone} have changed"
        raise UserError(f"was trained from another encoder ({what})", file, how)


def is_finished(folder: Path, cell: Cell) -> bool:
    """Whether a cell's run folder is complete."""
    place = folder / cell.place
    needed = [place / name for name in ("run.json", "report.json", "predictions.jsonl")]
    if not (folder / cell.record).is_file() or not all(file.is_file() for file in needed):
        return False
    try:
        return read_record(place).get("state") == "finished"
    except UserError:
        return False


def note(folder: Path, cell: Cell, code: Mapping[str, str], others: Sequence[str]) -> None:
    """Record what is about to be trained, keeping the cost of earlier attempts.

    What other code has left of the cell is set aside: nothing of it is resumed, nothing is lost.
    """
    file = folder / cell.record
    record: CellNote = read_json(file, CellNote) if file.is_file() else {}
    if others:
        set_aside(folder / cell.place)
        record = {"other_code": list(others)}
    begun = {"settings": settings_of(cell), "code": dict(code), "state": "begun", "reason": ""}
    begun["encoder"] = encoder_digest(cell.config.backbone)
    write_json(file, {**record, **begun})


def set_aside(place: Path) -> None:
    """Rename a run folder to the first unused ``NAME.other-code-N``."""
    if place.exists():
        numbers = itertools.count(1)
        tried = (place.with_name(f"{place.name}.other-code-{number}") for number in numbers)
        with explained(place):
            place.rename(next(path for path in tried if not path.exists()))
