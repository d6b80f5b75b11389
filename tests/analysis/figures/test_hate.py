"""The gate token by token, and texts before and behind it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import hate
from nlpcl.analysis.figures.hate import by_class
from nlpcl.analysis.figures.kinds import LeftOut, Options

OPTIONS = Options()


def test_tokens_are_drawn_with_attention_and_factor(drawn):
    def row(text, place, before, after, factor, special=False):
        told = {"text": text, "title": f"text {text}", "token": f"t{place}", "special": special}
        return told | {"attention before": before, "attention after": after, "factor": factor}

    rows = [
        row(0, 0, 9.0, 9.0, 9.0, special=True),
        row(0, 1, 0.5, 0.25, 0.6),
        row(0, 2, 1.5, 1.75, 1.2),
        row(1, 1, 1.0, 2.0, 3.0),
    ]
    figure = hate.draw_gate(rows)
    above, below = figure.axes
    before, after = drawn.bars(above)
    assert_allclose(before, [(-0.2, 0.5), (0.8, 1.5)])
    assert_allclose(after, [(0.2, 0.25), (1.2, 1.75)])
    assert drawn.lines(above)["factor"] == [(0, 0.6), (1, 1.2)]
    assert drawn.ticks(above.xaxis) == ["t1", "t2"]
    assert sorted(drawn.legend(above.get_legend())) == ["attention", "attention x factor", "factor"]
    assert [drawn.title(axes) for axes in figure.axes] == ["text 0", "text 1"]
    assert_allclose(drawn.bars(below), [[(-0.2, 1)], [(0.2, 2)]])


def test_tokens_are_told_relative_to_equal_shares(monkeypatch):
    class Processor:
        all_special_tokens = ("[CLS]", "[UNK]")
        unk_token = "[UNK]"

        def convert_ids_to_tokens(self, ids):
            return [("[CLS]", "▁ab", "[UNK]", "Ġ")[at] for at in ids]

    asked = np.array([0.4, 0.1, 0.2, 0.3])
    monkeypatch.setattr(hate, "attention_received", lambda run, feature: asked)
    one = {
        "weights": np.array([1.0, 2.0, 1.0, 0.5]),
        "before": np.array([[1.0, 0], [0, 1], [3, 4], [0, 0]]),
        "after": np.array([[1.0, 0], [0, 2], [-1, 0], [1, 1]]),
        "pooled before": np.array([2.0, 0]),
        "pooled after": np.array([0.0, 5]),
    }
    run = SimpleNamespace(processor=Processor())
    rows = hate.token_rows(run, {"input_ids": [0, 1, 2, 3]}, one)
    assert [row["token"] for row in rows] == ["[CLS]", "ab", "[UNK]", "Ġ"]
    assert [row["special"] for row in rows] == [True, False, False, False]
    assert [row["factor"] for row in rows] == [1, 2, 1, 0.5]
    # The three shown tokens get 0.6 together, and 0.2 + 0.2 + 0.15 behind the gate.
    assert_allclose([row["attention before"] for row in rows], [2, 0.5, 1, 1.5])
    assert_allclose(
        [row["attention after"] for row in rows], np.array([0.4, 0.2, 0.2, 0.15]) * 3 / 0.55
    )
    assert_allclose([row["cosine to text before"] for row in rows], [1, 0, 0.6, 0])
    assert_allclose([row["cosine to text after"] for row in rows], [0, 1, 0, 0.5**0.5])


def test_attention_received_is_the_mean_over_heads_and_askers():
    first = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    second = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])
    used = []

    class Backbone(torch.nn.Linear):
        config = SimpleNamespace(_attn_implementation="sdpa")

        def set_attn_implementation(self, name):
            used.append(name)

        def forward(self, input_ids, attention_mask, output_attentions):
            assert input_ids.tolist() == [[5, 6, 7]]
            layer = torch.stack([first, second])[None]
            return SimpleNamespace(attentions=(torch.zeros_like(layer), layer))

    model = torch.nn.Module()
    model.backbone = Backbone(1, 1)
    found = hate.attention_received(SimpleNamespace(model=model), {"input_ids": [5, 6, 7]})
    assert_allclose(found, np.array([2.0, 3.0, 1.0]) / 6, rtol=1e-6)
    assert used == ["eager", "sdpa"]  # and back


def test_similarities_within_and_between_classes():
    vectors = np.array([[1.0, 0], [2.0, 0], [0, 3.0]])
    found = by_class(vectors, ["a", "a", "b"], 0)
    assert found["within"].tolist() == [1.0]
    assert found["between"].tolist() == [0.0, 0.0]


def test_very_many_pairs_are_sampled(monkeypatch):
    monkeypatch.setattr(hate, "MOST_PAIRS", 5)
    found = by_class(np.eye(6), [*"aabbcc"], 0)
    assert len(found["within"]) + len(found["between"]) == 5


def test_texts_are_drawn_before_and_behind_the_gate(monkeypatch, drawn):
    labels = ["a", "a", "b", "b", "a"]
    before = np.array([[4.0, 0], [-4, 0], [0, 1], [0, -1], [0, 0]])
    after = np.array([[1.0, 3], [2, 3], [3, 2], [1, 1], [1, -1]])
    states = [
        {"pooled before": one, "pooled after": other}
        for one, other in zip(before, after, strict=True)
    ]
    examples = [{"id": str(at), "label": label} for at, label in enumerate(labels)]
    monkeypatch.setattr(hate, "texts_of", lambda run, most, seed: (examples, ""))
    monkeypatch.setattr(hate, "encoded", lambda run, examples: examples)
    monkeypatch.setattr(hate, "explained", lambda run, features: states)
    run = SimpleNamespace(name="run", protocol="invented protocol")
    found = hate.load_space(run, OPTIONS)
    figure = hate.draw_space(**found.values)
    first, second, below, below_second = figure.axes
    assert [drawn.title(axes) for axes in (first, second)] == ["before the gate", "behind the gate"]
    # An axis of a PCA has no sign of its own.
    signs = np.sign(found.values["maps"]["before"][[0, 2], [0, 1]])
    a, b = (part * signs for part in drawn.points(first))
    assert_allclose(a, [[4, 0], [-4, 0], [0, 0]], atol=1e-9)
    assert_allclose(b, [[0, 1], [0, -1]], atol=1e-9)
    # Another turn of the plane keeps its distances.
    places = np.concatenate(drawn.points(second))
    order = [0, 1, 4, 2, 3]
    assert_allclose(
        np.linalg.norm(places[:, None] - places[None], axis=-1),
        np.linalg.norm(after[order][:, None] - after[order][None], axis=-1),
        atol=1e-9,
    )
    assert drawn.legend(figure.legends[0]) == ["a", "b"]
    assert [row["label"] for row in found.rows] == labels
    assert_allclose([row["before x"] * signs[0] for row in found.rows], before[:, 0], atol=1e-9)
    cosines = found.values["similar"]["before"]
    assert cosines["within"].tolist() == [-1, 0, 0, -1]  # 0-1, 0-4, 1-4, 2-3
    assert cosines["between"].tolist() == [0] * 6
    for axes, when in ((below, "before"), (below_second, "after")):
        for bars, values in zip(
            drawn.bars(axes), found.values["similar"][when].values(), strict=True
        ):
            heights = np.array([height for _, height in bars])
            size = 2 / 40
            assert_allclose(heights.sum() * size, 1)
            counts = np.histogram(values, np.linspace(-1, 1, 41))[0]
            assert_allclose(heights, counts / len(values) / size, atol=1e-9)
    assert drawn.legend(below.get_legend()) == ["within (-0.50)", "between (0.00)"]
    assert "before: within a class -0.500, between classes 0.000" in found.caption


def test_few_texts_are_no_space(monkeypatch):
    monkeypatch.setattr(hate, "texts_of", lambda run, most, seed: ([{"label": "a"}] * 4, ""))
    with pytest.raises(LeftOut, match="4 texts are too few"):
        hate.load_space(SimpleNamespace(), OPTIONS)
