"""R-Drop, VAT, FGM and PGD on toys, beside what is worked out by hand."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch import nn
from torch.nn import functional

from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.nn.losses.divergences import sigmoid_divergence, softmax_divergence
from nlpcl.nn.model import Output, ZooModel, weighted_sum
from nlpcl.training import adversarial, perturbation
from nlpcl.training.adversarial import VAT, Attack
from nlpcl.training.perturbation import Perturbation, sized, within
from nlpcl.training.regularisers import RDrop, Regularisers
from nlpcl.training.updates import Update, rehearse


def update(model, batches, **terms):
    """The loss terms of an update, whose gradients are in the model."""
    model.zero_grad()
    made = Update(model, batches, Regularisers(**terms))
    found = []
    for _ in batches:
        found.append(made.next_parts(lambda rows: model(**rows)))
        weighted_sum(found[-1]).backward()
    return {name: sum(float(p[name].total.detach()) for p in found) for name in found[0]}, found[0]


def gradients(model):
    return {name: weight.grad.clone() for name, weight in model.named_parameters()}


def assert_gradients(model, wanted):
    for name, weight in model.named_parameters():
        torch.testing.assert_close(weight.grad, wanted[name], msg=name, rtol=1e-4, atol=1e-6)


def pieces(batch, *sizes):
    parts = [values.split(sizes) for values in batch.values()]
    return [dict(zip(batch, one, strict=True)) for one in zip(*parts, strict=True)]


class Masks(nn.Module):
    """Dropout with masks that were drawn before, those of the rows from ``begin``."""

    def __init__(self, masks):
        super().__init__()
        self.masks, self.begin = masks, 0

    def forward(self, states):
        return states * self.masks[self.begin : self.begin + len(states)]


@pytest.mark.parametrize("kind", ["auto", "softmax", "sigmoid"])
def test_the_merged_pass_is_two_passes_with_their_mean_loss(toy, batch, kind):
    model = toy()
    model.dropout = masks = Masks((torch.rand(8, 5, 6) > 0.5) * 2.0)
    totals, parts = update(model, [batch], rdrop=RDrop(0.7, kind))
    found = gradients(model)
    assert parts["rdrop"].weight == 0.7
    model.zero_grad()
    first = model(**batch)
    masks.begin = 4
    second = model(**batch)
    s, t = first.logits, second.logits
    if kind == "sigmoid":
        divergence = sigmoid_divergence(s, t, reduction="sample")
    else:
        divergence = softmax_divergence(s, t).mean()
    ((first.loss + second.loss) / 2 + 0.7 * divergence).backward()
    assert totals["rdrop"] / 4 == pytest.approx(float(divergence.detach()), rel=1e-5)
    assert_gradients(model, found)


def test_spans_are_compared_by_type_and_text(spans, span_batch):
    model = spans()
    model.dropout = masks = Masks((torch.rand(8, 5, 6) > 0.5) * 2.0)
    found = {kind: update(model, [span_batch], rdrop=RDrop(1.0, kind))[0] for kind in
             ("auto", "sigmoid", "softmax")}  # fmt: skip
    s = model(**span_batch).logits
    masks.begin = 4
    t = model(**span_batch).logits
    wanted = float(sigmoid_divergence(s, t, reduction="row").detach())
    assert found["auto"]["rdrop"] / 4 == pytest.approx(wanted, rel=1e-5)
    assert found["sigmoid"] == found["auto"]
    soft = softmax_divergence(s.flatten(2), t.flatten(2)).mean()
    assert found["softmax"]["rdrop"] / 4 == pytest.approx(float(soft.detach()), rel=1e-5)


@pytest.mark.parametrize("kind", ["sigmoid", "softmax"])
def test_impossible_spans_give_finite_terms(spans, span_batch, kind):
    terms = {"rdrop": RDrop(1.0, kind), "vat": VAT(1.0, kind=kind)}
    model = spans(dropout=0.3)
    totals, _ = update(model, [span_batch], **terms, attacks={"fgm": Attack(1.0, 1.0)})
    assert set(totals) == {"task", "rdrop", "vat", "fgm"}
    assert all(0 < total < 1e4 for total in totals.values())
    assert all(torch.isfinite(gradient).all() for gradient in gradients(model).values())


def test_the_weight_waits_and_rises():
    plain, late = RDrop(2.0), RDrop(2.0, delay=1.0, ramp=4.0)
    assert [plain.weight_at(epochs) for epochs in (0, 0.5, 9)] == [2, 2, 2]
    assert [late.weight_at(epochs) for epochs in (0, 0.99, 1, 2, 3, 5, 9)] == [
        0,
        0,
        0,
        0.5,
        1,
        2,
        2,
    ]
    terms = Regularisers(late)
    terms.begin(0.5)
    assert (terms.passes, terms.scheduled()) == (1, {"rdrop_weight": 0.0})
    terms.begin(3.0)
    assert (terms.passes, terms.scheduled()) == (2, {"rdrop_weight": 1.0})
    assert Regularisers(plain).scheduled() == {}


def test_rows_are_not_doubled_while_there_is_no_weight(toy, batch):
    model, terms, sizes = toy(), Regularisers(RDrop(2.0, delay=1.0)), []
    model.embeddings.register_forward_hook(lambda _, inputs, __: sizes.append(len(inputs[0])))
    for epochs in (0.0, 1.0):
        terms.begin(epochs)
        Update(model, [batch], terms).next_parts(lambda rows: model(**rows))
    assert sizes == [4, 8]


def test_vat_changes_the_gradient_and_its_clean_side_has_none(toy, batch, monkeypatch):
    """Beside the divergence at the perturbation that was found, towards constant scores."""
    model, seen = toy(), []
    plain = update(model, [batch])[0]
    before = gradients(model)
    real = adversarial.sized
    monkeypatch.setattr(adversarial, "sized", lambda *given: seen.append(real(*given)) or seen[-1])
    totals, _ = update(model, [batch], vat=VAT(0.5, weight=3.0))
    found = gradients(model)
    assert totals["task"] == pytest.approx(plain["task"])
    assert totals["vat"] > 1e-4
    model.zero_grad()
    clean = model(**batch)
    with Perturbation(seen[-1]).of(model):
        moved = model(batch["input_ids"], batch["attention_mask"]).logits
    divergence = softmax_divergence(moved, clean.logits.detach()).mean()
    (clean.loss + 3.0 * divergence).backward()
    assert_gradients(model, found)
    assert any(not torch.allclose(before[name], found[name]) for name in before)


def test_the_direction_of_vat_is_the_top_eigenvector(toy):
    """Near 0 the sigmoid divergence is rᵀ·W·diag(p(1-p))·Wᵀ·r: one row, one token, logits W·x."""

    class Linear(nn.Module):
        output_activation = "sigmoid"

        def __init__(self):
            super().__init__()
            self.inputs, self.head = nn.Identity(), nn.Linear(8, 5)
            self.passes = 1

        def perturbed_module(self):
            return self.inputs

        def forward(self, inputs, labels=None):
            return Output(logits=self.head(self.inputs(inputs))[:, 0])

    model = Linear()
    batch = {"inputs": torch.randn(1, 1, 8), "labels": torch.zeros(1, 5)}
    p = model(**batch).logits[0].sigmoid().detach().double()
    weight = model.head.weight.detach().double()
    _, vectors = torch.linalg.eigh(weight.t() @ torch.diag(p * (1 - p)) @ weight)
    cosines = []
    real = adversarial.sized
    for iterations in (1, 2, 4, 16):
        seen, keep = [], pytest.MonkeyPatch()
        keep.setattr(
            adversarial, "sized", lambda *given, at=seen: at.append(real(*given)) or at[-1]
        )
        torch.manual_seed(5)
        vat = VAT(1.0, xi=1e-2, iterations=iterations)
        one = adversarial.Pass(
            model,
            lambda rows: model(**rows),
            batch,
            batch,
            Output(),
            None,
            weighted_sum,
            contextlib.nullcontext,
        )
        vat.total(one)
        keep.undo()
        direction = functional.normalize(seen[-1].flatten().double(), dim=0)
        cosines.append(abs(float(direction @ vectors[:, -1])))
    assert cosines == sorted(cosines)
    assert cosines[0] < 0.99
    assert cosines[-1] > 0.999


def test_all_passes_of_vat_have_the_same_dropout(toy, batch):
    model = toy(dropout=0.5)
    directions = []
    real = perturbation.random_direction

    def watched(values):
        directions.append(real(values))
        return directions[-1]

    patch = pytest.MonkeyPatch()
    patch.setattr(perturbation, "random_direction", watched)
    nothing, _ = update(model, [batch], vat=VAT(1e-6))
    something, _ = update(model, [batch], vat=VAT(1.0))
    patch.undo()
    assert nothing["vat"] < 1e-9
    assert something["vat"] > 1e-3
    assert not torch.equal(*directions)
    # What is drawn next are not the direction's own numbers.
    assert not torch.equal(torch.randn_like(directions[-1]), directions[-1])


def test_fgm_is_a_step_along_the_gradient(toy, batch):
    model = toy()
    totals, _ = update(model, [batch], attacks={"fgm": Attack(0.3, 0.3)})
    found = gradients(model)
    model.zero_grad()
    ids, mask, labels = batch.values()
    embedded = model.embeddings(ids).detach().requires_grad_()

    def loss(embedded):
        states = embedded.tanh() * mask.unsqueeze(-1)
        logits = model.head(states.sum(1) / mask.sum(1, keepdim=True))
        return functional.cross_entropy(logits, labels)

    (gradient,) = torch.autograd.grad(loss(embedded), embedded)
    step = torch.zeros_like(embedded)
    for row, length in enumerate(mask.sum(1).tolist()):
        norms = embedded.detach()[row, :length].norm(dim=1)
        unit = norms.square().mean().sqrt()
        step[row] = 0.3 * unit * gradient[row] / gradient[row].norm()
    attacked = loss(model.embeddings(ids) + step)
    (model(**batch).loss + attacked).backward()
    assert totals["fgm"] == pytest.approx(float(attacked.detach()), rel=1e-5)
    assert totals["fgm"] > totals["task"] / 4
    assert_gradients(model, found)


def test_pgd_ascends_and_stays_within_its_size(toy, batch, monkeypatch):
    model, added = toy(), []
    real = adversarial.within
    monkeypatch.setattr(
        adversarial, "within", lambda *given: added.append(real(*given)) or added[-1]
    )
    losses = [
        update(model, [batch], attacks={"pgd": Attack(0.5, 0.2, steps)})[0]["pgd"]
        for steps in (1, 2, 3, 4)
    ]
    assert losses == sorted(losses)
    assert len(added) == 1 + 2 + 3
    values = model.embeddings(batch["input_ids"]).detach()
    real_tokens = batch["attention_mask"].unsqueeze(-1)
    units = ((values * real_tokens).square().sum((1, 2)) / batch["attention_mask"].sum(1)).sqrt()
    sizes = torch.stack([one.flatten(1).norm(dim=1) / units for one in added])
    assert float(sizes.detach().max()) == pytest.approx(0.5, rel=1e-4)
    (fgm,) = [update(model, [batch], attacks={"x": Attack(0.2, 0.2)})[0]["x"]]
    assert losses[0] == pytest.approx(fgm)


@pytest.mark.parametrize("name", ["toy", "spans"])
def test_accumulated_batches_are_one_big_batch(name, request, batch, span_batch, monkeypatch):
    """The random draws, of the direction and of the second pass, are made a matter of the row."""
    model = request.getfixturevalue(name)()
    rows = batch if name == "toy" else span_batch
    monkeypatch.setattr(perturbation, "random_direction", lambda values: (31 * values).sin())
    monkeypatch.setattr(Regularisers, "batch", with_another_token)
    terms = {
        "rdrop": RDrop(0.5),
        "vat": VAT(0.8, weight=0.3, iterations=2),
        "attacks": {"fgm": Attack(0.5, 0.5), "pgd": Attack(0.5, 0.2, 3)},
    }
    whole, parts = update(model, [rows], **terms)
    wanted = gradients(model)
    totals, share = update(model, pieces(rows, 1, 3), **terms)
    assert totals == pytest.approx(whole, rel=1e-4)
    assert {n: int(p.count) for n, p in share.items()} == {
        n: int(p.count) for n, p in parts.items()
    }
    assert_gradients(model, wanted)
    assert whole["rdrop"] > 1e-3


def with_another_token(terms, plain):
    other = plain | {"input_ids": (plain["input_ids"] + 1) % 20 * plain["attention_mask"]}
    return {name: torch.cat([plain[name], other[name]]) for name in plain}


def test_statistics_of_batches_are_moved_by_the_usual_pass_alone(toy, batch):
    def normalised():
        torch.manual_seed(1)
        model = toy()
        model.dropout = nn.Sequential(Turned(), nn.BatchNorm1d(6), Turned())
        return model

    class Turned(nn.Module):
        def forward(self, states):
            return states.transpose(1, 2)

    plain, model = normalised(), normalised()
    update(plain, [batch])
    attacks = {"fgm": Attack(1.0, 1.0), "pgd": Attack(1.0, 0.4, 3)}
    update(model, [batch], vat=VAT(1.0, iterations=2), attacks=attacks)
    own, other = (one.dropout[1].state_dict() for one in (plain, model))
    assert int(other["num_batches_tracked"]) == 1
    for name in own:
        assert torch.equal(own[name], other[name]), name
    update(model, [batch], rdrop=RDrop(1.0))
    assert int(model.dropout[1].num_batches_tracked) == 2


def test_a_size_is_a_rows_own_whatever_else_is_in_the_batch():
    values, direction = torch.randn(3, 4, 5), torch.randn(3, 4, 5)
    direction[0, 2:] = 0  # pads
    direction[2] = 0
    direction[1] *= 1e-30
    found = sized(direction, values, 0.5)
    assert torch.isfinite(found).all()
    for row, length in ((0, 2), (1, 4)):
        unit = values[row, :length].norm(dim=1).square().mean().sqrt()
        assert float(found[row].norm()) == pytest.approx(float(0.5 * unit), rel=1e-5)
        torch.testing.assert_close(
            found[row], sized(direction[row : row + 1], values[row : row + 1], 0.5)[0]
        )
    assert not found[2].any()
    assert not found[0, 2:].any()
    near = within(0.1 * found, direction, values, 0.5)
    torch.testing.assert_close(near, 0.1 * found)


def config(**options):
    return RunConfig(**options)


def test_r_drop_without_anything_random_is_refused(toy, batch):
    with pytest.raises(UserError, match=r"^--rdrop 1: both passes .* are the same.*--dropout"):
        rehearse(toy(), batch, config(rdrop=1.0))
    rehearse(toy(dropout=0.1), batch, config(rdrop=1.0))
    rehearse(toy(), batch, config(vat=1.0, fgm=1.0))
    zero = toy(dropout=0.1)
    zero.head.weight.data.zero_()  # as the heads of some new models
    rehearse(zero, batch, config(rdrop=1.0))


def test_a_rehearsal_leaves_no_trace(toy, batch):
    model = toy(dropout=0.5).eval()
    state, weights = torch.get_rng_state(), {n: w.clone() for n, w in model.named_parameters()}
    rehearse(model, batch, config(rdrop=1.0, vat=1.0, pgd=1.0))
    assert torch.equal(torch.get_rng_state(), state)
    assert not model.training
    assert model.passes == 1
    for name, weight in model.named_parameters():
        assert torch.equal(weight, weights[name])
        assert weight.grad is None


def test_models_that_cannot_are_refused_in_a_line(toy, batch):
    model = toy(dropout=0.5)
    model.perturbed_module = lambda: nn.Linear(1, 1)
    with pytest.raises(UserError, match=r"--fgm.*do not depend .* perturbed_module"):
        rehearse(model, batch, config(fgm=1.0))
    model.perturbed_module = lambda: ZooModel.perturbed_module(model)
    with pytest.raises(UserError, match="no embeddings that could be perturbed"):
        rehearse(model, batch, config(vat=1.0))
    usual = model.forward
    model.forward = lambda **rows: Output(parts=usual(**rows).parts)
    with pytest.raises(UserError, match="neither logits nor states"):
        rehearse(model, batch, config(rdrop=1.0))
    type(model).output_activation = None
    try:
        with pytest.raises(UserError, match=r"^--rdrop: .*no scores .* compared"):
            rehearse(toy(dropout=0.5), batch, config(rdrop=1.0))
    finally:
        type(model).output_activation = "softmax"
