"""Counts of the real corpora; nothing of them is in the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlpcl.data import corpora
from nlpcl.data import loading as data
from nlpcl.data.check import check
from nlpcl.data.pairs import PAIRS

ROOT = Path(__file__).parents[3] / "shared" / "data"
ABSENT = {"lemon", "sample"}
CORPORA = [name for name in corpora.names("correction") if name not in ABSENT]

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not ROOT.is_dir(), reason="the real corpora are not in ../shared/data"),
]


@pytest.mark.parametrize("name", CORPORA)
def test_counts_are_the_known_ones(name, unlike_known):
    report = check(name, PAIRS, ROOT)
    assert corpora.dataset(name).expected
    assert unlike_known(report) == {}


@pytest.mark.parametrize("name", CORPORA)
def test_loaded_splits_share_no_sentence(name):
    splits = data.load(name, schema=PAIRS, root=ROOT)
    sides = [splits.train, splits.dev, [row for rows in splits.test.values() for row in rows]]
    seen: set[str] = set()
    for rows in sides:
        own = {text for row in rows for text in (row["source"], row["target"])}
        assert own.isdisjoint(seen)
        seen |= own
    assert all(len(row["source"]) == len(row["target"]) for row in splits.train + splits.dev)
    assert bool(splits.dev) == bool(splits.train)


@pytest.mark.parametrize(("domain", "leaks"), [("law", 364), ("med", 280), ("odw", 320)])
def test_ecspell_leaks_as_many_targets_as_is_known(domain, leaks):
    splits = corpora.dataset(f"ecspell-{domain}").load(ROOT)
    train = {row["target"] for row in splits.train}
    assert sum(row["target"] in train for row in splits.test[f"ecspell-{domain}"]) == leaks


def test_known_overlap_and_unequal_pair_are_found():
    assert check("sighan15", PAIRS, ROOT).found["overlap"] == 1
    assert check("ecspell-odw", PAIRS, ROOT).found["unequal_length"] == 1
    assert check("cdconfusor", PAIRS, ROOT).found["doubtful_but_used"] == 0
