"""The run folder: training fills it; evaluation, prediction and pictures read it.

``run.json`` settings and provenance · ``model/`` best weights with tokenizer · ``history.csv`` ·
``predictions.jsonl`` of the test sets · ``report.json`` · ``checkpoints/`` while training.
"""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from nlpcl import zoo
from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError, first_line
from nlpcl.core.files import read_json, read_json_lines
from nlpcl.core.splits import Splits
from nlpcl.core.tables import Report, Table
from nlpcl.nn.devices import choose_device, choose_precision, on_device
from nlpcl.nn.model import ZooModel
from nlpcl.runs.rows import load_splits
from nlpcl.tasks import task_class
from nlpcl.zoo.auto_classes import register_auto_classes

RUNS = Path("runs")
FOLDS = "folds"
"""Where the run of a protocol keeps a whole run for each fold."""
OWN_CODE = "code"
"""Where a run keeps a copy of a user's own model folder."""


@dataclasses.dataclass(frozen=True)
class Predictor:
    """A trained model with what it needs to read text and to answer.

    Args:
        model: on its device.
        task: encodes and decodes.
        precision: fp32, bf16 or fp16.
        description: where it comes from, for people.
        defaults: options of the task's ``stream`` that suit this model.
    """

    model: ZooModel
    task: Any
    precision: str
    description: str
    defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def stream(self, texts: Iterable[str], **options: Any) -> Iterator[dict[str, Any]]:
        """Predictions one by one, in order and constant memory."""
        chosen = {**self.defaults, **options}
        return self.task.stream(self.model, texts, precision=self.precision, **chosen)


class Run:
    """A run folder, read lazily.

    Args:
        folder: the folder.
        device: where the model goes, as in ``--device``.
        precision: as in ``--precision``.

    Raises:
        UserError: the folder is no run.
    """

    def __init__(
        self, folder: str | Path, *, device: str = "auto", precision: str = "auto"
    ) -> None:
        self.folder = Path(folder)
        self.record: dict[str, Any] = read_record(self.folder)
        self.device = choose_device(device)
        self.precision = choose_precision(precision, self.device)

    @cached_property
    def entry(self) -> zoo.Entry:
        """The model's place in the zoo, or the run's own copy of its code."""
        own = list((self.folder / OWN_CODE).glob("*/config.py"))
        return zoo.own_entry(own[0].parent) if own else zoo.entry(self.record["model"])

    @cached_property
    def config(self) -> RunConfig:
        """The settings it was trained with."""
        where = str(self.folder / "run.json")
        return self.entry.config_class.from_dict(self.record["config"], where=where)

    @cached_property
    def model(self) -> ZooModel:
        """The best weights, on the device, in inference mode."""
        folder = self.folder / "model"
        if not (folder / "model.safetensors").is_file():
            state = self.record.get("state", "unknown")
            raise UserError(
                f"holds no model (state: {state})",
                self.folder,
                f"Finish it: nlpcl train {self.record['model']} --resume {self.folder}",
            )
        register_auto_classes()
        try:
            model = self.entry.model_class().from_pretrained(folder, dtype=torch.float32)
        except Exception as error:
            raise UserError(
                f"cannot be loaded ({first_line(error)})",
                folder,
                "The file is damaged or cut off; train again or restore it from a copy.",
            ) from error
        return on_device(model, self.device).eval()

    @cached_property
    def task(self) -> Any:
        """The task, with what reads the model's input."""
        return make_task(self.config, self.processor, self.model)

    @cached_property
    def processor(self) -> Any:
        """What reads the model's input: the tokenizer, or the speech front end, saved beside it."""
        folder = self.folder / "model"
        if self.config.input == "speech":
            from nlpcl.audio.front_end import open_front_end

            return open_front_end(folder, device=self.device, precision=self.precision)
        try:
            return AutoTokenizer.from_pretrained(folder)
        except Exception as error:
            raise UserError(
                f"its tokenizer cannot be loaded ({first_line(error)})",
                folder,
                "The folder is damaged; train again or restore it from a copy.",
            ) from error

    @property
    def report(self) -> dict[str, Any]:
        """``report.json`` as it stands."""
        return read_json(self.folder / "report.json")

    @property
    def history(self) -> list[dict[str, Any]]:
        """``history.csv``: one record an epoch, numbers where they are numbers."""
        with (self.folder / "history.csv").open(encoding="utf-8", newline="") as stream:
            return [
                {key: float(value) for key, value in row.items() if value}
                for row in csv.DictReader(stream)
            ]

    @property
    def best_dev_score(self) -> float:
        """The highest number that chose an epoch."""
        return max(row.get("dev_selection", float("-inf")) for row in self.history)

    @cached_property
    def predictor(self) -> Predictor:
        """The model ready for use."""
        return Predictor(self.model, self.task, self.precision, f"the run {self.folder}")

    def predict(self, texts: Iterable[str], **options: Any) -> list[dict[str, Any]]:
        """Predictions for a list of texts; the options are those of the task's ``stream``."""
        return list(self.predictor.stream(texts, **options))

    @property
    def is_study(self) -> bool:
        """Whether it holds the folds of a protocol, each clip tested by a model of its own."""
        return "leaks" in self.record

    def fold_metrics(self) -> list[dict[str, float]]:
        """The numbers of each fold's own report, in the folds' order."""
        names = [fold["name"] for fold in self.record["leaks"]["folds"]]
        files = [self.folder / FOLDS / name / "report.json" for name in names]
        return [read_json(file)["metrics"] for file in files if file.is_file()]

    def evaluate(self, splits: Splits | None = None) -> tuple[Report, list[dict[str, Any]]]:
        """Scores and predictions on test sets; by default those it was trained beside.

        The test predictions of a study are those of its folds: its one model has been trained on
        some of these clips.
        """
        if splits is None and self.is_study:
            rows = read_json_lines(self.folder / "predictions.jsonl")
            labels = sorted({row["gold"] for row in rows})
            title = self.record["data"]["protocol"]
            task: Any = task_class(self.config.task)
            report = task.pooled(rows, labels, self.record["leaks"], title)
            report.extend(task.over_folds(self.fold_metrics()))
            return report, rows
        return self.test(splits or load_splits(self.config), self.config)

    def test(self, splits: Splits, config: RunConfig) -> tuple[Report, list[dict[str, Any]]]:
        """Scores and predictions of the run's one model on any rows.

        A note says how many clips are by speakers that it has been trained or selected on.
        """
        report, rows = evaluate(self.model, self.task, splits, self.precision, config)
        known = set(self.record.get("speakers", ()))
        heard = [row for row in rows if row.get("speaker") in known]
        if heard:
            note = f"{len(heard)} of {len(rows)} clips are by speakers the model was trained on or"
            note += " selected with: in part SPEAKER-DEPENDENT."
            report.tables[0].note = f"{report.tables[0].note} {note}".strip()
        return report, rows


