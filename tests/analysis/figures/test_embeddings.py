"""Maps of embeddings and the measures beside them."""

from __future__ import annotations

import importlib.machinery
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import embeddings, items
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.analysis.figures.style import colour
from nlpcl.runs.run import Run

CROSS = np.array([[4.0, 0], [-4, 0], [0, 1], [0, -1], [2, 0], [-2, 0]])


@pytest.fixture
def mapped(make_run, clip_rows, monkeypatch):
    """``mapped(number, vectors)`` → the material of a map of invented items."""

    def load(number, vectors=None, points=1000, held=None, **names):
        run = Run(make_run(f"run-{number}", rows=clip_rows))
        examples = [
            {"id": str(at), "label": "ab"[at % 2], "speaker": f"s{at % 3}"}
            | {name: values[at] for name, values in names.items()}
            for at in range(number)
        ]

        def chosen(run, most, seed):
            kept = examples[:most]
            return items.Items(kept, held or [True] * len(kept), number)

        def made(run, given):
            found = (
                np.random.default_rng(0).normal(size=(number, 4)) if vectors is None else vectors
            )
            return found[: len(given)], list(range(len(given)))

        monkeypatch.setattr(embeddings, "items", chosen)
        monkeypatch.setattr(embeddings, "embeddings", made)
        return embeddings.load(run, Options(points=points))

    return load


def test_a_map_is_drawn_where_pca_puts_its_items(mapped, drawn):
    # Four dimensions, all of whose variance lies along the second and the fourth.
    vectors = np.zeros((6, 4))
    vectors[:, [1, 3]] = CROSS + np.array([10, -5])
    found = mapped(6, vectors, held=[True, True, True, False, True, True])
    by_label, by_speaker = embeddings.draw(**found.values).axes
    # An axis of a PCA has no sign of its own.
    signs = np.sign(found.values["maps"]["PCA"][[0, 2], [0, 1]])
    a, _, b, hollow = (part * signs for part in drawn.points(by_label))
    assert_allclose(a, [[4, 0], [0, 1], [2, 0]], atol=1e-9)
    assert_allclose(b, [[-4, 0], [-2, 0]], atol=1e-9)
    assert_allclose(hollow, [[0, -1]], atol=1e-9)  # trained on
    assert len(by_label.collections[3].get_facecolors()) == 0
    assert drawn.legend(by_label.get_legend()) == ["a", "b"]
    s0, s0_hollow, *_ = (part * signs for part in drawn.points(by_speaker))
    assert_allclose(s0, [[4, 0]], atol=1e-9)
    assert_allclose(s0_hollow, [[0, -1]], atol=1e-9)
    assert drawn.legend(by_speaker.get_legend()) == ["s0", "s1", "s2"]
    assert [drawn.title(axes).split("   ")[0] for axes in (by_label, by_speaker)] == [
        *("PCA by label", "PCA by speaker")
    ]
    assert "PCA: 100 % of the variance" in found.caption
    assert "Hollow: 1 items it was trained on" in found.caption
    places = [(row["PCA x"] * signs[0], row["PCA y"] * signs[1]) for row in found.rows]
    assert_allclose(places, CROSS, atol=1e-9)
    assert [row["tested"] for row in found.rows] == [True, True, True, False, True, True]


def test_each_method_and_colouring_has_its_own_panel(drawn):
    maps = {"PCA": CROSS, "t-SNE": 10 + 2 * CROSS}
    colourings = {"label": [*"ababab"], "speaker": ["x", "x", "x", "y", "y", ""]}
    figure = embeddings.draw(maps, colourings, [True] * 6, {"label": 0.25, "speaker": None})
    assert [drawn.title(axes) for axes in figure.axes] == [
        *("PCA by label   silhouette +0.25", "PCA by speaker", "t-SNE by label"),
        "t-SNE by speaker",
    ]
    parts = [drawn.points(axes) for axes in figure.axes]
    assert parts[0][0].tolist() == CROSS[::2].tolist()
    assert parts[2][0].tolist() == (10 + 2 * CROSS[::2]).tolist()
    # What has no name is drawn in grey, first.
    assert parts[1][0].tolist() == CROSS[5:].tolist()
    assert parts[3][1].tolist() == (10 + 2 * CROSS[:3]).tolist()
    assert parts[3][3].tolist() == (10 + 2 * CROSS[3:5]).tolist()
    shades = [to_hex(part.get_facecolors()[0]) for part in figure.axes[3].collections[::2][:1]]
    assert shades == ["#9a9da1"]
    assert to_hex(figure.axes[3].collections[1].get_facecolors()[0]) == colour(0)
    assert [axes.get_legend() is None for axes in figure.axes] == [True, True, False, False]


