"""Prediction consistency: how far two passes over the same texts agree.

Of a model in training mode, two passes differ by their dropout masks. R-Drop makes the divergence
of their scores smaller; this measures what is left of it in the answers. Neither pass is gold, so
the agreement in spans is the F1 of one against the other: twice the shared spans to all spans of
both (Dice's coefficient), the same whichever comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.confusion import cell
from nlpcl.metrics.entity_counts import row_rate, text_counts
from nlpcl.metrics.spans import Span, paired

if TYPE_CHECKING:
    from nlpcl.metrics.intervals import Interval

DEFINITIONS = {
    "consistency": "F1 of one pass against the other: boundary and type",
    "consistency_boundary": "the same, types ignored",
    "consistency_texts": "texts in which all spans are the same",
}


@dataclass(frozen=True)
class Consistency:
    """Agreement of two passes.

    Args:
        n: texts.
        intervals: by name, see ``DEFINITIONS``; percent. Where neither pass finds a span, nothing
            is said of spans.
    """

    n: int
    intervals: dict[str, Interval]

    def as_metrics(self) -> dict[str, float]:
        """The agreement by name, percent."""
        return {name: found.value for name, found in self.intervals.items()}

    def table(self, title: str = "") -> Table:
        """One row a measure, with its interval."""
        rows: list[list[Cell]] = [
            [name, found.value, cell(found.low), cell(found.high), DEFINITIONS[name]]
            for name, found in self.intervals.items()
        ]
        first = self.intervals["consistency_texts"]
        note = f"Percent. {100 * first.level:g} % intervals: {first.method}."
        heading = f"{title} (n={self.n})" if title else f"Agreement of two passes (n={self.n})"
        columns = ["measure", "value", "low", "high", "definition"]
        return Table("consistency", columns, rows, title=heading, note=note)


def consistency(
    first: Sequence[Collection[Span]],
    second: Sequence[Collection[Span]],
    *,
    clusters: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Consistency:
    """Compare the spans that two passes find in each text.

    Args:
        first: spans of each text.
        second: spans of each text.
        clusters: of the texts, which are resampled as a whole; None: texts are independent.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        level: nominal coverage of intervals.

    Raises:
        ValueError: no texts, lengths that differ, or a span that is none.
    """
    import numpy as np

    from nlpcl.metrics.intervals import defined_intervals

    pairs = paired(first, second)
    alike = np.array([[one == two, 1, 1] for one, two in pairs], dtype=np.float64).reshape(-1, 3)
    parts = np.stack([text_counts("exact", pairs), text_counts("boundary", pairs), alike], axis=1)
    scores = {name: partial(row_rate, "f1", row) for row, name in enumerate(DEFINITIONS)}
    _, found = defined_intervals(
        parts.reshape(len(pairs), -1),
        scores,
        clusters,
        rates={"consistency_texts"},
        resamples=resamples,
        seed=seed,
        level=level,
    )
    return Consistency(len(pairs), found)
