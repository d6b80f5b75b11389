"""From scores of spans to entities.

Legend: ``B`` batch, ``C`` types, ``L`` tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from torch import Tensor

from nlpcl.metrics.spans import apart

FLOOR = -4.0
"""Spans of a lower score are no candidates: a probability of 2 %."""
MOST = 4
"""Candidates a token, at most; an untrained model would find all spans likely."""


class Candidate(NamedTuple):
    """A span that may be an entity.

    Args:
        type: number of its type.
        first: its first token in its window, the special token counted.
        last: its last token there.
        score: of the model, 0 where it is undecided.
    """

    type: int
    first: int
    last: int
    score: float


Placed = tuple[int, int, Candidate]
"""First character of a candidate, the one after its last, and the candidate."""


class Entity(NamedTuple):
    """An entity found in a text.

    Args:
        start: its first character.
        end: the character after its last.
        type: name of its type.
        score: of the model.
        probability: that it is right, see :mod:`nlpcl.tasks.entities.calibration`.
    """

    start: int
    end: int
    type: str
    score: float
    probability: float

    @property
    def span(self) -> tuple[int, int, str]:
        """Without score and probability."""
        return self.start, self.end, self.type


def candidates(logits: Tensor, lengths: Iterable[int]) -> list[list[Candidate]]:
    """The candidates of each text.

    Args:
        logits: ``(B, C, L, L)``, -inf at impossible spans.
        lengths: tokens of each text.
    """
    found: list[list[Candidate]] = []
    for scores, length in zip(logits, lengths, strict=True):
        places = (scores > FLOOR).nonzero()
        values = scores[tuple(places.T)]
        if len(values) > MOST * length:
            values, kept = values.topk(MOST * length)
            places = places[kept]
        listed = zip(places.tolist(), values.float().tolist(), strict=True)
        found.append([Candidate(kind, m, n, score) for (kind, m, n), score in listed])
    return found


def without_overlaps(entities: Iterable[Entity]) -> list[Entity]:
    """Entities of which no two overlap, the best kept; in the order of their places.

    The greater score decides, then the greater length, then the earlier place; of two types with
    equal scores for one span, the first in the order given.
    """
    best = sorted(entities, key=lambda e: (-e.score, e.start - e.end, e.start))
    kept = [best[at] for at in apart([(one.start, one.end) for one in best])]
    return sorted(kept, key=lambda entity: entity.start)
