"""Scores of prediction rows as sums over items, so that items can be resampled.

Every task whose models answer item by item has a :class:`Measures`; scores of other tasks are read
from the reports of runs and vary over seeds alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nlpcl.core.errors import unknown_name
from nlpcl.metrics.confusion import SCORES, ScoreFunction, label_indices, ratio
from nlpcl.metrics.spelling import CONVENTIONS, SpellingScores, spelling_scores

if TYPE_CHECKING:
    import numpy as np

Rows = Sequence[Mapping[str, Any]]
Parts = Callable[[Rows], "np.ndarray"]
CLUSTERS = ("speaker", "group")
"""Fields of prediction rows that name what is resampled as a whole."""


@dataclass(frozen=True)
class Measures:
    """How a task's predictions are scored.

    Args:
        selection: the metric that chooses epochs, compared by default.
        headline: metrics that are always shown.
        known: all metrics; more is better in each of them.
        parts: metric, all rows of an ablation, settings → rows → sums of each item, ``(N, K)``,
            and the function of summed parts ``(..., K)`` that gives percent ``(...)``.
    """

    selection: str
    headline: tuple[str, ...]
    known: tuple[str, ...]
    parts: Callable[[str, Sequence[Rows], Any], tuple[Parts, ScoreFunction]]

    def check(self, names: Sequence[str]) -> list[str]:
        """The metrics to compare; the selection metric where none is named.

        Raises:
            UserError: an unknown one.
        """
        for name in names:
            if name not in self.known:
                raise unknown_name("metric", name, self.known, where="--metric")
        return list(dict.fromkeys(names)) or [self.selection]


def classes(metric: str, everything: Sequence[Rows], config: Any) -> tuple[Parts, ScoreFunction]:
    """Confusion counts of single items, flattened: K is the square of the number of classes."""
    import numpy as np

    names = {row[key] for rows in everything for row in rows for key in ("gold", "label")}
    for rows in everything:
        names.update(*(row.get("probabilities", {}) for row in rows[:1]))
    labels = sorted(names)
    size = len(labels)

    def parts(rows: Rows) -> np.ndarray:
        gold = label_indices([row["gold"] for row in rows], labels)
        found = label_indices([row["label"] for row in rows], labels)
        return np.eye(size * size)[gold * size + found]

    score = SCORES[metric]
    return parts, lambda sums: score(sums.reshape(*sums.shape[:-1], size, size))


def harmonic(sums: Any) -> Any:
    """``(..., 3)`` hits, predicted, gold → F1 in percent, 0 where nothing was counted."""
    return 200 * ratio(sums[..., 0], sums[..., 1] + sums[..., 2])


def sentences(metric: str, everything: Sequence[Rows], config: Any) -> tuple[Parts, ScoreFunction]:
    """Hits, predicted and gold of single sentences; a share counts its items as both."""
    import numpy as np

    ignore_de = bool(getattr(config, "ignore_de", False))
    seen: dict[tuple[str, str, str], tuple[int, int, int]] = {}

    def counted(key: tuple[str, str, str]) -> tuple[int, int, int]:
        if key not in seen:
            source, gold, written = key
            found = spelling_scores([source], [gold], [written], ignore_de=ignore_de)
            seen[key] = numbers(metric, found)
        return seen[key]

    def parts(rows: Rows) -> np.ndarray:
        counts = [counted((row["source"], row["gold"], row["target"])) for row in rows]
        return np.array(counts, dtype=np.float64)

    return parts, harmonic


def numbers(metric: str, found: SpellingScores) -> tuple[int, int, int]:
    """What a spelling metric counts."""
    if metric == "accuracy_correction":
        return found.exact_correction, found.n, found.n
    if metric == "clean_intact":
        return found.n_clean - found.false_positives, found.n_clean, found.n_clean
    measure, _, convention = metric.partition("_f1_")
    score = found.scores[convention][measure]
    return score.hits, score.predicted, score.gold


SPELLING = tuple(
    f"{measure}_f1_{name}" for name, listed in CONVENTIONS.items() for measure in listed.split()
)
HEADLINE = ("wa", "ua", "macro_f1", "weighted_f1")
MEASURES: dict[str, Measures] = {
    "correction": Measures(
        "correction_f1_strict",
        ("correction_f1_strict", "detection_f1_strict", "accuracy_correction", "clean_intact"),
        (*SPELLING, "accuracy_correction", "clean_intact"),
        sentences,
    ),
    "classification": Measures("macro_f1", HEADLINE, HEADLINE, classes),
    "emotion": Measures("ua", HEADLINE, HEADLINE, classes),
}
REPORTED: dict[str, tuple[str, ...]] = {
    "masked_lm": ("masked_accuracy", "replaced_accuracy", "kept_accuracy")
}
"""Metrics of tasks without prediction rows; the first is compared by default."""


def metric_names(task: str, wanted: Sequence[str]) -> list[str]:
    """The metrics that an ablation compares.

    Raises:
        UserError: an unknown one, or a task whose scores cannot be compared.
    """
    if task in MEASURES:
        return MEASURES[task].check(wanted)
    known = REPORTED.get(task, ())
    for name in wanted:
        if name not in known:
            raise unknown_name("metric", name, known, where="--metric")
    if not known:
        raise unknown_name("task", task, [*MEASURES, *REPORTED], where="--metric")
    return list(dict.fromkeys(wanted)) or [known[0]]
