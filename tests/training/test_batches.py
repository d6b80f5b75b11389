"""The order in which training rows are seen."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.training.batches import LengthBatches


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(3, 128), max_size=700),
    st.integers(1, 9),
    st.integers(1, 5),
    st.integers(0, 3),
    st.integers(0, 2),
)
def test_an_epoch_holds_every_row_once(lengths, size, group, seed, epoch):
    sampler = LengthBatches(lengths, size, group, seed)
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert sorted(row for batch in batches for row in batch) == list(range(len(lengths)))
    assert len(batches) == len(sampler)
    assert all(len(batch) == size for batch in batches[:-1])
    assert not batches or 0 < len(batches[-1]) <= size
    assert list(sampler) == batches


def order(seed, epoch, number=1000, size=8, group=4):
    lengths = [random.Random(row).randint(5, 120) for row in range(number)]
    sampler = LengthBatches(lengths, size, group, seed)
    sampler.set_epoch(epoch)
    return lengths, list(sampler)


def test_the_order_depends_on_seed_and_epoch_alone():
    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)


def test_an_earlier_epoch_leaves_no_trace():
    """What makes a resumed run see the batches that an uninterrupted one sees."""
    sampler = LengthBatches(list(range(100)), 4, 2, 0)
    for epoch in (0, 1, 2):
        sampler.set_epoch(epoch)
        through = list(sampler)
    fresh = LengthBatches(list(range(100)), 4, 2, 0)
    fresh.set_epoch(2)
    assert list(fresh) == through


@pytest.mark.parametrize(("size", "group"), [(8, 4), (4, 8), (32, 1)])
def test_accumulation_does_not_change_the_rows_of_an_update(size, group):
    _, whole = order(5, 3, number=500, size=32, group=1)
    _, pieces = order(5, 3, number=500, size=size, group=group)
    updates = [
        [row for batch in pieces[at : at + group] for row in batch]
        for at in range(0, len(pieces), group)
    ]
    assert updates == whole


def test_batches_are_of_similar_length():
    lengths, batches = order(0, 0, number=4000)
    padded = sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)
    assert padded < 1.05 * sum(lengths)


def test_neither_rows_nor_lengths_come_in_order():
    lengths, batches = order(0, 0)
    flat = [row for batch in batches for row in batch]
    assert flat != sorted(flat)
    firsts = batches[:-4:4]  # one batch of each update; inside an update they may be sorted
    means = [sum(lengths[row] for row in batch) / len(batch) for batch in firsts]
    rises = sum(a < b for a, b in itertools.pairwise(means))
    assert 0.2 * len(means) < rises < 0.8 * len(means)
