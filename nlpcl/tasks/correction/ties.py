"""Decisions that rounding could turn over, which are made once more in single precision.

The scores of a sentence differ a little with the batch that it is in, since sums are then taken in
another order: in bf16 by up to a tenth or two in the logarithm of the odds, in fp32 by less than a
thousandth. A sentence with a decision as close as that is read again alone, so that what becomes of
it does not depend on what else was to be corrected.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from nlpcl.tasks.correction.edits import Edit

ROUNDING = {"fp32": 0.001, "fp16": 0.05, "bf16": 0.25}
"""How much logits, and logarithms of odds, may differ with the batch, by precision."""
WIDEST = max(ROUNDING.values())


def is_close(edits: Sequence[Edit], threshold: float, precision: str) -> bool:
    """Whether rounding could decide one of a sentence's edits otherwise.

    Args:
        edits: of the sentence, with those that another character beats by ``WIDEST`` at most.
        threshold: lowest probability of an edit.
        precision: of the scores.
    """
    rounding, bar = ROUNDING[precision], log_odds(threshold)
    for edit in edits:
        odds = log_odds(edit.probability)
        # Below the threshold by more than rounding, it does not matter which character leads.
        if odds >= bar - rounding and (odds <= bar + rounding or abs(edit.lead) <= rounding):
            return True
    return False


def log_odds(probability: float) -> float:
    """Logarithm of p / (1 - p), which is infinite at 0 and 1."""
    if probability <= 0:
        return -math.inf
    return math.inf if probability >= 1 else math.log(probability) - math.log1p(-probability)
