"""Decision of a text classifier, and its predictions as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from nlpcl.core.splits import Example
from nlpcl.tasks.renaming import renamed

_NEUTRAL = """
normal neutral neither none nothate nonhate nothateful nonhateful hatefree notoffensive nonoffensive
inoffensive nottoxic nontoxic notabusive nonabusive notaggressive clean safe benign acceptable
no not false 0 正常 中性 无 非仇恨 非冒犯 无冒犯 不冒犯 非攻击 非歧视 非毒性
"""
NEUTRAL = tuple(_NEUTRAL.split())
"""Names of the class of harmless texts, small letters without blanks and marks, in order."""


def neutral_label(labels: Sequence[str], gold: Sequence[str] = ()) -> str:
    """The harmless class: by name, else the most frequent in ``gold``, else the first."""
    plain = {"".join(c for c in name.lower() if c.isalnum()): name for name in reversed(labels)}
    for name in NEUTRAL:
        if name in plain:
            return plain[name]
    counts = Counter(gold)
    return max(labels, key=lambda name: counts[name])


def positive_label(labels: Sequence[str], gold: Any = ()) -> str:
    """Of two classes the one to detect: not the neutral one.

    Args:
        labels: the two names.
        gold: class numbers; they matter where no name says which class is neutral.
    """
    neutral = neutral_label(labels, [labels[int(at)] for at in gold])
    return next(name for name in labels if name != neutral)


@dataclass(frozen=True)
class Decision:
    """Rule that turns probabilities into a label.

    Args:
        labels: names of the classes, in the order of the probabilities.
        threshold: of two classes: least probability at which ``positive`` is the label; None: the
            most probable class.
        positive: the class that the threshold speaks of.
    """

    labels: tuple[str, ...]
    threshold: float | None = None
    positive: str = ""

    @classmethod
    def of_model(cls, config: Any) -> Self:
        """The rule of a saved model."""
        labels = tuple(config.id2label[at] for at in range(len(config.id2label)))
        threshold = getattr(config, "threshold", None)
        return cls(labels, threshold, getattr(config, "positive_label", ""))

    def renamed(self, names: Mapping[str, str]) -> Decision:
        """As it decides between classes that are called otherwise; merged ones have no threshold.

        Args:
            names: class → new name.
        """
        labels = tuple(renamed(self.labels, names))
        threshold = self.threshold if len(labels) == len(self.labels) else None
        return Decision(labels, threshold, names.get(self.positive) or self.positive)

    def __call__(self, values: Sequence[float]) -> str:
        """The label of one text."""
        if self.threshold is None:
            return self.labels[max(range(len(values)), key=lambda at: values[at])]
        first, second = self.labels
        other = second if self.positive == first else first
        probability = values[self.labels.index(self.positive)]
        return self.positive if probability >= self.threshold else other


def result_row(
    text: str, values: Sequence[float] | None, decision: Decision, is_truncated: bool
) -> dict[str, Any]:
    """Row that ``predict`` returns; ``values`` is None for a text without tokens."""
    return {
        "text": text,
        "label": None if values is None else decision(values),
        "probabilities": {
            name: round(value, 6)
            for name, value in zip(decision.labels, values or (), strict=False)
        },
        "is_truncated": is_truncated,
    }


def prediction_row(
    example: Example, values: Sequence[float], decision: Decision, *, is_truncated: bool
) -> dict[str, Any]:
    """A row of ``predictions.jsonl``, with the targets and other texts of the example.

    Probabilities have nine digits, so that rankings stay as they are.
    """
    row: dict[str, Any] = {
        "id": example.get("id"),
        "text": example["text"],
        "gold": example["label"],
        "label": decision(values),
        "probabilities": {
            name: float(f"{value:.9g}") for name, value in zip(decision.labels, values, strict=True)
        },
    }
    kept = {
        key: value
        for key, value in example.items()
        if value and (key == "targets" or isinstance(value, str)) and key not in {*row, "file"}
    }
    return row | kept | {"is_truncated": is_truncated}


def groups_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Fields that rows can be grouped by: ``target`` and further text fields."""
    own = {"id", "text", "gold", "label", "group"}
    names = dict.fromkeys(
        key for row in rows for key, value in row.items() if isinstance(value, str)
    )
    groups: dict[str, list[Any]] = {
        name: [row.get(name, "") for row in rows] for name in names if name not in own
    }
    if any(row.get("targets") for row in rows):
        groups["target"] = [list(row.get("targets", ())) for row in rows]
    return groups
