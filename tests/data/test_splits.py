from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nlpcl.core.splits import Splits


def rows(count):
    return [{"id": str(at), "text": "字" * at} for at in range(count)]


@given(st.integers(1, 40), st.floats(0.01, 1.0))
def test_a_share_of_the_training_rows_is_kept_in_order(count, fraction):
    splits = Splits("x", train=rows(count), dev=rows(3))
    splits.keep(fraction)
    assert len(splits.train) == (count if fraction >= 1 else max(1, round(fraction * count)))
    places = [int(row["id"]) for row in splits.train]
    assert places == sorted(places) and len(splits.dev) == 3
    assert bool(splits.notes) == (fraction < 1)


def test_a_smaller_share_is_part_of_a_bigger_one():
    small, big = Splits("x", train=rows(50)), Splits("x", train=rows(50))
    small.keep(0.2)
    big.keep(0.6)
    assert {row["id"] for row in small.train} < {row["id"] for row in big.train}