def test_beyond_twenty_names_the_rarest_are_grey(drawn):
    names = [f"n{at:02}" for at in range(21)] * 2 + ["n05"]
    names.remove("n07")
    places = np.arange(2.0 * len(names)).reshape(-1, 2)
    figure = embeddings.draw(
        {"PCA": places}, {"label": names}, [True] * len(names), {"label": None}
    )
    (axes,) = figure.axes
    rest = drawn.points(axes)[0]
    assert rest.tolist() == places[[name == "n07" for name in names]].tolist()
    assert drawn.legend(axes.get_legend())[0] == "others"
    assert len(drawn.legend(axes.get_legend())) == 21


def test_the_same_coordinates_by_label_and_by_group(mapped):
    found = mapped(40)
    assert list(found.values["maps"]) == ["PCA", "t-SNE"] or "UMAP" in found.values["maps"]
    assert list(found.values["colourings"]) == ["label", "speaker"]
    assert len(found.rows) == 40
    assert "Silhouette" in found.caption


def test_neighbours_stay_neighbours_on_a_tsne_map(drawn):
    near = np.random.default_rng(0).normal(size=(30, 8)) * 0.1
    vectors = near + np.repeat(np.eye(8)[:3] * 20, 10, axis=0)
    places = embeddings.projections(vectors, 0)[0]["t-SNE"]
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    assert distances.max() > 1
    np.fill_diagonal(distances, np.inf)
    assert (distances.argmin(1) // 10).tolist() == np.repeat(range(3), 10).tolist()


def test_umap_is_used_where_it_is_installed(monkeypatch):
    asked = []

    class UMAP:
        def __init__(self, n_neighbors, random_state):
            asked.append((n_neighbors, random_state))

        def fit_transform(self, vectors):
            return vectors[:, :2] + 100

    module = ModuleType("umap")
    module.__spec__ = importlib.machinery.ModuleSpec("umap", None)
    module.UMAP = UMAP
    monkeypatch.setitem(sys.modules, "umap", module)
    vectors = np.random.default_rng(0).normal(size=(8, 4))
    maps, notes = embeddings.projections(vectors, 3)
    assert list(maps) == ["PCA", "t-SNE", "UMAP"]
    assert_allclose(maps["UMAP"], vectors[:, :2] + 100)
    assert asked == [(7, 3)]
    assert "UMAP" not in notes


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


def test_a_sample_is_drawn_by_the_seed_and_keeps_its_order():
    run = SimpleNamespace(
        examples=([{"id": at} for at in range(20)], [at < 10 for at in range(20)])
    )
    found = items.items(run, 8, 0)
    numbers = [row["id"] for row in found.examples]
    assert len(set(numbers)) == 8
    assert numbers == sorted(numbers)
    assert found.is_test == [number < 10 for number in numbers]
    assert found.of == 20
    assert items.items(run, 8, 0) == found
    assert items.items(run, 8, 1) != found
    assert items.items(run, 20, 0).examples == run.examples[0]


def test_equal_vectors_do_not_break_a_map(mapped):
    found = mapped(10, np.zeros((10, 3)))
    assert found.values["silhouettes"]["label"] is None


def test_items_are_grouped_by_the_first_name_that_tells_them_apart(mapped):
    one = [{"speaker": "s", "targets": ["a"]}, {"speaker": "s", "targets": ["a", "b"]}]
    one.append({"speaker": "s", "targets": []})
    assert embeddings.grouping(one) == {"target": ["a", "several", ""]}
    assert embeddings.grouping([{"language": "en"}, {"language": "zh"}]) == {
        "language": ["en", "zh"]
    }
    assert embeddings.grouping([{"corpus": "x"}, {}]) == {}


def test_silhouette_by_hand():
    # Two right angles and one between them: a = 1 - 1 and b = 1 - 0 for the first two items.
    vectors = np.array([[1.0, 0], [2.0, 0], [0, 3.0], [0, 1.0]])
    assert embeddings.silhouette(vectors, ["a", "a", "b", "b"]) == pytest.approx(1.0)
    assert embeddings.silhouette(vectors, ["a", "b", "a", "b"]) == pytest.approx(-0.5)
    more = np.concatenate([vectors, [[1.0, 1.0]]])
    assert embeddings.silhouette(more, ["a", "a", "b", "b", ""]) == pytest.approx(1.0)
    assert embeddings.silhouette(vectors, ["a"] * 4) is None
    assert embeddings.silhouette(vectors, [*"abcd"]) is None


def test_separate_classes_have_a_high_silhouette():
    near = np.random.default_rng(0).normal(size=(20, 3)) * 0.01
    vectors = near + np.repeat(np.eye(3)[:2], 10, axis=0)
    assert embeddings.silhouette(vectors, ["a"] * 10 + ["b"] * 10) > 0.9
    assert embeddings.silhouette(vectors, ["a"] * 20) is None
