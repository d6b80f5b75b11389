"""Scores of entities by what they are: long or short, nested, known from training or not."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.counts import Score, percentage
from nlpcl.metrics.spans import Pairs, Span, depths

LONGEST = (1, 2, 3, 4, 7, 12, 20, 40)
"""Characters of the longest mention of each group by length; the last group has longer ones."""
SEEN, UNSEEN = "seen", "unseen"

ScoreColumns = ("gold", "predicted", "precision", "recall", "F1")


def by_group(pairs: Pairs, group: Callable[[int, Span], str]) -> dict[str, Score]:
    """Exact hits in groups of spans.

    Args:
        pairs: gold and predicted spans of each text.
        group: number of the text and span → its group. Equal spans are of one group, so
            precision, recall and F1 are those of the spans in it.
    """
    found: dict[str, Score] = {}
    for index, (gold, predicted) in enumerate(pairs):
        for span in gold:
            found.setdefault(group(index, span), Score()).add(span in predicted, 0, 1)
        for span in predicted:
            found.setdefault(group(index, span), Score()).add(0, 1, 0)
    return found


def by_type(pairs: Pairs) -> dict[str, Score]:
    """Exact hits of each type that has gold or predicted spans, by name."""
    found = by_group(pairs, lambda index, span: span[2])
    return {name: found[name] for name in sorted(found)}


def by_length(pairs: Pairs) -> dict[str, Score]:
    """Exact hits by the length in characters, see ``LONGEST``; without groups that are empty."""
    names = [
        str(end) if end == start else f"{start}–{end}"
        for start, end in zip([1, *(end + 1 for end in LONGEST)], LONGEST, strict=False)
    ]
    names.append(f"{LONGEST[-1] + 1} or more")
    found = by_group(pairs, lambda index, span: names[bisect_left(LONGEST, span[1] - span[0])])
    return {name: found[name] for name in names if name in found}


def by_seen(pairs: Pairs, texts: Sequence[str], known: Collection[str]) -> dict[str, Score]:
    """Exact hits by whether what stands in the span was an entity, of whatever type, in training.

    Args:
        pairs: gold and predicted spans of each text.
        texts: as many.
        known: the surface forms of training, see :func:`nlpcl.metrics.spans.surface_forms`.

    Raises:
        ValueError: there are not as many texts as pairs.
    """
    if len(texts) != len(pairs):
        raise ValueError(f"{len(texts)} texts for {len(pairs)} pairs of spans")
    forms = frozenset(known)

    def group(index: int, span: Span) -> str:
        return SEEN if texts[index][span[0] : span[1]] in forms else UNSEEN

    found = by_group(pairs, group)
    return {name: found.get(name, Score()) for name in (SEEN, UNSEEN)}


@dataclass
class DepthScore:
    """Exact hits at one depth of nesting.

    A hit may be at one depth among the gold spans and at another among the predicted ones, so there
    is no F1.

    Args:
        gold: gold spans that lie in this many other gold places; found: those that are predicted.
        predicted: predicted spans that lie in this many other predicted places; right: those that
            are gold.
    """

    gold: int = 0
    found: int = 0
    predicted: int = 0
    right: int = 0


def by_depth(pairs: Pairs) -> dict[int, DepthScore]:
    """Exact hits by depth, 0 for spans in no other, see :func:`nlpcl.metrics.spans.depths`."""
    scores: dict[int, DepthScore] = {}
    for gold, predicted in pairs:
        depth = depths(gold)
        for span in gold:
            score = scores.setdefault(depth[span[:2]], DepthScore())
            score.gold += 1
            score.found += span in predicted
        depth = depths(predicted)
        for span in predicted:
            score = scores.setdefault(depth[span[:2]], DepthScore())
            score.predicted += 1
            score.right += span in gold
    return {depth: scores[depth] for depth in sorted(scores)}


def ratio_cells(score: Score) -> list[Cell]:
    """Gold, predicted, precision, recall and F1; None where there is nothing to divide by."""
    return [
        score.gold,
        score.predicted,
        score.precision if score.predicted else None,
        score.recall if score.gold else None,
        score.f1 if score.gold or score.predicted else None,
    ]


def group_table(name: str, column: str, scores: Mapping[str, Score], title: str) -> Table:
    """One row a group."""
    rows = [[group, *ratio_cells(score)] for group, score in scores.items()]
    return Table(name, [column, *ScoreColumns], rows, title=title)


def depth_table(scores: Mapping[int, DepthScore]) -> Table:
    """One row a depth."""
    rows: list[list[Cell]] = [
        [
            depth,
            one.gold,
            percentage(one.found, one.gold) if one.gold else None,
            one.predicted,
            percentage(one.right, one.predicted) if one.predicted else None,
        ]
        for depth, one in scores.items()
    ]
    columns = ["depth", "gold", "recall", "predicted", "precision"]
    note = "Depth: how many other places contain it, among gold (recall) or predicted (precision)."
    return Table("entity_depths", columns, rows, title="By depth of nesting", note=note)
