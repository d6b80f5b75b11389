"""Regularisers on every model: exact over accumulated batches, and for a batch of one row."""

from __future__ import annotations

import pytest
import torch

from nlpcl import zoo
from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.nn.losses.divergences import softmax_divergence
from nlpcl.nn.model import weighted_sum
from nlpcl.training import adversarial, perturbation
from nlpcl.training.adversarial import VAT, Attack
from nlpcl.training.regularisers import RDrop, Regularisers
from nlpcl.training.updates import Update, rehearse

COMPARED = [name for name in zoo.names() if zoo.entry(name).model_class().output_activation]
VARIANTS = [
    *((name, {}) for name in zoo.names() if name != "asrm"),
    ("asrm", zoo.entry("asrm").variants["dcl+contrastive"]),
    ("sdcl", {"negatives": "batch"}),
    ("sdcl", {"output_layer": "elementwise"}),
]
PIECES = (2, 1, 5)


def accumulated(made, sizes, **terms):
    """The terms and gradients of batches of these sizes."""
    begins = [sum(sizes[:at]) for at in range(len(sizes))]
    rows = [made.rows[at : at + size] for at, size in zip(begins, sizes, strict=True)]
    made.model.train().zero_grad()
    update = Update(made.model, [made.batch(some) for some in rows], Regularisers(**terms))
    found = []
    for _ in rows:
        found.append(update.next_parts(lambda batch: made.model(**batch)))
        weighted_sum(found[-1]).backward()
    totals = {name: sum(float(parts[name].total.detach()) for parts in found) for name in found[0]}
    gradients = {n: w.grad.clone() for n, w in made.model.named_parameters() if w.grad is not None}
    return totals, {name: int(part.count) for name, part in found[0].items()}, gradients


def doubled(terms, plain):
    """The second pass of each row differs by what it reads, in place of dropout."""
    if not terms.weight:
        return plain
    second = dict(plain)
    if "input_ids" in plain:
        second["input_ids"] = plain["input_ids"].clone()
        second["input_ids"][:, 1] = 7
    else:
        second["inputs"] = 1.1 * plain["inputs"]
    return {name: torch.cat([plain[name], second[name]]) for name in plain}


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_accumulated_batches_are_one_big_batch(name, options, tiny, monkeypatch):
    monkeypatch.setattr(perturbation, "random_direction", lambda values: (31 * values).sin())
    monkeypatch.setattr(Regularisers, "batch", doubled)
    made = tiny(name, **options)
    terms = {"attacks": {"fgm": Attack(0.5, 0.5), "pgd": Attack(0.5, 0.2, 2)}}
    if name in COMPARED:
        terms |= {"rdrop": RDrop(0.5), "vat": VAT(0.8, weight=0.3)}
    whole, whole_counts, wanted = accumulated(made, (8,), **terms)
    totals, counts, gradients = accumulated(made, PIECES, **terms)
    assert counts == whole_counts
    assert totals == pytest.approx(whole, rel=1e-3, abs=1e-5)
    for weight, gradient in gradients.items():
        scale = float(wanted[weight].abs().max())
        torch.testing.assert_close(
            gradient, wanted[weight], rtol=1e-3, atol=1e-3 * scale + 1e-6, msg=weight
        )
    assert all(whole[term] > 0 for term in ("fgm", *(set(terms) - {"attacks"})))


@pytest.mark.parametrize("name", COMPARED)
def test_each_row_of_a_merged_batch_is_as_in_the_usual_one(name, tiny):
    """Without dropout both passes are the usual one: means stay, contrasts too, and D is 0."""
    made = tiny(name)
    plain, counts, wanted = accumulated(made, (8,))
    merged, twice, gradients = accumulated(made, (8,), rdrop=RDrop(1.0))
    assert merged.pop("rdrop") == pytest.approx(0, abs=1e-9)
    for term, total in plain.items():
        assert merged[term] / twice[term] == pytest.approx(total / counts[term], rel=1e-4), term
    for weight, gradient in gradients.items():
        scale = float(wanted[weight].abs().max())
        torch.testing.assert_close(gradient, wanted[weight], rtol=1e-3, atol=1e-4 * scale + 1e-7)


@pytest.mark.parametrize("name", COMPARED)
def test_a_batch_of_one_row(name, tiny):
    made = tiny(name, dropout=0.3)
    made.rows[:] = made.rows[3:4]
    terms = {"attacks": {"fgm": Attack(0.5, 0.5)}, "rdrop": RDrop(1.0), "vat": VAT(1.0)}
    totals, _, gradients = accumulated(made, (1,), **terms)
    for term in ("rdrop", "vat", "fgm"):
        assert 1e-9 < totals[term] < 1e3, term
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())


def test_the_clean_side_is_constant_also_where_scores_are_made_in_pieces(tiny, monkeypatch):
    made, seen = tiny("sdcl"), []
    real = adversarial.sized
    monkeypatch.setattr(adversarial, "sized", lambda *given: seen.append(real(*given)) or seen[-1])
    _, _, plain = accumulated(made, (8,))
    totals, counts, found = accumulated(made, (8,), vat=VAT(0.5))
    places, rows = made.batch()["labels"] != -100, made.unlabelled()
    clean = made.model(**rows).logits[places].detach()
    with perturbation.Perturbation(seen[-1]).of(made.model):
        moved = made.model(**rows).logits[places]
    made.model.zero_grad()
    divergence = softmax_divergence(moved, clean).mean()
    divergence.backward()
    assert totals["vat"] / counts["vat"] == pytest.approx(float(divergence.detach()), rel=1e-3)
    for name, weight in made.model.named_parameters():
        wanted = found[name] - plain[name]
        scale = float(found[name].abs().max())
        torch.testing.assert_close(weight.grad, wanted, rtol=1e-2, atol=1e-4 * scale, msg=name)


@pytest.mark.parametrize("name", ["sdcl", "mlm"])
def test_scores_of_a_vocabulary_are_those_of_prediction(name, tiny):
    """VAT and R-Drop make them piece by piece."""
    made = tiny(name)
    made.model.eval()
    batch = made.batch()
    places = batch["labels"] != -100
    wanted = made.model(**made.unlabelled()).logits if name == "sdcl" else None
    if wanted is None:
        batch["labels"] = None
        wanted = made.model(**batch).logits
    states = made.model.states_at(batch["input_ids"], batch["attention_mask"], places)
    torch.testing.assert_close(made.model.score(states), wanted[places])


def test_distillation_is_not_compared_but_may_be_attacked(tiny):
    made = tiny("distill")
    for flag, options in {"--rdrop": {"rdrop": 1.0}, "--vat": {"vat": 1.0}}.items():
        with pytest.raises(UserError, match=f"^{flag}: distill has no scores of two passes"):
            rehearse(made.model, made.batch(), RunConfig(**options))
    rehearse(made.model, made.batch(), RunConfig(fgm=1.0, ema=0.9))
