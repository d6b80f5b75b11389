"""Measures of prediction rows as sums over items, so that items can be resampled.

A task names its measures once: what selects epochs, what heads a report, what may be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nlpcl.core.errors import unknown_name
from nlpcl.metrics.arrays import Floats, Numbers
from nlpcl.metrics.confusion import SCORES, ScoreFunction, label_indices, ratio
from nlpcl.metrics.entity_counts import MEASURES, macro_rate, rate, text_counts
from nlpcl.metrics.spans import Pairs, row_spans
from nlpcl.metrics.spelling import CONVENTIONS, SpellingScores, spelling_scores

Rows = Sequence[Mapping[str, Any]]
Sums = Callable[[Rows], Floats]
"""Prediction rows → what a measure needs of each item, ``(N, K)``."""
Summed = tuple[Sums, ScoreFunction]
"""Rows → sums of each item, and summed sums ``(..., K)`` → percent ``(...)``."""

CLASS_HEADLINE = ("wa", "ua", "macro_f1", "weighted_f1")
"""What heads every report of classes."""
SPELLING = tuple(
    f"{measure}_f1_{name}" for name, listed in CONVENTIONS.items() for measure in listed.split()
)
SPELLING_HEADLINE = (
    *("correction_f1_strict", "detection_f1_strict"),
    *("accuracy_correction", "clean_intact"),
)

ENTITY_HEADLINE = ("f1", "precision", "recall", "f1_macro", "f1_boundary")


@dataclass(frozen=True)
class Measures:
    """How a task's answers are scored.

    Args:
        selection: the headline measure: it chooses epochs and is compared by default.
        headline: measures that are always shown.
        known: all measures that can be compared; more is better in each of them.
        summed: measure, the rows of all systems that are compared, the run's settings → how the
            measure is summed over items; None where only the number a run reports is known.
    """

    selection: str
    headline: tuple[str, ...]
    known: tuple[str, ...]
    summed: Callable[[str, Sequence[Rows], Any], Summed] | None = None

    def check(self, names: Sequence[str]) -> list[str]:
        """The measures to compare; the headline measure where none is named.

        Raises:
            UserError: an unknown one.
        """
        for name in names:
            if name not in self.known:
                raise unknown_name("metric", name, self.known, where="--metric")
        return list(dict.fromkeys(names)) or [self.selection]


def of_classes(selection: str) -> Measures:
    """The measures of a task whose rows hold ``gold``, ``label`` and ``probabilities``."""
    return Measures(selection, CLASS_HEADLINE, CLASS_HEADLINE, confusions)


def confusions(measure: str, everything: Sequence[Rows], settings: Any) -> Summed:
    """Confusion counts of single items, flattened: K is the square of the number of classes."""
    import numpy as np

    names = {row[key] for rows in everything for row in rows for key in ("gold", "label")}
    for rows in everything:
        names.update(*(row.get("probabilities", {}) for row in rows[:1]))
    labels = sorted(names)
    size = len(labels)

    def sums(rows: Rows) -> Floats:
        gold = label_indices([row["gold"] for row in rows], labels)
        found = label_indices([row["label"] for row in rows], labels)
        return np.eye(size * size)[gold * size + found]

    score = SCORES[measure]
    return sums, lambda counts: score(counts.reshape(*counts.shape[:-1], size, size))


def of_spelling() -> Measures:
    """The measures of a task whose rows hold ``source``, ``gold`` and ``target``."""
    known = (*SPELLING, "accuracy_correction", "clean_intact")
    return Measures("correction_f1_strict", SPELLING_HEADLINE, known, sentences)


def sentences(measure: str, everything: Sequence[Rows], settings: Any) -> Summed:
    """Hits, predicted and gold of single sentences; a rate counts its items as both.

    ``settings.ignore_de`` leaves predicted 地 and 得 out.
    """
    import numpy as np

    seen: dict[tuple[str, str, str], tuple[int, int, int]] = {}

    def counted(key: tuple[str, str, str]) -> tuple[int, int, int]:
        if key not in seen:
            source, gold, written = key
            found = spelling_scores([source], [gold], [written], ignore_de=settings.ignore_de)
            seen[key] = spelling_counts(measure, found)
        return seen[key]

    def sums(rows: Rows) -> Floats:
        counts = [counted((row["source"], row["gold"], row["target"])) for row in rows]
        return np.array(counts, dtype=np.float64)

    return sums, harmonic


def harmonic(sums: Numbers) -> Floats:
    """``(..., 3)`` hits, predicted, gold → F1 in percent, 0 where nothing was counted."""
    return 200 * ratio(sums[..., 0], sums[..., 1] + sums[..., 2])


def spelling_counts(measure: str, found: SpellingScores) -> tuple[int, int, int]:
    """What a spelling measure counts: hits, predicted, gold."""
    if measure == "accuracy_correction":
        return found.exact_correction, found.n, found.n
    if measure == "clean_intact":
        return found.n_clean - found.false_positives, found.n_clean, found.n_clean
    kind, _, convention = measure.partition("_f1_")
    score = found.scores[convention][kind]
    return score.hits, score.predicted, score.gold


def of_entities() -> Measures:
    """The measures of a task whose rows hold ``gold`` and ``entities``, lists of spans."""
    return Measures("f1", ENTITY_HEADLINE, tuple(MEASURES), entity_sums)


def entity_sums(measure: str, everything: Sequence[Rows], settings: Any) -> Summed:
    """Hits, predicted and gold of single texts; of each type, flattened, for a mean over types."""
    one = MEASURES[measure]
    if one.counts:
        return lambda rows: text_counts(one.counts, span_pairs(rows)), partial(rate, one.kind)
    spans = {span for rows in everything for pair in span_pairs(rows) for span in pair[0] | pair[1]}
    types = sorted({span[2] for span in spans}) or [""]

    def sums(rows: Rows) -> Floats:
        return text_counts("", span_pairs(rows), types).reshape(len(rows), -1)

    def score(counts: Numbers) -> Floats:
        return macro_rate(one.kind, counts.reshape(*counts.shape[:-1], len(types), 3))

    return sums, score


def span_pairs(rows: Rows) -> Pairs:
    """The gold and the predicted spans of prediction rows."""
    return [(row_spans(row["gold"]), row_spans(row["entities"])) for row in rows]
