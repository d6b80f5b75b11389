"""The folders that figures are drawn from: runs and ablations, read lazily."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nlpcl.analysis.figures.kinds import LeftOut
from nlpcl.core.errors import UserError
from nlpcl.core.files import read_json, read_json_lines

ABLATION = "ablation.json"


class RunSource:
    """A run folder.

    Args:
        folder: the folder.
        name: what the run is called in legends; the folder's name by default.

    Raises:
        UserError: the folder is no run.
    """

    def __init__(self, folder: Path, name: str = "") -> None:
        from nlpcl.runs.run import read_record

        self.folder = folder
        self.name = name or folder.resolve().name
        self.record: dict[str, Any] = read_record(folder)

    @property
    def task(self) -> str:
        """Name of its task."""
        return self.record["task"]

    @property
    def protocol(self) -> str:
        """How its data were split, in words."""
        return self.record.get("data", {}).get("protocol", "")

    @property
    def is_study(self) -> bool:
        """Whether it holds the folds of a protocol."""
        return "leaks" in self.record

    @cached_property
    def run(self) -> Any:
        """The run itself, for its model, task and configuration."""
        from nlpcl.runs.run import Run

        return Run(self.folder, precision="fp32")

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        """One row an epoch and fold: numbers where there are numbers, the fold's name as it is."""
        file = self.folder / "history.csv"
        if not file.is_file():
            raise LeftOut(f"the run has no history.csv (state: {self.state})")
        with file.open(encoding="utf-8", newline="") as stream:
            listed = list(csv.DictReader(stream))
        return [{key: number(value) for key, value in row.items() if value} for row in listed]

    @property
    def state(self) -> str:
        """``finished`` or how far it came."""
        return self.record.get("state", "unknown")

    @cached_property
    def predictions(self) -> list[dict[str, Any]]:
        """Rows of the first test set."""
        file = self.folder / "predictions.jsonl"
        if not file.is_file():
            raise LeftOut(f"the run has no predictions.jsonl (state: {self.state})")
        rows = read_json_lines(file)
        if not rows:
            raise LeftOut("its predictions.jsonl is empty")
        return [row for row in rows if row.get("test") == rows[0].get("test")]

    @cached_property
    def examples(self) -> tuple[list[dict[str, Any]], list[bool]]:
        """The first test set, or all clips of a study, and what the model was not trained on.

        Raises:
            UserError: the data cannot be read any more.
        """
        from nlpcl.runs.rows import load_clips, load_splits

        if self.is_study:
            fold = self.record.get("model_fold", "")
            tested = {row["id"] for row in self.predictions if row.get("fold") == fold}
            labels = set(self.predictions[0]["probabilities"])
            clips = [row for row in load_clips(self.run.config).train if row.get("label") in labels]
            return clips, [row["id"] in tested for row in clips]
        tests = load_splits(self.run.config).test
        if not tests:
            raise LeftOut("its data have no test set")
        rows = next(iter(tests.values()))
        return rows, [True] * len(rows)

    @cached_property
    def report(self) -> dict[str, Any]:
        """``report.json``, without numbers and tables where there is none."""
        file = self.folder / "report.json"
        return read_json(file) if file.is_file() else {"metrics": {}, "tables": []}

    @property
    def metrics(self) -> dict[str, float]:
        """Flat numbers of its report."""
        return self.report["metrics"]

    @cached_property
    def fold_metrics(self) -> dict[str, dict[str, float]]:
        """The numbers of each fold of a study."""
        names = [fold["name"] for fold in self.record.get("leaks", {}).get("folds", ())]
        files = {name: self.folder / "folds" / name / "report.json" for name in names}
        return {name: read_json(file)["metrics"] for name, file in files.items() if file.is_file()}

    def where(self, n: int, what: str = "items") -> str:
        """The end of a caption: n, split and protocol."""
        names = {row.get("test", "") for row in self.predictions}
        test = f"{' '.join(sorted(names))} test set".strip()
        kind = "out-of-fold predictions" if self.is_study else test
        protocol = f"; {self.protocol}" if self.protocol else ""
        return f"{self.name}: n = {n} {what}, {kind}{protocol}."


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
        """What it is called in titles."""
        return self.folder.resolve().name

    @cached_property
    def report(self) -> dict[str, Any]:
        """``report.json``, without tables where there is none."""
        file = self.folder / "report.json"
        return read_json(file) if file.is_file() else {"metrics": {}, "tables": []}

    def cells(self) -> list[RunSource]:
        """The runs of cells that finished, named by their variant."""
        found = []
        for cell in self.record.get("cells", ()):
            folder = self.folder / cell.get("folder", "")
            if cell.get("state") == "finished" and (folder / "run.json").is_file():
                found.append(RunSource(folder, str(cell["variant"])))
        return found


Source = RunSource | AblationSource


def open_sources(folders: Sequence[Path]) -> list[Source]:
    """Runs and ablations by their folders; runs of one name are numbered.

    Raises:
        UserError: a folder that is neither.
    """
    found: list[Source] = []
    for folder in folders:
        if (folder / ABLATION).is_file():
            record = read_json(folder / ABLATION)
            if not isinstance(record, dict):
                raise UserError("is no record of an ablation", folder / ABLATION, "It is damaged.")
            found.append(AblationSource(folder, record))
            continue
        run = RunSource(folder)
        same = sum(other.name == run.name for other in found)
        if same:
            # Folders such as a/run and b/run are told apart by where they lie.
            run.name = f"{folder.resolve().parent.name}/{run.name}"
        found.append(run)
    return found


def number(text: str) -> Any:
    """A cell of a CSV file as a number where it is one."""
    try:
        return float(text)
    except ValueError:
        return text
