"""Models of speech emotion with an encoder that learns."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModel

from nlpcl.training.adversarial import VAT, Attack
from nlpcl.training.regularisers import RDrop, Regularisers
from nlpcl.training.updates import Update

NAMES = ["emotion-gru", "emotion-enhanced"]
ENCODERS = ["builtin", "hubert", "hubert-large"]
TERMS = 20 * 16 * 20
"""How many numbers flow into one: 20 frames of width 16 through a score of matrices."""


def learning(model) -> set[str]:
    return {name for name, weight in model.backbone.named_parameters() if weight.requires_grad}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("layers", [1, 4])
def test_with_an_encoder_it_reads_waveforms(
    name, kind, layers, tmp_path, made, waves, encoders, unlabelled, assert_near
):
    encoder = encoders[kind]()
    model = made(name, layers=layers, backbone=encoder, encoder="full")
    assert model.backbone is encoder
    model.eval()
    with torch.no_grad():
        before = model(**unlabelled(waves())).logits
        for row in range(3):
            alone = waves([row])
            length = int(alone["attention_mask"].sum())
            single = model(alone["inputs"][:, :length], alone["attention_mask"][:, :length]).logits
            assert_near(single[0], before[row], TERMS)
        model.save_pretrained(tmp_path)
        for loader in (type(model), AutoModel):
            loaded = loader.from_pretrained(tmp_path, dtype=torch.float32)
            after = loaded(**unlabelled(waves())).logits
            assert_near(after, before, TERMS)


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("layer", [3, 2])
@pytest.mark.parametrize("layers", [1, None], ids=["one layer", "all layers"])
def test_a_full_encoder_learns_wherever_it_is_used(kind, layer, layers, made, waves, encoders):
    encoder = encoders[kind]()
    encoder.config.layer = layer
    given = {"layers": layers or layer + 1, "backbone": encoder, "encoder": "full"}
    model = made("emotion-gru", **given).train()
    model(**waves()).loss.backward()
    for name, weight in model.named_parameters():
        assert weight.requires_grad == (weight.grad is not None), name
        if weight.requires_grad:
            assert torch.isfinite(weight.grad).all(), name
    assert learning(model)
    assert not any("layers.2." in name for name in learning(model)) or layer == 3


@pytest.mark.parametrize("kind", ENCODERS)
def test_a_partial_encoder_learns_in_its_top_blocks_alone(kind, settings, made, waves, encoders):
    encoder = encoders[kind]()
    encoder.config.layer = 2
    model = made("emotion-gru", backbone=encoder, encoder="partial", unfreeze=1)
    assert learning(model)
    assert all("layers.1." in name for name in learning(model))
    model.train()
    assert encoder.training
    stack = encoder if kind == "builtin" else encoder.encoder.encoder
    assert stack.layers[1].training
    assert not stack.layers[0].training
    assert not stack.layers[2].training
    before = {name: weight.clone() for name, weight in encoder.named_parameters()}
    groups = model.parameter_groups(settings("emotion-gru", encoder_lr=1e-3, lr=1e-2))
    assert {group["lr"] for group in groups} == {1e-3, 1e-2}
    optimiser = torch.optim.AdamW(groups)
    model(**waves()).loss.backward()
    optimiser.step()
    moved = {name for name, weight in encoder.named_parameters() if (weight != before[name]).any()}
    assert moved
    assert moved <= learning(model)


@pytest.mark.parametrize("encoder", ["full", "partial"])
def test_regularisers_perturb_the_frames_of_a_trained_encoder(encoder, made, waves, encoders):
    """And reach its weights, with waveforms as input."""
    model = made("emotion-gru", backbone=encoders["hubert"](), encoder=encoder, dropout=0.2).train()
    terms = {"rdrop": RDrop(1.0), "vat": VAT(1.0), "attacks": {"fgm": Attack(0.5, 0.5)}}
    update = Update(model, [waves()], Regularisers(**terms))
    parts = update.next_parts(lambda batch: model(**batch))
    assert {"rdrop", "vat", "fgm"} < set(parts)
    assert all(0 < float(part.total.detach()) < 1e4 for part in parts.values())
    parts["vat"].total.backward()
    trained = [w for w in model.backbone.parameters() if w.requires_grad]
    assert sum(float(w.grad.abs().sum()) for w in trained if w.grad is not None) > 0
