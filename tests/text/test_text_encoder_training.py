"""The batches and scores that the built-in text encoder is trained and chosen by."""

import numpy
import pytest
from text_batches import (
    KEPT,
    MASKED,
    REPLACED,
    Corpus,
    Noised,
    Special,
    load_tables,
    plan,
    save_tables,
    scripts,
)
from text_scores import corrected

from nlpcl.text.noise.noise import MASK, Noise
from nlpcl.text.noise.tables import build_tables

LETTERS = {4: "在", 5: "再", 6: "說", 7: "数"}
SIZE, HIDDEN = 9, 8


def tables_of(pairs):
    text = numpy.array([4, 5, 6, 7] * 9)
    return build_tables(text, LETTERS, SIZE, {"pinyin": pairs}, {}, {("在", "再"): 2})


@pytest.fixture
def corpus():
    rows = [[4, 5], [6, 6, 6], [4, 4, 4, 4], [5]]
    right = numpy.concatenate(rows).astype(numpy.uint16)
    starts = numpy.cumsum([0, *map(len, rows)])
    written = right.copy()
    written[5] = 5  # the first character of the third row was written wrongly
    pair = numpy.array([False, False, True, False])
    groups = numpy.array([0, 1, 2, 0], dtype=numpy.uint8)
    return Corpus(right, written, starts, groups, pair, ["everyday", "traditional", "typos"])


@pytest.fixture
def noised(corpus):
    han = numpy.zeros(SIZE, dtype=bool)
    han[list(LETTERS)] = True
    noise = Noise({MASK: 0.5, "pinyin": 0.5}, HIDDEN, han, 0.9, 0.0)
    tables = [tables_of({"在": ["再"], "再": ["在"]}), tables_of({"說": ["数"]})]
    return Noised(corpus, tables, noise, Special(0, 2, 1), {"typos": 3.0}, 24, 1.0, 0)


def test_labels_restore_the_rows_and_pairs_keep_their_errors(noised):
    generator = numpy.random.default_rng(0)
    written = set()
    for _ in range(40):
        batch = noised.batch(numpy.array([2, 1, 0]), generator)
        ids, mask = batch["input_ids"], batch["attention_mask"]
        assert ids.shape == mask.shape == (3, 8)
        assert ids[0, :6].tolist() == [0, 5, 4, 4, 4, 2]  # a pair as it was written
        assert (ids[mask == 0] == 1).all()
        kinds = numpy.full((3, 8), -1)
        kinds.reshape(-1)[batch["places"]] = batch["kinds"]
        assert kinds[0].tolist() == [-1, REPLACED, KEPT, KEPT, KEPT, -1, -1, -1]
        assert ((kinds == MASKED) == (ids.numpy() == HIDDEN)).all()
        written |= {(row, one) for row in (1, 2) for one in ids[row].tolist()}
        restored = ids.clone()
        restored.view(-1)[batch["places"]] = batch["labels"]
        assert restored[:, :6].tolist() == [
            [0, 4, 4, 4, 4, 2],
            [0, 6, 6, 6, 2, 1],
            [0, 4, 5, 2, 1, 1],
        ]
    assert {one for row, one in written if row == 1} == {0, 1, 2, 6, 7, HIDDEN}  # its own script
    assert {one for row, one in written if row == 2} == {0, 1, 2, 4, 5, HIDDEN}


def test_an_epoch_holds_each_row_as_often_as_it_weighs(corpus):
    weights = {"everyday": 2.0, "traditional": 0.0, "typos": 3.0}
    batches = plan(corpus, weights, 12, numpy.random.default_rng(0))
    assert sorted(numpy.concatenate(batches)) == [0, 0, 2, 2, 2, 3, 3]
    sizes = numpy.diff(corpus.starts) + 2
    assert all(len(rows) * sizes[rows].max() <= 12 for rows in batches)


def test_batches_do_not_depend_on_who_makes_them(noised):
    first = [noised[number]["input_ids"].tolist() for number in (5, 0, 9)]
    assert first == [noised[number]["input_ids"].tolist() for number in (5, 0, 9)]


def test_tables_are_read_as_they_were_written(tmp_path):
    tables = [tables_of({"在": ["再", "数"]}), tables_of({"說": ["数"]})]
    save_tables(tables, tmp_path / "tables.npz")
    for one, other in zip(tables, load_tables(tmp_path / "tables.npz"), strict=True):
        assert one.characters.keys() == other.characters.keys()
        for kind, draws in one.characters.items():
            assert (draws.filled == other.characters[kind].filled).all()
            drawn = [
                part.draw(numpy.flatnonzero(draws.filled), numpy.random.default_rng(1))
                for part in (draws, other.characters[kind])
            ]
            assert (drawn[0] == drawn[1]).all()
        numpy.testing.assert_allclose(one.propensity, other.propensity, rtol=1e-6)


def test_characters_belong_to_the_scripts_whose_codes_hold_them():
    plain, other = scripts({4: "在", 6: "說", 7: "数", 8: "鲷"}, 9)
    assert plain[4:].tolist() == [True, False, False, True, True]
    assert other[4:].tolist() == [True, False, True, False, False]


def test_the_best_f1_leaves_97_percent_intact():
    def row(written, best, right, probability):
        return numpy.array([written, best, right, probability], dtype=float)

    fixed = row([1, 2], [1, 3], [1, 3], [0.9, 0.85])
    missed = row([1, 2], [1, 2], [1, 4], [0.9, 0.4])
    clean = [row([1], [2], [1], [0.55])] + [row([1], [1], [1], [0.9])] * 9
    found = corrected([fixed, missed, *clean], [])
    assert found["threshold"] == 0.6  # below it, one clean sentence of ten changes
    assert found["f1"] == pytest.approx(100 * 2 * 1 / (1 + 2), abs=0.01)
    assert (found["intact"], found["ranked"]) == (100.0, 50.0)
