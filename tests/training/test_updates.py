"""Accumulated updates through ``fit``, and updates in which a loss term has nothing to compute."""

from __future__ import annotations

import csv
import itertools
import json

import pytest
import torch
from safetensors.torch import load_file

import nlpcl
from nlpcl.core.errors import UserError
from nlpcl.nn.model import Part
from nlpcl.training.updates import EmptyTerms, joined, refuse_batch_statistics
from nlpcl.zoo.asrm.config import VARIANTS, Config

CLASSES = ("calm", "angry", "sad")


@pytest.fixture
def classified(tmp_path, pairs):
    """22 training texts of three classes, 6 to select and 6 to test."""
    rows = [
        json.dumps({"text": right, "label": CLASSES[at % 3]}, ensure_ascii=False)
        for at, (_, right) in enumerate(pairs[:34])
    ]
    folder = tmp_path / "classified"
    folder.mkdir()
    for name, some in {"train": rows[:22], "dev": rows[22:28], "test": rows[28:]}.items():
        (folder / f"{name}.jsonl").write_text("\n".join(some) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def fit(classified, settings, tiny_encoder, tmp_path):
    """``fit("dcl", dropout=0.0)`` → a finished run of a variant of ``asrm``."""
    numbers = itertools.count()

    def run(variant, encoder_dropout=0.0, **options):
        fixed = {"data": str(classified), "backbone": str(tiny_encoder("bert", encoder_dropout))}
        config = Config(**settings | {"lr": 1e-3} | fixed | VARIANTS[variant] | options)
        return nlpcl.fit(config, out=tmp_path / f"run{next(numbers)}")

    return run


def history(run):
    with (run.folder / "history.csv").open(encoding="utf-8", newline="") as stream:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(stream)]


def test_a_contrast_over_accumulated_batches_is_that_of_one_big_batch(fit):
    """Also in the last update, which is short (22 = 2 · 8 + 6)."""
    options = {"dropout": 0.0, "epochs": 2}
    big = fit("dcl+contrastive", batch_size=8, **options)
    pieces = fit("dcl+contrastive", batch_size=2, grad_accumulation=4, **options)
    for row, same in zip(history(pieces), history(big), strict=True):
        for name in ("step", "loss", "loss_self_supervised", "loss_supervised", "grad_norm"):
            assert row[name] == pytest.approx(same[name], rel=2e-3), name
        assert row["loss_supervised"] > 0.1
    weights = [load_file(run.folder / "model" / "model.safetensors") for run in (big, pieces)]
    for name in weights[0]:
        if not name.endswith("key.bias"):  # softmax ignores it: rounding noise under Adam
            torch.testing.assert_close(weights[0][name], weights[1][name], atol=2e-4, rtol=0)


def test_items_are_counted_in_training_mode(fit, monkeypatch):
    """Also in the first update after dev scores: some models count other terms there."""
    from nlpcl.zoo.asrm.model import ASRM

    modes, counts = [], ASRM.counts
    monkeypatch.setattr(
        ASRM, "counts", lambda model, batch: (modes.append(model.training), counts(model, batch))[1]
    )
    fit("none", epochs=2)
    assert modes
    assert all(modes)


def test_batches_without_pairs_are_reported(fit):
    run = fit("dcl", batch_size=1, epochs=1)
    table = next(table for table in run.report["tables"] if table["name"] == "empty_terms")
    assert table["columns"] == ["loss term", "updates", "without items", "%"]
    assert table["rows"] == [["self_supervised", 22, 22, 100.0], ["supervised", 22, 22, 100.0]]
    names = {table["name"] for table in fit("dcl", epochs=1, batch_size=8).report["tables"]}
    assert "empty_terms" not in names


def test_a_term_is_reported_that_is_empty_in_more_than_half_of_the_updates():
    def part(count):
        return Part(torch.tensor(0.0), torch.tensor(count))

    terms = EmptyTerms()
    for counts in ((0, 3), (0, 0), (4, 1), (0, 0)):
        terms.note({"rare": part(counts[0]), "half": part(counts[1])})
    assert EmptyTerms().table() is None
    restored = EmptyTerms.from_state(json.loads(json.dumps(terms.state())))
    for one in (terms, restored):
        table = one.table()
        assert table is not None
        assert table.rows == [["rare", 4, 3, 75.0]]


def test_tensors_are_joined_with_zeros_at_missing_places():
    one, other = torch.ones(1, 2, 3), torch.ones(2, 4, 3)
    whole = joined([one, other])
    assert whole.shape == (3, 4, 3)
    assert whole.sum((1, 2)).tolist() == [6, 12, 12]
    assert whole[0, :, 0].tolist() == [1, 1, 0, 0]
    assert joined([torch.tensor([True]), torch.tensor([False])]).tolist() == [True, False]


def test_batch_normalisation_cannot_be_accumulated():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    refuse_batch_statistics(model, Config())
    with pytest.raises(UserError, match=r"--grad-accumulation 4: .* Leave it at 1"):
        refuse_batch_statistics(model, Config(grad_accumulation=4))
    refuse_batch_statistics(torch.nn.LayerNorm(2), Config(grad_accumulation=4))
