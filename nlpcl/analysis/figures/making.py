"""Selection and drawing of figures: which apply to a run, and why others cannot be drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nlpcl.analysis.figures import fonts
from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.registry import kinds
from nlpcl.analysis.figures.sources import AblationSource, Run, Source
from nlpcl.analysis.figures.style import look
from nlpcl.core.errors import UserError, first_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOR_OTHERS = "it is for"
"""How the reason of a figure begins that suits no given run."""
MODEL_ALONE = "it runs the model: give one run at a time, or name it with --only"


@dataclass(frozen=True)
class Made:
    """A figure that was drawn.

    Args:
        kind: what it is.
        source: the name of the run or ablation; empty for all runs together.
        stem: of its files.
        material: the data behind it.
        figure: the picture; None for a table, or where no font has its text.
        note: why there is no picture, or what had to be left out of it.
        remark: what must be said of runs that have not finished; mostly empty.
    """

    kind: Kind
    source: str
    stem: str
    material: Material
    figure: Figure | None
    note: str = ""
    remark: str = ""

    @property
    def title(self) -> str:
        """Its heading."""
        return f"{self.kind.title} ({self.remark})" if self.remark else self.kind.title


@dataclass(frozen=True)
class Missing:
    """A figure that could not be drawn, and the reason."""

    name: str
    source: str
    reason: str


@dataclass(frozen=True)
class Candidate:
    """A figure with the sources to draw it from.

    Args:
        kind: the figure.
        source: name of the run or ablation; empty for all runs together.
        given: the argument of ``kind.load``.
        reason: why it is not tried; empty where it is.
    """

    kind: Kind
    source: str
    given: Any
    reason: str = ""


def candidates(sources: Sequence[Source], only: Sequence[str] = ()) -> Iterator[Candidate]:
    """Pair figures with sources; those that do not apply have a reason.

    Args:
        sources: runs and ablations.
        only: names of figures; empty for all that suit.
    """
    runs = [source for source in sources if isinstance(source, Run)]
    ablations = [source for source in sources if isinstance(source, AblationSource)]
    for kind in kinds():
        if only and kind.name not in only:
            continue
        if kind.scope == "ablation":
            for one in ablations:
                suits = not kind.tasks or one.record.get("task") in kind.tasks
                yield Candidate(kind, one.name, one, "" if suits else for_others(kind))
            continue
        if kind.scope == "runs":
            suited = [run for run in runs if kind.suits(run.spec)]
            if runs:
                yield Candidate(kind, "", suited, unsuited_together(kind, suited))
            continue
        for run in runs:
            yield Candidate(kind, run.name, run, unsuited(kind, run, len(runs), only))


def unsuited(kind: Kind, run: Run, runs: int, only: Sequence[str]) -> str:
    """Return the reason why a figure does not apply to a run; empty if it does."""
    if not kind.suits(run.spec):
        return for_others(kind)
    if not kind.needs_model:
        return ""
    if runs > 1 and kind.name not in only:
        return MODEL_ALONE
    if not run.has_model:
        return f"the run holds no model (state: {run.state})"
    return ""


def unsuited_together(kind: Kind, suited: Sequence[Run]) -> str:
    """Return the reason why a figure cannot be drawn of all runs together; empty if it can.

    Args:
        kind: the figure.
        suited: those of the runs that it applies to.
    """
    if not suited:
        return for_others(kind)
    if kind.needs_model and not any(run.has_model for run in suited):
        return "no run holds a model"
    return ""


def for_others(kind: Kind) -> str:
    """Return the reason that names the runs a figure applies to."""
    return f"{FOR_OTHERS} {kind.audience}"


def make(
    sources: Sequence[Source],
    only: Sequence[str] = (),
    options: Options | None = None,
    say: Callable[[str], None] | None = None,
) -> tuple[list[Made], list[Missing]]:
    """Draw all figures that can be drawn; a failure of one does not affect the others.

    Args:
        sources: runs and ablations.
        only: names of figures; empty for all that suit.
        options: what the user chose.
        say: is told the name of each figure before it is made.
    """
    made: list[Made] = []
    missing: list[Missing] = []
    several = len(sources) > 1
    for candidate in candidates(sources, only):
        kind, source = candidate.kind, candidate.source
        if say is not None and not candidate.reason:
            say(kind.name)
        try:
            if candidate.reason:
                raise LeftOut(candidate.reason)
            stem = f"{safe(source)}-{kind.name}" if several and source else kind.name
            made.append(one(candidate, stem, options or Options()))
        except Exception as error:
            missing.append(Missing(kind.name, source, reason_of(error)))
    return made, without_twins(made, missing)


def without_twins(made: Sequence[Made], missing: Sequence[Missing]) -> list[Missing]:
    """Drop missing figures if another kind of the same name was drawn."""
    there = {(one.kind.name, one.source) for one in made}
    kept: dict[tuple[str, str], Missing] = {}
    for one in missing:
        key = (one.name, one.source)
        other = kept.get(key)
        # Of two kinds of one name the one that suits the run has the reason to tell.
        if key not in there and (other is None or other.reason.startswith(FOR_OTHERS)):
            kept[key] = one
    return list(kept.values())


def one(candidate: Candidate, stem: str, options: Options) -> Made:
    """Load and draw a figure."""
    kind = candidate.kind
    material = kind.load(candidate.given, options)
    figure, note = None, ""
    remark = remark_of(candidate.given)
    if kind.draw is not None:
        with look():
            figure = kind.draw(**material.values)
            if remark:
                figure.suptitle(remark, fontsize="medium")
            if not fonts.dress(figure):
                note = f"Chinese is left out of the picture: {fonts.INSTALL}."
                # What is text alone would be empty without it.
                figure = None if material.html else figure
    return Made(kind, candidate.source, stem, material, figure, note, remark)


def remark_of(given: Any) -> str:
    """What must be said of the sources of a figure: which of them have not finished, and why."""
    sources: Sequence[Source] = given if isinstance(given, list) else [given]
    return ", ".join(dict.fromkeys(one.remark for one in sources if one.remark))


def reason_of(error: Exception) -> str:
    """Return the reason why a figure is left out, in one line.

    A folder that others have changed can fail in any way, and a figure is a thing by itself.
    """
    if isinstance(error, LeftOut | UserError):
        return str(error).rstrip(".")
    return f"its data are not what was expected ({type(error).__name__}: {first_line(error)})"


def safe(name: str) -> str:
    """Make a name usable in a file name."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name).strip("-.") or "run"


def listing(sources: Sequence[Source]) -> list[tuple[str, str, bool, str]]:
    """List source, name, whether it can be drawn, and why not, without running any model."""
    rows: dict[tuple[str, str], tuple[str, str, bool, str]] = {}
    for candidate in candidates(sources):
        kind, reason = candidate.kind, candidate.reason
        if not reason and not kind.needs_model:
            try:
                kind.load(candidate.given, Options())
            except Exception as error:
                reason = reason_of(error)
        elif not reason:
            reason = needs_audio(kind)
        key = (candidate.source, kind.name)
        old = rows.get(key)
        if old is None or (not old[2] and old[3].startswith(FOR_OTHERS)):
            rows[key] = (*key, not reason, reason)
    return list(rows.values())


def needs_audio(kind: Kind) -> str:
    """What a figure needs of the command line."""
    return "it needs a long sound file: --audio FILE" if kind.name == "timeline" else ""
