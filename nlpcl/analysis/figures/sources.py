"""Sources of figures: runs and ablations, read lazily."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nlpcl.core.errors import UserError
from nlpcl.core.json_files import DAMAGED, read_json
from nlpcl.core.reports import read_report
from nlpcl.runs.ablation.reuse import MARK
from nlpcl.runs.run import Run
from nlpcl.runs.shapes import AblationRecord

PRECISION = "fp32"
"""What figures are computed in, whatever the run was trained in."""


def where(run: Run, n: int, what: str = "items") -> str:
    """The end of a caption: n, split and protocol."""
    names = {row.get("test", "") for row in run.predictions}
    test = f"{' '.join(sorted(names))} test set".strip()
    kind = "out-of-fold predictions" if run.is_study else test
    protocol = f"; {run.protocol}" if run.protocol else ""
    return f"{run.name}: n = {n} {what}, {kind}{protocol}."


@dataclass(frozen=True)
class AblationSource:
    """The folder of an ablation.

    Args:
        folder: the folder.
        record: its ``ablation.json``.
    """

    folder: Path
    record: dict[str, Any]

    @property
    def name(self) -> str:
        """The name used in titles."""
        return self.folder.resolve().name + (f" ({self.remark})" * bool(self.remark))

    @property
    def remark(self) -> str:
        """``interrupted`` or ``not finished``; empty for a finished ablation."""
        words = {"interrupted": "interrupted", "running": "not finished"}
        return words.get(str(self.record.get("state")), "")

    @cached_property
    def report(self) -> dict[str, Any]:
        """``report.json``; without metrics and tables if there is none."""
        file = self.folder / "report.json"
        return read_report(file) if file.is_file() else {"metrics": {}, "tables": []}

    def cells(self) -> list[Run]:
        """The finished runs of the ablation, named by their variant."""
        found = []
        for cell in self.record.get("cells", ()):
            folder = self.folder / cell.get("folder", "")
            if not folder.resolve().is_relative_to(self.folder.resolve()):
                what = f"names a run outside of it ({folder})"
                raise UserError(what, self.folder / MARK, DAMAGED)
            if cell.get("state") == "finished" and os.path.isfile(folder / "run.json"):
                found.append(Run(folder, precision=PRECISION, name=str(cell["variant"])))
        return found


Source = Run | AblationSource


def open_sources(folders: Sequence[Path]) -> list[Source]:
    """Open runs and ablations by their folders; equal names are numbered.

    Raises:
        UserError: a folder that is neither.
    """
    found: list[Source] = []
    for folder in folders:
        if (folder / MARK).is_file():
            record = read_json(folder / MARK, AblationRecord)
            found.append(AblationSource(folder, dict(record)))
            continue
        run = Run(folder, precision=PRECISION)
        same = sum(other.name == run.name for other in found)
        if same:
            # Folders such as a/run and b/run are told apart by where they lie.
            run.name = f"{folder.resolve().parent.name}/{run.name}"
        found.append(run)
    return found
