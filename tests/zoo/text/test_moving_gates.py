"""Gates of text classifiers: how they begin, how fast they learn, and that they can learn at all.

The planted task: a text is pairs of a mark and a word. Words behind KEEP are of the text's class,
those behind NOISE, which are half of them, of a class drawn at random. Where the two classes differ
the mean over all tokens says nothing, so that a text can be classified only as far as the gate of a
word sees the mark in front of it. The encoder is random embeddings, which learn nothing.
"""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModel

from nlpcl import zoo
from nlpcl.core.config import absent_values

KEEP, NOISE = 10, 11
PAIRS = 6


def planted(number, generator):
    """Token ids ``(number, 2 * PAIRS)`` and labels."""
    labels, other = torch.randint(0, 2, (2, number), generator=generator)
    kept = torch.rand(number, PAIRS, generator=generator).argsort(1) < PAIRS // 2
    kind = torch.where(kept, labels.unsqueeze(1), other.unsqueeze(1))
    words = 20 + 10 * kind + torch.randint(0, 10, kind.shape, generator=generator)
    return torch.stack([torch.where(kept, KEEP, NOISE), words], -1).flatten(1), labels


@pytest.fixture
def built(tiny_encoder):
    """``built("span", gate_lr_factor=1)`` → a model on a frozen encoder, and its settings."""

    def build(variant, **options):
        entry = zoo.entry("asrm")
        config = entry.config_class(variant=variant, lr=1e-3, dropout=0.0, **options).check()
        backbone = AutoModel.from_pretrained(tiny_encoder(dropout=0.0), num_hidden_layers=0)
        torch.manual_seed(0)
        model = entry.model_class().build(backbone, config.model_options(), labels=["a", "b"])
        model.backbone.requires_grad_(False)
        return model, config

    return build


def trained(model, config, updates=60):
    """The model after some updates by the optimiser that its settings ask for."""
    groups = model.parameter_groups(config) or [{"params": model.parameters(), "lr": config.lr}]
    optimiser = torch.optim.AdamW(groups)
    generator = torch.Generator().manual_seed(0)
    for _ in range(updates):
        ids, labels = planted(32, generator)
        loss = model.train()(input_ids=ids, labels=labels).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.eval()


@torch.no_grad()
def deviations(model):
    """Standard deviation of the factors over texts and over the tokens of a text."""
    ids, _ = planted(200, torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids, dtype=torch.bool)
    factors = model.calibration.factors(model.encode(ids, mask), mask)
    over_texts = float(factors.mean(1).std(0).mean())
    return over_texts, float(factors.std(1).mean()) if factors.shape[1] > 1 else 0.0


@torch.no_grad()
def accuracy(model):
    ids, labels = planted(400, torch.Generator().manual_seed(1))
    return float((model(input_ids=ids).logits.argmax(1) == labels).float().mean())


@pytest.mark.parametrize(("variant", "place"), [("original", 0), ("span", 1), ("position", 1)])
def test_a_gate_moves_where_it_must(variant, place, built):
    begun = deviations(built(variant)[0].eval())[place]
    slow = deviations(trained(*built(variant, gate_lr_factor=1.0)))[place]
    quick = deviations(trained(*built(variant, gate_lr_factor=10.0)))[place]
    usual = deviations(trained(*built(variant)))[place]
    assert usual > 2 * begun, "by default"
    assert slow < usual < quick
    assert quick > 5 * begun
    assert quick > 2 * slow


@pytest.mark.parametrize("variant", ["constant", "span"])
def test_only_a_gate_that_sees_the_marks_solves_the_task(variant, built):
    found = accuracy(trained(*built(variant), updates=150))
    assert found > 0.9 if variant == "span" else 0.6 < found < 0.8


@pytest.mark.parametrize("variant", ["constant", "span"])
def test_each_weight_has_the_rate_of_its_kind(variant, built):
    model, config = built(variant, gate_lr_factor=4.0, weight_decay=0.1)
    model.backbone.requires_grad_(True)
    names = {weight: name for name, weight in model.named_parameters()}
    found = {
        names[weight]: (group["lr"], group["weight_decay"])
        for group in model.parameter_groups(config)
        for weight in group["params"]
    }
    assert found.keys() == set(names.values())
    for name, (lr, decay) in found.items():
        assert lr == (4e-3 if name.startswith("calibration.") else 1e-3), name
        assert decay == (0.1 if model.get_parameter(name).dim() > 1 else 0.0), name
    assert built("none")[0].parameter_groups(config) is None
    assert model.parameter_groups(built(variant, gate_lr_factor=1.0)[1]) is None


def test_a_factor_of_zero_leaves_the_gate_as_it_began(built):
    model, config = built("span", gate_lr_factor=0.0)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    trained(model, config, updates=2)
    moved = {n for n, weight in model.named_parameters() if not torch.equal(weight, before[n])}
    assert moved == {"head.weight", "head.bias"}


def test_models_saved_before_gates_began_at_one_are_opened_as_they_were(built, tmp_path):
    model, config = built("original", gate_init="half")
    ids, _ = planted(5, torch.Generator().manual_seed(2))
    wanted = model.eval()(input_ids=ids).logits
    del model.config.options["gate_init"]
    model.save_pretrained(tmp_path)
    opened = type(model).from_pretrained(tmp_path).eval()
    assert opened.options.gate_init == "half"
    assert torch.equal(opened(input_ids=ids).logits, wanted)
    old = {key: value for key, value in config.as_dict().items() if not key.startswith("gate_")}
    kind = type(config)
    assert kind.from_saved(old).gate_lr_factor == 1.0
    assert (kind().gate_init, kind.from_dict(old).gate_init) == ("one", "one")
    assert absent_values(kind) == {"gate_init": "half", "gate_lr_factor": 1.0}
