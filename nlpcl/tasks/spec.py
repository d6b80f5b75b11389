"""Specification of a task: what every verb must know of it, without heavy imports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from nlpcl.core.config import RunConfig, check_fields
from nlpcl.core.needs import changed, refuse_without_effect
from nlpcl.data.schema import Schema
from nlpcl.metrics.collapse import COLLAPSES, Rows
from nlpcl.metrics.measures import Measures

Input = Literal["text", "speech"]
"""What a model of the task reads."""
Answers = Literal["labels", "edits", "entities", "none"]
"""What prediction rows hold: ``gold``, ``label`` and ``probabilities``; ``source``, ``gold``,
``target`` and ``edits``; ``gold`` and ``entities``, both lists of spans; or there are none, and
only the report tells."""
Analysis = Literal["groups", "words", "identity", "robustness"]
"""What can be asked beside scores: tables by group, weights of words, sentences with identity
terms, recordings changed in gain, noise and band."""

Form = Literal["model", "encoder", "overlay"]
"""How a built-in model is kept: saved as a run's ``model/``; as the built-in text encoder in the
task's default model; or as the weights alone in which it differs from that, in 8 bits."""


@dataclass(kw_only=True)
class PredictOptions:
    """Base class of a task's options of ``nlpcl predict``; fields with a help text are flags."""

    def check(self) -> Self:
        """Reject invalid values, and those without an effect, before a model is loaded."""
        check_fields(self)
        refuse_without_effect(self, changed(self))
        return self


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """Description of ``nlpcl predict NOUN``.

    Args:
        noun: its name there.
        done: what the model has done, for ``nlpcl: corrected by ...``.
        example: arguments of a call that works.
        options: the task's options.
        wraps_encoders: whether a plain encoder that somebody else has tuned can be taken as one
            (``--assume-tuned``).
        formats: of ``--format`` beside those of all tasks; the layout of its results has them.
    """

    noun: str
    done: str
    example: str
    options: type[PredictOptions] = PredictOptions
    wraps_encoders: bool = False
    formats: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Builtin:
    """A task's model that is part of the package.

    Args:
        weights: its file of weights; without it the installation has no such model.
        description: for ``nlpcl: corrected by ...``.
        options: options of ``predict`` that suit it.
        form: how it is kept.
    """

    weights: Path
    description: str
    options: Mapping[str, Any] = field(default_factory=dict)
    form: Form = "model"

    @property
    def is_there(self) -> bool:
        """Whether this installation includes it."""
        return self.weights.is_file()


@dataclass(frozen=True, kw_only=True)
class TaskSpec:
    """Specification of a task for the command line, the data and the tables.

    Args:
        name: its folder in ``nlpcl/tasks``; as in a configuration's ``task``.
        summary: one line for ``--help``.
        settings: the configuration that all its models share.
        input: what its models read.
        answers: what its prediction rows hold.
        item: what a row is called, in the plural.
        schema: of its rows, with the files they are read from.
        measures: of its answers.
        default_model: the model it is trained by, and that a plain encoder is read as.
        eval_settings: settings that ``nlpcl eval`` may change.
        analyses: what can be asked beside scores.
        prediction: of ``nlpcl predict``; None where nothing is predicted.
        builtin: its model in the package, if any.
    """

    name: str
    summary: str
    settings: type[RunConfig]
    input: Input
    answers: Answers
    item: str
    schema: Schema
    measures: Measures
    default_model: str
    eval_settings: Sequence[str] = ()
    analyses: frozenset[Analysis] = frozenset()
    prediction: Prediction | None = None
    builtin: Builtin | None = None

    @property
    def noun(self) -> str:
        """The noun of ``nlpcl predict``, else the name."""
        return self.name if self.prediction is None else self.prediction.noun

    def collapse(self, rows: Rows) -> str:
        """How the answers to a test set have collapsed, for ``this model ...``; mostly empty.

        Args:
            rows: prediction rows of one test set and one model.
        """
        judge = COLLAPSES.get(self.answers)
        return judge(rows, self.item) if judge and rows else ""
