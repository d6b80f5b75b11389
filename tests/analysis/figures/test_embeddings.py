"""Maps of embeddings and the measures beside them."""

from __future__ import annotations

import numpy as np
import pytest

from nlpcl.analysis.figures import embeddings, items
from nlpcl.analysis.figures.hate import by_class
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.analysis.figures.spelling_states import Pair, State, measures
from nlpcl.runs.run import Run


@pytest.fixture
def mapped(make_run, clip_rows, monkeypatch):
    """``mapped(number, vectors)`` → the material of a map of invented items."""

    def load(number, vectors=None, points=1000):
        run = Run(make_run(f"run-{number}", rows=clip_rows))
        examples = [
            {"id": str(at), "label": "ab"[at % 2], "speaker": f"s{at % 3}"} for at in range(number)
        ]

        def chosen(run, most, seed):
            kept = examples[:most]
            return items.Items(kept, [True] * len(kept), number)

        def made(run, given):
            found = (
                np.random.default_rng(0).normal(size=(number, 4)) if vectors is None else vectors
            )
            return found[: len(given)], list(range(len(given)))

        monkeypatch.setattr(embeddings, "items", chosen)
        monkeypatch.setattr(embeddings, "embeddings", made)
        return embeddings.load(run, Options(points=points))

    return load


def test_the_same_coordinates_by_label_and_by_group(mapped):
    found = mapped(40)
    assert list(found.values["maps"]) == ["PCA", "t-SNE"] or "UMAP" in found.values["maps"]
    assert list(found.values["colourings"]) == ["label", "speaker"]
    assert len(found.rows) == 40
    assert found.values["maps"]["PCA"].shape == (40, 2)
    assert "Silhouette" in found.caption
    assert len(embeddings.draw(**found.values).axes) >= 4


def test_three_points_are_too_few(mapped):
    with pytest.raises(LeftOut, match="3 items are too few"):
        mapped(3)


def test_a_few_points_have_no_tsne(mapped):
    found = mapped(6)
    assert list(found.values["maps"])[:1] == ["PCA"]
    assert "t-SNE" not in found.values["maps"]
    assert "No t-SNE of 6 items" in found.caption


def test_many_points_are_sampled_and_said_so(mapped):
    found = mapped(100_000, np.random.default_rng(0).normal(size=(100_000, 2)), points=50)
    assert len(found.rows) == 50
    assert "A random sample of 50 of 100000 items" in found.caption


def test_equal_vectors_do_not_break_a_map(mapped):
    found = mapped(10, np.zeros((10, 3)))
    assert found.values["silhouettes"]["label"] is None


def test_separate_classes_have_a_high_silhouette():
    near = np.random.default_rng(0).normal(size=(20, 3)) * 0.01
    vectors = near + np.repeat(np.eye(3)[:2], 10, axis=0)
    assert embeddings.silhouette(vectors, ["a"] * 10 + ["b"] * 10) > 0.9
    assert embeddings.silhouette(vectors, ["a"] * 20) is None


def test_similarities_within_and_between_classes():
    vectors = np.array([[1.0, 0], [2.0, 0], [0, 3.0]])
    found = by_class(vectors, ["a", "a", "b"], 0)
    assert found["within"].tolist() == [1.0]
    assert found["between"].tolist() == [0.0, 0.0]


def test_alignment_and_uniformity_by_hand():
    states = [
        State("甲", "乙", np.array([1.0, 0.0]), np.array([0.0, 2.0])),
        State("丙", "丙", np.array([1.0, 0.0]), np.array([3.0, 0.0])),
    ]
    found = measures(states)
    assert found["cosine"] == pytest.approx(0.0)
    assert found["alignment"] == pytest.approx(2.0)
    assert found["uniformity"] == pytest.approx(-4.0)  # log exp(-2 * 2)


def test_a_sentence_is_compared_with_the_right_one():
    pair = Pair(["甲"], ["乙"], np.array([[2.0, 0.0]]), np.array([[1.0, 1.0]]))
    assert pair.cosines() == pytest.approx(np.array([[0.5**0.5]]))
