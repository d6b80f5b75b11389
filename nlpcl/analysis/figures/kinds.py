"""Definition of a figure: name, requirements, and the functions that load and draw it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nlpcl.tasks.spec import Answers, TaskSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Scope = Literal["run", "runs", "ablation"]
"""What a figure is made of: one run, all given runs together, or an ablation."""
LABELLED: tuple[Answers, ...] = ("labels",)
"""Answers of tasks whose prediction rows hold ``gold``, ``label`` and ``probabilities``."""


class LeftOut(Exception):
    """A figure cannot be drawn; the message is the reason, without a full stop."""


@dataclass(frozen=True)
class Options:
    """Options of ``nlpcl visualize`` that figures use.

    Args:
        audio: sound file of the figure of probabilities over time.
        seed: of projections and samples.
        points: most items on a map; more are sampled, and the caption says so.
    """

    audio: Path | None = None
    seed: int = 0
    points: int = 1000


@dataclass(frozen=True)
class Material:
    """The data of a figure.

    Args:
        values: arguments of the drawing function.
        rows: the data behind the figure, for a CSV file.
        caption: what is seen, with n, split and protocol.
        html: what the HTML report shows in place of a picture, where text says it better.
    """

    values: Mapping[str, Any]
    rows: Sequence[Mapping[str, Any]]
    caption: str
    html: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of figure.

    Args:
        name: as in ``--only``.
        title: heading in the report.
        load: source and options → material; raises LeftOut or UserError. The source is a
            ``Run``, a list of them or an ``AblationSource``, as ``scope`` says.
        draw: the material's values → a figure; None for what is a table.
        tasks: whose runs it suits; empty for all.
        answers: what the prediction rows must hold, as in ``TaskSpec.answers``; empty for any.
        scope: what ``load`` is given.
        needs_model: whether ``load`` runs the model, which takes seconds.
    """

    name: str
    title: str
    load: Callable[[Any, Options], Material]
    draw: Callable[..., Figure] | None = None
    tasks: Sequence[str] = ()
    answers: Sequence[Answers] = ()
    scope: Scope = "run"
    needs_model: bool = False

    def suits(self, spec: TaskSpec) -> bool:
        """Whether the figure applies to runs of a task."""
        named = not self.tasks or spec.name in self.tasks
        return named and (not self.answers or spec.answers in self.answers)

    @property
    def audience(self) -> str:
        """The runs that the figure applies to, in words."""
        if self.tasks:
            return f"runs of {' and '.join(self.tasks)}"
        return f"runs whose answers are {' or '.join(self.answers)}"
