"""Partial matches of spans by the four schemes of SemEval 2013, task 9, as nervaluate counts them.

A predicted span is matched to one gold span that it shares a character with, and a gold span to one
predicted span. The pair is

- ``strict``: correct where boundary and type are equal, else incorrect;
- ``exact``: correct where the boundary is equal, else incorrect; types are ignored;
- ``partial``: correct where the boundary is equal, else partial, which counts a half; types are
  ignored;
- ``type``: correct where the type is equal (``ent_type`` in nervaluate), else incorrect.

What is left is missed (gold) or spurious (predicted).

On flat spans the numbers are those of nervaluate 1.2. They may differ where spans of one side
overlap: nervaluate goes by the order in which predictions are listed, so that one which merely
overlaps can take a gold span before the one that equals it does; here equal spans are matched
first, and ``strict`` has as many correct ones as there are exact hits. Nervaluate also counts
repeats, and wants an overlap of one percent of the gold span; here one character will do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.counts import percentage
from nlpcl.metrics.spans import Span, Spans, neighbours

SCHEMES = ("strict", "exact", "partial", "type")


@dataclass
class PartialScore:
    """Counts of one scheme; ratios are percentages and 0.0 where nothing was counted.

    Args:
        correct, incorrect, partial: matched pairs.
        missed: gold spans without a match.
        spurious: predicted spans without a match.
    """

    correct: int = 0
    incorrect: int = 0
    partial: int = 0
    missed: int = 0
    spurious: int = 0

    @property
    def credit(self) -> float:
        """Correct pairs, and half of the partial ones."""
        return self.correct + self.partial / 2

    @property
    def predicted(self) -> int:
        """All predicted spans."""
        return self.correct + self.incorrect + self.partial + self.spurious

    @property
    def gold(self) -> int:
        """All gold spans."""
        return self.correct + self.incorrect + self.partial + self.missed

    @property
    def precision(self) -> float:
        """100 * credit / predicted."""
        return percentage(self.credit, self.predicted)

    @property
    def recall(self) -> float:
        """100 * credit / gold."""
        return percentage(self.credit, self.gold)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return percentage(2 * self.credit, self.predicted + self.gold)


def partial_score(scheme: str, pairs: Iterable[tuple[Spans, Spans]]) -> PartialScore:
    """Count the matches of a scheme over texts.

    Args:
        scheme: see ``SCHEMES``.
        pairs: gold and predicted spans of each text.
    """
    score = PartialScore()
    for gold, predicted in pairs:
        count_text(score, scheme, gold, predicted)
    return score


def count_text(score: PartialScore, scheme: str, gold: Spans, predicted: Spans) -> None:
    """Add the matches of one text."""
    free = set(gold)
    rest: dict[Span, list[Span]] = {}
    for span, near in neighbours(gold, predicted).items():
        equal = [one for one in near if one in free and is_equal(scheme, one, span)]
        if equal:
            free.remove(equal[0])
            score.correct += 1
        else:
            rest[span] = near
    for span, near in rest.items():
        left = [one for one in near if one in free]
        if not left:
            score.spurious += 1
            continue
        match = best(scheme, left, span)
        free.remove(match)
        if scheme == "partial":
            score.partial += 1
        elif scheme == "type" and match[2] == span[2]:
            score.correct += 1
        else:
            score.incorrect += 1
    score.missed += len(free)


def is_equal(scheme: str, gold: Span, predicted: Span) -> bool:
    """Whether two spans are matched before any that merely overlap."""
    if scheme in ("exact", "partial"):
        return gold[:2] == predicted[:2]
    return gold == predicted


def best(scheme: str, gold: list[Span], predicted: Span) -> Span:
    """The first gold span; by ``type`` the one of equal type whose edges are nearest, if any."""
    alike = [one for one in gold if one[2] == predicted[2]] if scheme == "type" else []
    if not alike:
        return gold[0]
    start, end, _ = predicted
    return min(alike, key=lambda one: abs(one[0] - start) + abs(one[1] - end))


def partial_table(scores: Mapping[str, PartialScore]) -> Table:
    """One column a scheme: counts of pairs and of spans without one, then ratios."""
    columns: list[list[Cell]] = [
        [*vars(one).values(), one.precision, one.recall, one.f1] for one in scores.values()
    ]
    names = ["correct", "incorrect", "partial", "missed", "spurious", "precision", "recall", "F1"]
    rows = [[name, *cells] for name, *cells in zip(names, *columns, strict=True)]
    note = "strict: boundary and type. exact: boundary. partial: boundary, half for an overlap. "
    note += "type: overlap and type."
    title = "Partial matches, as in nervaluate"
    return Table("entity_partial", ["count", *scores], rows, title=title, note=note)
