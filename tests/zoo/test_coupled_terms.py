"""Loss terms of every model over accumulated batches: equal to one big batch, and declared."""

from __future__ import annotations

import pytest
import torch

from nlpcl import zoo
from nlpcl.nn.model import weighted_sum
from nlpcl.training.updates import Update

VARIANTS = [(name, variant) for name in zoo.names() for variant in zoo.entry(name).variants]
COUPLED = {
    ("asrm", "contrastive"): {"calibration"},
    ("asrm", "dcl+span"): {"self_supervised", "supervised"},
    ("asrm", "dcl+contrastive"): {"self_supervised", "supervised", "calibration"},
    ("dcl", "no-self-supervised"): {"supervised"},
    ("sdcl", "batch-negatives"): {"c"},
    ("sdcl", "sdcl"): set(),
    ("emotion-enhanced", "full"): set(),
}
PIECES = (2, 1, 5)
"""Rows of each batch; a text alone has no pairs."""


def accumulated(made, sizes):
    """The terms and gradients of batches of these sizes, as the trainer takes them."""
    begins = [sum(sizes[:at]) for at in range(len(sizes))]
    rows = [made.rows[at : at + size] for at, size in zip(begins, sizes, strict=True)]
    made.model.train().zero_grad()
    update = Update(made.model, [made.batch(some) for some in rows])
    found = []
    for _ in rows:
        parts = update.next_parts(lambda batch: made.model(**batch))
        weighted_sum(parts).backward()
        found.append(parts)
    totals = {name: sum(float(parts[name].total.detach()) for parts in found) for name in found[0]}
    counts = {name: int(part.count) for name, part in found[0].items()}
    gradients = {n: w.grad.clone() for n, w in made.model.named_parameters() if w.grad is not None}
    return totals, counts, gradients, update


def undisturbed(name, variant):
    """The settings of a variant, without dropout."""
    return {k: v for k, v in zoo.entry(name).variants[variant].items() if "dropout" not in k}


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_accumulated_batches_are_one_big_batch(name, variant, tiny):
    made = tiny(name, **undisturbed(name, variant))
    whole, whole_counts, wanted, _ = accumulated(made, (8,))
    totals, counts, gradients, update = accumulated(made, PIECES)
    assert counts == whole_counts
    assert totals == pytest.approx(whole, rel=1e-4, abs=1e-5)
    assert gradients.keys() == wanted.keys()
    for weight, gradient in gradients.items():
        scale = float(wanted[weight].abs().max())
        torch.testing.assert_close(
            gradient, wanted[weight], rtol=1e-3, atol=1e-4 * scale + 1e-6, msg=weight
        )
    if (name, variant) in COUPLED:
        assert set(update.kept) == COUPLED[name, variant]


@torch.no_grad()
@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_terms_that_compare_items_are_made_as_coupled_parts(name, variant, tiny):
    """All others are sums over rows, in training too."""
    made = tiny(name, **undisturbed(name, variant))
    model, coupled = made.model.train(), set()
    model.gather = lambda term, tensors: (coupled.add(term), tensors)[1]
    whole = model(**made.batch()).parts
    alone = [model(**made.batch([row])).parts for row in made.rows]
    for term in set(whole) - coupled:
        total = sum(float(parts[term].total) for parts in alone)
        assert float(whole[term].total) == pytest.approx(total, rel=1e-4), term


def test_both_passes_draw_the_same_dropout(tiny, monkeypatch):
    made, seen, gather = tiny("dcl", dropout=0.4), {False: [], True: []}, Update.gather

    def watched(update, name, tensors):
        seen[update.live].append((update.at, name, tensors[0].detach().clone()))
        return gather(update, name, tensors)

    monkeypatch.setattr(Update, "gather", watched)
    accumulated(made, PIECES)
    assert len(seen[False]) == len(seen[True]) == 2 * len(PIECES)
    for (at, name, kept), (again, same, live) in zip(seen[False], seen[True], strict=True):
        assert (at, name) == (again, same)
        assert torch.equal(kept, live)
    first = seen[True][0][2]
    accumulated(made, PIECES)
    assert not torch.equal(first, seen[True][2 * len(PIECES)][2])


def test_models_without_coupled_terms_are_run_once_a_batch(tiny):
    made = tiny("sdcl")
    calls = []
    made.model.register_forward_hook(lambda *_: calls.append(1))
    accumulated(made, PIECES)
    assert len(calls) == len(PIECES)
