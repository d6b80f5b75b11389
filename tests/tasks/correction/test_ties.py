"""Decisions that rounding could turn over."""

from __future__ import annotations

import math

import pytest

from nlpcl.tasks.correction.edits import Edit
from nlpcl.tasks.correction.ties import is_close, log_odds


def test_log_odds():
    assert log_odds(0.9) == pytest.approx(math.log(9))
    assert log_odds(0.5) == pytest.approx(0.0)
    assert (log_odds(0.0), log_odds(1.0)) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("probability", "lead", "threshold", "precision", "close"),
    [
        (0.91, 5.0, 0.9, "bf16", True),
        (0.88, 5.0, 0.9, "bf16", True),
        (0.93, 5.0, 0.9, "bf16", False),
        (0.86, 5.0, 0.9, "bf16", False),
        (0.91, 5.0, 0.9, "fp32", False),
        (0.90001, 5.0, 0.9, "fp32", True),
        (0.3, 0.1, 0.0, "bf16", True),
        (0.3, -0.1, 0.0, "bf16", True),
        (0.3, 0.1, 0.9, "bf16", False),
        (0.3, 0.1, 0.0, "fp32", False),
        (0.3, 0.0005, 0.0, "fp32", True),
        (1.0, 9.0, 1.0, "fp32", True),
    ],
)
def test_closeness(probability, lead, threshold, precision, close):
    edits = [Edit(0, "甲", "乙", 0.6, 9.0), Edit(1, "甲", "乙", probability, lead)]
    assert is_close(edits, threshold, precision) is close
    assert not is_close([], threshold, precision)
