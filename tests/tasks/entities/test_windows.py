"""Every span belongs to exactly one window, that in whose middle it lies."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nlpcl.tasks.entities.windows import first_tokens, owner


@given(st.integers(0, 200), st.integers(9, 40), st.integers(0, 200))
def test_windows_cover_the_text(tokens: int, size: int, overlap: int):
    overlap = min(overlap, size - 8)
    windows = first_tokens(tokens, size, overlap)
    assert windows[0] == 0 and windows == sorted(set(windows))
    if tokens <= size:
        assert windows == [0]
        return
    assert windows[-1] + size == tokens
    for one, following in pairwise(windows):
        assert overlap <= one + size - following
    for first in range(tokens):
        for last in range(first, min(first + overlap, tokens)):  # no longer than the overlap
            assert owner(first, last, windows, size) is not None


def test_the_owner_is_the_window_with_the_span_in_its_middle():
    windows = first_tokens(30, 10, 4)
    assert windows == [0, 6, 12, 18, 20]
    assert owner(6, 7, windows, 10) == 0  # 1.5 tokens from the middle of the first, 4 of the next
    assert owner(8, 9, windows, 10) == 1
    assert owner(7, 8, windows, 10) == 0  # as far from both: the earlier
    assert owner(0, 9, windows, 10) == 0
    assert owner(0, 10, windows, 10) is None  # longer than any window
    assert owner(5, 11, windows, 10) is None  # in none of them, though it would fit
    assert owner(29, 29, windows, 10) == 4


@given(st.integers(20, 120), st.integers(9, 40), st.integers(0, 30))
def test_nothing_has_two_owners_and_what_a_window_holds_has_one(tokens, size, overlap):
    windows = first_tokens(tokens, size, min(overlap, size - 8))
    for first in range(tokens):
        for last in range(first, min(first + 5, tokens)):
            held = [b for b in windows if b <= first and last < b + size]
            found = owner(first, last, windows, size)
            assert (found is None) == (not held)
            if found is not None:
                assert windows[found] in held
                distance = [abs(first + last - 2 * b - size + 1) for b in held]
                assert abs(first + last - 2 * windows[found] - size + 1) == min(distance)
