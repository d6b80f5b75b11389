"""What is resampled together: the one answer for reports, ablations, bypasses and figures.

Clips of one speaker, and sentences made from one source, are not independent: they are drawn or
exchanged as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FIELDS = ("speaker", "group")
"""Fields of prediction rows that name a cluster, the first that divides the rows counts."""


@dataclass(frozen=True)
class Clusters:
    """Which items belong together.

    Args:
        field: of the rows that names them.
        names: of the cluster of each row, ``(N,)``; a row without one stands alone.
    """

    field: str
    names: list[str]


def clusters_of(rows: Sequence[Mapping[str, Any]]) -> Clusters | None:
    """The clusters of prediction rows; None where single items are resampled.

    That is so where no field names clusters, where each item would be a cluster of its own, and
    where all items are of one cluster: a single speaker cannot be resampled, and intervals over his
    clips speak of him alone.
    """
    for field in FIELDS:
        named = [str(row.get(field) or "") for row in rows]
        # No name holds a null character, so a row that stands alone meets no other.
        names = [name or f"\0{number}" for number, name in enumerate(named)]
        if 1 < len(set(names)) < len(rows):
            return Clusters(field, names)
    return None