def load(folder: str | Path, *, device: str = "auto", precision: str = "auto") -> Run:
    """Open a run folder for prediction and evaluation."""
    return Run(folder, device=device, precision=precision)


def read_record(folder: Path) -> dict[str, Any]:
    """``run.json``, checked for what every reader needs."""
    if not folder.is_dir():
        raise UserError("no such run folder", folder, "Give the folder printed by nlpcl train.")
    if not (folder / "run.json").is_file():
        raise UserError("is no run folder (no run.json)", folder, "nlpcl train makes one.")
    record = read_json(folder / "run.json")
    for key in ("model", "task", "config"):
        if not isinstance(record, dict) or key not in record:
            raise UserError(f"lacks {key!r}", folder / "run.json", "The file is damaged.")
    return record


def newest_run(task: str, root: Path = RUNS) -> Path | None:
    """The finished run of a task that ended last."""
    found: list[tuple[str, Path]] = []
    for file in root.glob("*/run.json"):
        try:
            record = read_record(file.parent)
        except UserError:
            continue
        if record["task"] == task and record.get("state") == "finished":
            found.append((record.get("ended", ""), file.parent))
    return max(found)[1] if found else None


def make_task(config: RunConfig, processor: Any, model: ZooModel) -> Any:
    """The task of a configuration; text is limited to what the encoder's positions allow."""
    if config.input == "speech":
        return task_class(config.task)(processor, model.config, config)
    positions = getattr(model.backbone.config, "max_position_embeddings", config.max_length)
    # RoBERTa counts positions from the padding id on.
    spare = 2 if "roberta" in model.backbone.config.model_type else 0
    limit = min(config.max_length, positions - spare)
    return task_class(config.task)(processor, limit, config)


def evaluate(
    model: ZooModel, task: Any, splits: Splits, precision: str, config: RunConfig
) -> tuple[Report, list[dict[str, Any]]]:
    """Scores and predictions on every test set; the first one gives the unprefixed metrics."""
    report = Report()
    predictions: list[dict[str, Any]] = []
    for number, (name, examples) in enumerate(splits.test.items()):
        title = f"{name} test. {splits.protocol}"
        scores, rows = task.evaluate(model, examples, precision, config, title)
        prefix = f"{name}/" if number else ""
        report.metrics |= {prefix + metric: value for metric, value in scores.metrics.items()}
        for table in scores.tables:
            report.tables.append(dataclasses.replace(table, name=prefix + table.name))
        predictions += [{"test": name, **row} for row in rows]
    report.tables.append(split_table(splits))
    return report, predictions


def split_table(splits: Splits) -> Table:
    """Sizes of the splits, and what was left out."""
    rows = list(splits.sizes().items())
    notes = [*splits.notes]
    if splits.problems:
        notes.append(f"{len(splits.problems)} rows skipped (listed in run.json)")
    return Table("splits", ["split", "rows"], rows, title="Data", note="; ".join(notes))
