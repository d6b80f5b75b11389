from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.metrics import resampling
from nlpcl.metrics.confusion import confusion_counts
from nlpcl.metrics.resampling import bunches, classification_units, cluster_indices, summed_units

CLASSES = 3


@st.composite
def systems(draw):
    """Gold (N,), answers (2, 2, N) and clusters (N,)."""
    n = draw(st.integers(1, 20))
    row = st.lists(st.integers(0, CLASSES - 1), min_size=n, max_size=n)
    answers = [[draw(row), draw(row)], [draw(row), draw(row)]]
    names = draw(st.lists(st.sampled_from("abc"), min_size=n, max_size=n))
    return draw(row), answers, names


@settings(deadline=None)
@given(systems(), st.booleans())
def test_units_add_up_to_the_confusion_counts(data, clustered):
    gold, answers, names = data
    units = classification_units(gold, answers, CLASSES, names if clustered else None)
    assert units.n == len(gold)
    assert units.size == (len(set(names)) if clustered else len(gold))
    whole = units.sums(units.copies[None])[0]
    for system in range(2):
        for seed in range(2):
            expected = confusion_counts(gold, answers[system][seed], CLASSES)
            np.testing.assert_array_equal(whole[system, seed], expected)


def test_units_of_clusters_equal_a_naive_loop():
    generator = np.random.default_rng(0)
    gold, answers = generator.integers(0, 3, 50), generator.integers(0, 3, (2, 4, 50))
    names = generator.choice(list("pqrst"), 50)
    units = classification_units(gold, answers, 3, names.tolist())
    for index, name in enumerate("pqrst"):
        inside = names == name
        for system in range(2):
            for seed in range(4):
                expected = confusion_counts(gold[inside], answers[system, seed, inside], 3)
                np.testing.assert_array_equal(units.totals[index, system, seed], expected)


def test_a_draw_has_as_many_units_and_depends_on_the_seed_only(monkeypatch):
    units = classification_units([0, 0, 1, 1, 1], [0, 1, 1, 1, 0], 2)
    assert units.copies.tolist() == [1, 1, 1, 2]

    def drawn(seed: int) -> np.ndarray:
        return np.concatenate(list(units.draws(50, np.random.default_rng(seed))))

    first = drawn(1)
    assert (first.sum(1) == 5).all()
    assert not np.array_equal(first, drawn(2))
    # The same numbers however they are cut into parts.
    monkeypatch.setattr(resampling, "CELLS", 40)
    assert len(list(units.draws(50, np.random.default_rng(1)))) > 1
    np.testing.assert_array_equal(first, drawn(1))


def test_summed_units():
    parts = np.array([[1, 2], [0, 1], [1, 2]], dtype=float).reshape(3, 1, 1, 2)
    units = summed_units(parts)
    assert sorted(units.copies.tolist()) == [1, 2]
    assert units.sums(units.copies[None])[0, 0, 0].tolist() == [2, 5]
    grouped = summed_units(parts, ["b", "a", "b"])
    assert grouped.totals[:, 0, 0].tolist() == [[0, 1], [2, 4]]
    with pytest.raises(ValueError):
        summed_units(np.full((2, 1, 1, 1), np.nan))
    with pytest.raises(ValueError):
        summed_units([1.0, 2.0])


def test_wrong_input_is_refused():
    with pytest.raises(ValueError):
        classification_units([], [], 2)
    with pytest.raises(ValueError):
        classification_units([0, 1], [0, 1, 1], 2)
    with pytest.raises(ValueError):
        classification_units([0, 1], [0, 1], 2, ["a"])
    with pytest.raises(ValueError):
        classification_units([0, 2], [0, 1], 2)
    with pytest.raises(ValueError):
        cluster_indices([])
    with pytest.raises(ValueError):
        cluster_indices(0)
    with pytest.raises(ValueError):
        list(bunches(1, 10))
    assert sum(bunches(1001, 2**40)) == 1001
