"""The run folder, which training writes and evaluation, prediction and figures read.

``run.json`` settings and provenance · ``model/`` best weights with what reads their input ·
``history.csv`` · ``predictions.jsonl`` of the test sets · ``report.json`` · ``checkpoints/`` while
training. Torch is loaded when the model is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlpcl import tasks, zoo
from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.reports import read_report
from nlpcl.core.splits import Example, Splits
from nlpcl.core.tables import Report
from nlpcl.runs.answers import read_answers, read_history
from nlpcl.runs.checksums import MODEL, check_model
from nlpcl.runs.evaluation import evaluate, heard, marked, say_collapse
from nlpcl.runs.folder import FOLDS, UNFINISHED, code_of, read_record
from nlpcl.runs.predictor import Predictor
from nlpcl.runs.rows import load_splits, load_unsplit, study_rows
from nlpcl.tasks.spec import TaskSpec

if TYPE_CHECKING:
    from nlpcl.nn.devices import Machine
    from nlpcl.nn.model import ZooModel
    from nlpcl.tasks.protocol import Task


class Run:
    """A run folder, read lazily.

    Args:
        folder: the folder.
        device: where the model goes, as in ``--device``.
        precision: as in ``--precision``.
        name: what it is called in legends; the folder's name by default.
        entry: the code of its model; the run's own copy of it, or the zoo's, by default.

    Raises:
        UserError: the folder is no run.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        device: str = "auto",
        precision: str = "auto",
        name: str = "",
        entry: zoo.Entry | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.record: dict[str, Any] = read_record(self.folder)
        self.name = name or self.folder.resolve().name + (f" ({self.remark})" * bool(self.remark))
        self._wanted, self._entry = (device, precision), entry

    @cached_property
    def machine(self) -> Machine:
        """The device and precision that the model runs with."""
        from nlpcl.nn.devices import choose_machine

        return choose_machine(*self._wanted)

    @property
    def precision(self) -> str:
        """The precision of inference."""
        return self.machine.precision

    @cached_property
    def entry(self) -> zoo.Entry:
        """The model in the zoo, or a user's own."""
        return self._entry or code_of(self.folder, self.record)

    @cached_property
    def spec(self) -> TaskSpec:
        """The spec of the run's task."""
        return tasks.spec(self.entry.config_class.task)

    @cached_property
    def config(self) -> RunConfig:
        """The settings of the training."""
        where = str(self.folder / "run.json")
        return self.entry.config_class.from_saved(self.record["config"], where=where)

    @property
    def state(self) -> str:
        """``finished``, or the stage it has reached."""
        return self.record.get("state", "unknown")

    @property
    def remark(self) -> str:
        """What must be said with every number of a run that has not finished; else empty."""
        if self.state not in UNFINISHED:
            return ""
        how = "interrupted" if self.state == "interrupted" else "not finished"
        return f"{how} after {self.record['progress']}" if "progress" in self.record else how

    @property
    def has_model(self) -> bool:
        """Whether the model was saved."""
        return (self.folder / MODEL / "model.safetensors").is_file()

    @cached_property
    def model_folder(self) -> Path:
        """The folder of its weights, whose files are those that were saved.

        Raises:
            UserError: there is none, or they are not.
        """
        if not self.has_model:
            how = f"Finish it: nlpcl train {self.record['model']} --resume {self.folder}"
            if self.is_study:
                how += f"; its folds so far are runs: {self.folder / FOLDS}/"
            raise UserError(f"holds no model (state: {self.state})", self.folder, how)
        check_model(self.folder, self.record)
        return self.folder / MODEL

    @cached_property
    def model(self) -> ZooModel:
        """The model with the best weights, on the device, in evaluation mode."""
        from nlpcl.runs.weights import opened_model

        return opened_model(self.entry, self.model_folder, self.machine)

    @cached_property
    def processor(self) -> Any:
        """The tokenizer or speech front end, saved with the model."""
        from nlpcl.runs.weights import opened_processor

        return opened_processor(self.spec, self.model_folder, self.machine, self.model.config)

    @cached_property
    def task(self) -> Task:
        """The task, with the run's processor."""
        return self.task_for(self.config)

    def task_for(self, config: RunConfig, names: Mapping[str, str] | None = None) -> Task:
        """The task under other settings of evaluation; ``names``: see :meth:`test`."""
        task = tasks.open_task(config, self.processor, self.model.config)
        task.names = names or {}
        return task

    @cached_property
    def predictor(self) -> Predictor:
        """The predictor of the run's model."""
        where = f"the run {self.folder}" + (f" ({self.remark})" * bool(self.remark))
        return Predictor(self.model, self.task, self.spec, self.precision, where)

    def predict(self, items: Iterable[str], **options: Any) -> list[dict[str, Any]]:
        """Predict a list of items; the options are those of the task's ``nlpcl predict``."""
        return list(self.predictor.stream(items, **options))

    @cached_property
    def report(self) -> dict[str, Any]:
        """The content of ``report.json``; without metrics and tables if there is none.

        For an interrupted run it is computed from the best epoch so far.
        """
        file = self.folder / "report.json"
        if file.is_file():
            return read_report(file)
        return self.so_far[0].as_dict() if self.is_usable_so_far else Report().as_dict()

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of its report."""
        return self.report["metrics"]

    @cached_property
    def history(self) -> list[dict[str, Any]]:
        """The rows of ``history.csv``: one per epoch and fold, with numbers converted.

        Raises:
            UserError: there is none, or it is damaged.
        """
        return read_history(self._kept("history.csv"))

    @property
    def best_dev_score(self) -> float:
        """The best selection score of any epoch."""
        return max(row.get("dev_selection", float("-inf")) for row in self.history)

    @cached_property
    def all_predictions(self) -> list[dict[str, Any]]:
        """The predictions on all test sets.

        Raises:
            UserError: there are none, or they are damaged.
        """
        if self.is_usable_so_far and not (self.folder / "predictions.jsonl").is_file():
            rows = self.so_far[1]
        else:
            rows = read_answers(self._kept("predictions.jsonl"), self.spec.answers)
        if not rows:
            raise UserError("its predictions.jsonl is empty", self.folder)
        return rows

    @property
    def predictions(self) -> list[dict[str, Any]]:
        """The predictions on the first test set."""
        first = self.all_predictions[0].get("test")
        return [row for row in self.all_predictions if row.get("test") == first]

    @property
    def is_usable_so_far(self) -> bool:
        """Whether it was interrupted after an epoch whose weights were kept."""
        return bool(self.remark) and self.has_model

    @cached_property
    def so_far(self) -> tuple[Report, list[dict[str, Any]]]:
        """Scores and predictions of the best epoch so far."""
        return self.test(load_splits(self.config), self.config)

    def _kept(self, name: str) -> Path:
        file = self.folder / name
        if not file.is_file():
            raise UserError(f"the run has no {name} (state: {self.state})", self.folder)
        return file

    @property
    def protocol(self) -> str:
        """How the data were split, in words."""
        return self.record.get("data", {}).get("protocol", "")

    @property
    def is_study(self) -> bool:
        """Whether the run is a cross-validation, with a model per fold."""
        return "leaks" in self.record

    @property
    def fold_metrics(self) -> dict[str, dict[str, float]]:
        """The metrics of each fold, in order."""
        names = [fold["name"] for fold in self.record.get("leaks", {}).get("folds", ())]
        files = {name: self.folder / FOLDS / name / "report.json" for name in names}
        return {
            name: read_report(file)["metrics"] for name, file in files.items() if file.is_file()
        }

    @cached_property
    def examples(self) -> tuple[list[Example], list[bool]]:
        """The first test set, or all rows of a study, with flags for those not trained on.

        Raises:
            UserError: the data cannot be read any more, or have no test set.
        """
        if self.is_study:
            fold = self.record.get("model_fold", "")
            return study_rows(load_unsplit(self.config).train, self.predictions, fold)
        tests = load_splits(self.config, for_test=True).test
        if not tests:
            raise UserError("its data have no test set", self.folder)
        rows = next(iter(tests.values()))
        return rows, [True] * len(rows)

    def evaluate(self, splits: Splits | None = None) -> tuple[Report, list[dict[str, Any]]]:
        """Evaluate on test sets, by default the run's own.

        The test predictions of a study are those of its folds: its one model has been trained on
        some of these clips.
        """
        if splits is None and self.is_study:
            rows = self.all_predictions
            pooled = tasks.task_class(self.spec.name).pooled
            title = self.record["data"]["protocol"]
            report = pooled(rows, list(self.fold_metrics.values()), self.record["leaks"], title)
            say_collapse(report, self.spec, rows)
            return report, rows
        return self.test(splits or load_splits(self.config, for_test=True), self.config)

    def test(
        self, splits: Splits, config: RunConfig, names: Mapping[str, str] | None = None
    ) -> tuple[Report, list[dict[str, Any]]]:
        """Scores and predictions of the run's one model on any rows.

        A note says how many clips are by speakers that it has been trained or selected on.

        Args:
            splits: with the test rows.
            config: the run's settings with those of the evaluation.
            names: class of the model → what the rows call it; several may become one.

        Raises:
            UserError: rows of a class that the model does not know.
        """
        report, rows = evaluate(self.model, self.task_for(config, names), splits, self.precision)
        if note := heard(self.record, rows):
            report.tables[0].note = f"{report.tables[0].note} {note}".strip()
        return marked(report, self.remark), rows


def load(folder: str | Path, *, device: str = "auto", precision: str = "auto") -> Run:
    """Open a run folder for prediction and evaluation."""
    return Run(folder, device=device, precision=precision)
