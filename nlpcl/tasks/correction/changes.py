"""Where a model would write another character than stands there.

Legend: ``V`` vocabulary.
"""

from __future__ import annotations

from torch import Tensor


def changed(scores: Tensor, written: Tensor, candidates: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where another character scores best.

    Args:
        scores: of places, ``(n, V)``, or more columns where a vocabulary is padded.
        written: ids that stand there, ``(n,)``.
        candidates: True at the ids that may be written, ``(V,)``.

    Returns:
        The places' indices, the best character's id and its probability, ``(m,)`` each.
    """
    scores = scores[:, : len(candidates)]  # a padded vocabulary has scores of no token
    # Only places that change are looked at more closely: they are few. amax is many times faster
    # than argmax, and leaves the text alone where two scores tie.
    own = scores.gather(1, written.unsqueeze(1)).squeeze(1)
    places = (scores.amax(1) > own).nonzero().squeeze(1)
    rows = scores[places].float()
    best, chosen = rows.masked_fill(~candidates, float("-inf")).max(1)
    probabilities = (best - rows.logsumexp(1)).exp().clamp(max=1.0)
    other = chosen != written[places]
    return places[other], chosen[other], probabilities[other]
