"""Interface of tasks to training, evaluation and prediction, independent of models.

Legend: ``B`` batch, ``L`` tokens or frames.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Problem, Splits
from nlpcl.core.tables import Report, Table
from nlpcl.nn.model import Batch, Output, ZooConfig, ZooModel
from nlpcl.tasks.baselines import Baseline
from nlpcl.text.writing import Layout
from nlpcl.training.inference import TOKENS, Feature

Notes = defaultdict[str, Counter[str]]
"""What a prediction could not do as asked, counted by kind and name."""


def new_notes() -> Notes:
    """Create empty notes."""
    return defaultdict(Counter)


class Processor(Protocol):
    """Preprocessor of a model's input: a tokenizer or a speech front end."""

    def save_pretrained(self, save_directory: Any) -> Any: ...


class Task(Protocol):
    """Base class of tasks; a task belongs to the processor of a model's input.

    The methods with a body are what most tasks need.

    Args:
        processor: the model's tokenizer or front end.
        config: the run's settings; evaluation may change those of ``TaskSpec.eval_settings``.
        model_config: the saved form of the model, which names its classes and its encoder.

    Attributes:
        names: class of the model → what it is called in this evaluation, where otherwise.
        class_loss: the loss part that is a cross-entropy or focal loss over the classes, if any.
        problems: rows that were given to :meth:`encode` and could not be used.
    """

    processor: Any
    config: Any
    names: Mapping[str, str] = {}
    class_loss: str = ""
    problems: Sequence[Problem] = ()

    def __init__(self, processor: Any, config: Any, model_config: ZooConfig) -> None: ...

    @classmethod
    def facts(cls, splits: Splits, config: RunConfig) -> dict[str, Any]:
        """Facts of the data that determine the shape of a new model, such as the classes.

        Returns:
            Keyword arguments of the model's ``build``.

        Raises:
            UserError: no model can be made for these rows.
        """
        return {}

    def adopt(self, folder: Path) -> None:
        """Called with a built-in model's folder, which may hold what was fitted to the model."""

    def begin(self, train: Sequence[Example]) -> None:
        """Called with the training rows before they are encoded.

        Raises:
            UserError: the encoder cannot read them.
        """

    def encode(self, examples: Sequence[Example]) -> list[Feature]:
        """Encode rows as features, each with ``row``, the index of its example.

        A feature of a row with a gold answer has it, so that features alone can be scored.
        """
        ...

    def collate(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Combine features to a batch, ``(B, L)``."""
        ...

    def collate_training(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Combine features to a training batch, noised or augmented."""
        return self.collate(features)

    def set_epoch(self, epoch: int) -> None:
        """Called before each epoch with its number, from 0; noise may depend on it."""

    def batch_tokens(self, features: Sequence[Feature]) -> int:
        """Maximum padded tokens or frames in a batch of inference."""
        return TOKENS

    def inputs(self, features: Sequence[Feature]) -> Iterator[Tensor]:
        """Yield the inputs of training rows, for a model that learns their scale."""
        return (torch.tensor(feature["input_ids"]) for feature in features)

    def decode(self, output: Output, batch: Batch, features: Sequence[Feature]) -> list[Any]:
        """Decode a model's output to one answer per feature."""
        ...

    def dev_scores(
        self, model: ZooModel, features: Sequence[Feature], precision: str
    ) -> dict[str, float]:
        """Score the encoded dev set; ``loss`` and ``selection`` are among the scores.

        Epochs are selected by the greatest ``selection``.
        """
        ...

    def after_training(self, model: ZooModel, features: Sequence[Feature], precision: str) -> None:
        """Called with the trained model and the encoded dev set before the model is saved."""

    def evaluate(
        self, model: ZooModel, examples: Sequence[Example], precision: str, title: str
    ) -> tuple[Report, list[dict[str, Any]]]:
        """Score a test set; returns its predictions in the order of the examples."""
        ...

    def examine(self, model: ZooModel, splits: Splits, precision: str) -> Report:
        """Further analysis of a trained model on all its rows, for the report."""
        return Report()

    def baseline(self, splits: Splits) -> Baseline | None:
        """Answers to every test set by a plain method fitted to the same training rows.

        None where there is no such method, or these rows allow none.
        """
        return None

    def constant_loss(self, splits: Splits) -> float | None:
        """The mean of ``class_loss`` for always answering with the class frequencies of training.

        None where there is no such loss.
        """
        return None

    def stream(
        self,
        model: ZooModel,
        items: Iterable[str],
        *,
        precision: str,
        options: Any,
        notes: Notes,
    ) -> Iterator[dict[str, Any]]:
        """Yield answers in order and in constant memory.

        Args:
            model: a trained model.
            items: texts, or paths of sound files.
            precision: fp32, bf16 or fp16.
            options: of ``TaskSpec.prediction``.
            notes: gets what could not be done as asked.

        Raises:
            TypeError: the task predicts nothing; its spec has no ``prediction``.
        """
        raise TypeError(f"{type(self).__name__} has no predictions to stream")

    def layout(self, *, explained: bool = False) -> Layout:
        """Layout of the rows of :meth:`stream`; if ``explained`` they have ``words``."""
        return Layout(text=str)

    def remarks(self, notes: Notes) -> list[str]:
        """Remarks for users on the notes, one line each."""
        return []

    @staticmethod
    def grouped(rows: Sequence[Mapping[str, Any]], by: Sequence[str]) -> list[Table]:
        """Tables for some groups only, from predictions."""
        raise UserError("has no groups to score by", f"--by {','.join(by)}", "Leave it out.")

    @staticmethod
    def pooled(
        rows: Sequence[Mapping[str, Any]],
        folds: Sequence[Mapping[str, float]],
        leaks: Mapping[str, Any],
        title: str,
    ) -> Report:
        """Report of a study, from the pooled predictions and the metrics of its folds.

        Raises:
            TypeError: the task's models are never trained over folds.
        """
        raise TypeError(f"there is nothing to pool: {title} has no folds")
