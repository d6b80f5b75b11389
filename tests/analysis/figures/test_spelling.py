"""States of characters: what is drawn of them, and the measures beside them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import spelling
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.analysis.figures.spelling_states import Pair, State
from nlpcl.analysis.figures.style import COLOURS, colour

OPTIONS = Options()
RUN = SimpleNamespace(name="run", protocol="invented protocol")


def state(written, right, wrong_state, right_state):
    return State(written, right, np.array(wrong_state, float), np.array(right_state, float))


@pytest.fixture
def states():
    """Three times 乙 for 甲, twice 丁 for 丙, and two right characters."""
    return [
        state("乙", "甲", [4, 0], [5, 0]),
        state("乙", "甲", [4, 1], [4, 1]),
        state("甲", "甲", [5, 1], [5, 1]),
        state("乙", "甲", [1, 1], [-1, 1]),
        state("丁", "丙", [0, 3], [3, 0]),
        state("丁", "丙", [-4, -3], [4, 3]),
        state("戊", "戊", [0, -2], [0, -2]),
    ]


def distances(points):
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


def test_confused_characters_are_drawn_where_their_states_lie(states, monkeypatch, drawn):
    # A sentence as a dummy; after training all states are twice as long and turned.
    turned = [
        State(s.written, s.right, s.wrong_state[::-1] * 2, s.right_state[::-1] * 2) for s in states
    ]
    monkeypatch.setattr(spelling, "erroneous", lambda run, seed: [{}] * 3)
    models = {"before": states, "after": turned}
    monkeypatch.setattr(spelling, "states_of", lambda run, shown: models)
    found = spelling.load_characters(RUN, OPTIONS)
    assert found.values["characters"] == ["甲", "丙"]
    figure = spelling.draw_characters(**found.values)
    first, second, below = figure.axes
    right = np.array([s.right_state for s in states])
    wrong = np.array([s.wrong_state for s in states if s.is_wrong])
    for axes, scale in ((first, 1), (second, 2)):
        grey, other_wrong, *named = drawn.points(axes)
        assert len(other_wrong) == 0
        dots, crosses, dots_2, crosses_2 = named
        # In two dimensions a PCA turns the plane, no more.
        places = np.concatenate([dots, dots_2, grey, crosses, crosses_2])
        wanted = np.concatenate([right[[0, 1, 2, 3]], right[[4, 5]], right[[6]], wrong])
        assert_allclose(distances(places), scale * distances(wanted), atol=1e-9)
        joined = [line.get_xydata().tolist() for line in axes.lines]
        ends = zip([*crosses, *crosses_2], [*dots[[0, 1, 3]], *dots_2], strict=True)
        assert_allclose(joined, [[start, end] for start, end in ends])
        shades = [to_hex(part.get_facecolors()[0]) for part in axes.collections[2:]]
        assert shades == [colour(0), colour(0), colour(1), colour(1)]
    # Cosines: 1, 1, 0, 0, -1.
    assert [drawn.title(axes) for axes in (first, second)] == [
        *("before training   cosine 0.20", "after training   cosine 0.20")
    ]
    before, after = drawn.bars(below)
    counts = {round(middle, 6): height for middle, height in before if height}
    assert list(counts.values()) == [1, 2, 2]
    assert_allclose(list(counts), [-1 + 1 / 30, 1 / 30, 1 - 1 / 30], atol=1e-6)
    assert [height for _, height in after] == [height for _, height in before]
    assert_allclose(drawn.uprights(below), [0.2, 0.2], rtol=1e-6)
    assert drawn.legend(figure.legends[0]) == ["甲", "丙"]
    assert drawn.legend(below.get_legend()) == ["before training", "after training"]
    assert [row["cosine"] for row in found.rows[:5]] == pytest.approx([1, 1, 0, 0, -1], abs=1e-6)
    assert "n = 5 wrong characters in 3 sentences" in found.caption


def test_few_wrong_characters_are_a_reason(states, monkeypatch):
    monkeypatch.setattr(spelling, "erroneous", lambda run, seed: [{}])
    monkeypatch.setattr(spelling, "states_of", lambda run, shown: {"before": states[:5]})
    with pytest.raises(LeftOut, match="4 wrong characters are too few"):
        spelling.load_characters(RUN, OPTIONS)


def test_the_commonest_confusions_come_first():
    def some(right, wrong, seen):
        return [state("x", right, [1], [1])] * wrong + [state(right, right, [1], [1])] * seen

    listed = some("甲", 1, 0) + some("乙", 2, 0) + some("丙", 1, 3) + some("丁", 0, 9)
    assert spelling.common_characters(listed) == ["乙", "丙", "甲"]
    many = [one for at in range(10) for one in some(chr(ord("a") + at), 10 - at, 0)]
    assert spelling.common_characters(many) == [*"abcdefgh"]


def test_a_sentence_is_drawn_as_two_matrices(monkeypatch, drawn):
    sentences = [
        {"source": "甲" * 25, "target": "乙" * 25},  # too long
        {"source": "丙丁", "target": "丙戊", "id": "s1"},
        {"source": "丙丁戊", "target": "丙戊戊", "id": "s2"},
    ]
    monkeypatch.setattr(spelling, "erroneous", lambda run, seed: sentences)
    asked = []
    plain = np.array([[1.0, 0], [0, 2], [3, 4]])
    turned = np.array([[0.0, 1], [0, 2], [-1, 0]])

    def pair_of(run, example):
        asked.append(example["id"])
        written, right = list(example["source"]), list(example["target"])
        pairs = {"before": (plain, plain), "after": (plain, turned)}
        return {name: Pair(written, right, *states) for name, states in pairs.items()}

    monkeypatch.setattr(spelling, "pair_of", pair_of)
    found = spelling.load_similarity(RUN, OPTIONS)
    assert asked == ["s2"]  # the longest of those with the most wrong characters
    figure = spelling.draw_similarity(**found.values)
    before, after = figure.axes[:2]
    assert_allclose(
        before.images[0].get_array(), [[1, 0, 0.6], [0, 1, 0.8], [0.6, 0.8, 1]], atol=1e-9
    )
    assert_allclose(
        after.images[0].get_array(), [[0, 0, -1], [1, 1, 0], [0.8, 0.8, -0.6]], atol=1e-9
    )
    for axes in (before, after):
        assert drawn.ticks(axes.yaxis) == ["丙", "丁", "戊"]
        assert drawn.ticks(axes.xaxis) == ["丙", "戊", "戊"]
        (frame,) = axes.patches
        assert (frame.get_x(), frame.get_y()) == (0.5, 0.5)
        assert (frame.get_width(), frame.get_height()) == (1, 1)
        shades = [label.get_color() for label in axes.get_yticklabels()]
        assert [shade == COLOURS[3] for shade in shades] == [False, True, False]
        assert (axes.images[0].norm.vmin, axes.images[0].norm.vmax) == (-1, 1)
    assert [drawn.title(axes) for axes in (before, after)] == ["before training", "after training"]
    assert found.rows[2] == {
        "model": "before",
        "written": "戊",
        "place": 2,
        "0 丙": pytest.approx(0.6),
        "1 戊": pytest.approx(0.8),
        "2 戊": pytest.approx(1.0),
    }


def test_sentences_that_are_too_long_are_a_reason(monkeypatch):
    long = [{"source": "甲" * 25, "target": "乙" * 25}]
    monkeypatch.setattr(spelling, "erroneous", lambda run, seed: long)
    with pytest.raises(LeftOut, match="longer than 24"):
        spelling.load_similarity(RUN, OPTIONS)


def test_sentences_without_a_wrong_character_are_left_out():
    rows = [{"source": "甲", "target": "乙"}, {"source": "甲", "target": "甲"}]
    rows.append({"source": "甲", "target": "甲乙"})
    assert spelling.erroneous(SimpleNamespace(examples=(rows, [True] * 3)), 0) == rows[:1]
    with pytest.raises(LeftOut, match="no test sentence"):
        spelling.erroneous(SimpleNamespace(examples=(rows[1:], [True] * 2)), 0)
