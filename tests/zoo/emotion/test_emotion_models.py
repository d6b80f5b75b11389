"""The models of speech emotion: masks, gradients, embedding, saved form."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, AutoModel

from nlpcl import zoo

NAMES = ["emotion-gru", "emotion-enhanced"]
VARIANTS = [(name, variant) for name in NAMES for variant in zoo.entry(name).variants]
LABELS = ["angry", "happy", "neutral"]
LENGTHS = [9, 6, 4, 2, 1, 9]
WIDTH = 10
TERMS = 9 * 16 * 12
"""How many numbers flow into one: 9 frames of width 16 through a dozen matrices."""


@torch.no_grad()
@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_batch_is_single_and_order_does_not_matter(
    name, variant, made, batch, unlabelled, assert_near
):
    model = made(name, **zoo.entry(name).variants[variant]).eval()
    together = model(**unlabelled(batch())).logits
    assert together.shape == (6, 3)
    assert torch.isfinite(together).all()
    order = [3, 0, 5, 1, 4, 2]
    permuted = model(**unlabelled(batch(rows=order))).logits
    assert_near(permuted, together[order], TERMS)
    for row, length in enumerate(LENGTHS):
        alone = batch(rows=[row])
        single = model(alone["inputs"][:, :length], alone["attention_mask"][:, :length]).logits
        assert_near(single[0], together[row], TERMS)


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_padding_changes_nothing(name, made, batch, assert_near):
    model = made(name, layers=2).eval()
    values = batch(layers=2)
    wide = values | {
        "inputs": torch.nn.functional.pad(values["inputs"], (0, 0, 0, 60), value=-7.0),
        "attention_mask": torch.nn.functional.pad(values["attention_mask"], (0, 60)),
    }
    before, after = model(**values), model(**wide)
    assert_near(after.logits, before.logits, TERMS)
    torch.testing.assert_close(after.loss, before.loss)


@pytest.mark.parametrize("name", NAMES)
def test_a_weighted_sum_of_one_layer_keeps_its_axis(name, made, batch):
    model = made(name).eval()
    values = batch()
    wanted = model(**values).logits
    values["inputs"] = values["inputs"].unsqueeze(1)
    torch.testing.assert_close(model(**values).logits, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_short_clips_are_finite_and_differ(name, made, batch):
    model = made(name)
    values = batch(rows=[0, 1, 2])
    short = {key: values[key] for key in ("labels", "speakers")}
    short |= {"inputs": values["inputs"][:, :1], "attention_mask": torch.ones(3, 1).long()}
    output = model(**short)
    output.loss.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in model.parameters())
    assert output.logits.std(0).min() > 1e-3


def test_a_clip_without_a_single_frame_is_finite(made):
    for name in NAMES:
        model = made(name).eval()
        assert torch.isfinite(model(torch.zeros(1, 3, WIDTH), torch.zeros(1, 3)).logits).all()


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_every_weight_gets_a_gradient(name, variant, made, batch):
    model = made(name, layers=3, **zoo.entry(name).variants[variant])
    model.set_progress(1.0)
    model(**batch(layers=3)).loss.backward()
    for weight_name, weight in model.named_parameters():
        assert weight.grad is not None, weight_name
        assert weight.grad.abs().max() > 3e-8, weight_name


@pytest.mark.parametrize("name", NAMES)
def test_overfits(name, made, batch, unlabelled):
    model = made(name, input_norm="none", hidden=16)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    values = batch()
    losses = []
    for _ in range(60):
        output = model(**values)
        optimiser.zero_grad()
        output.loss.backward()
        optimiser.step()
        losses.append(float(output.loss.detach()))
    assert losses[-1] < 0.1 * losses[0]
    found = model.eval()(**unlabelled(values)).logits.argmax(1)
    assert found[:5].tolist() == values["labels"][:5].tolist()


@torch.no_grad()
def test_the_pooled_vector_holds_average_and_maximum(made, batch, unlabelled):
    model = made("emotion-enhanced", frame_pool=1).eval()
    values = batch(rows=[0, 1])
    kept = {}
    model.enhancement.register_forward_hook(lambda *found: kept.update(states=found[2]))
    pooled = model.embed(**unlabelled(values))
    assert pooled.shape == (2, 32)
    for row, length in enumerate(LENGTHS[:2]):
        real = kept["states"][row, :length]
        torch.testing.assert_close(pooled[row, :16], real.mean(0), atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(pooled[row, 16:], real.amax(0), atol=1e-5, rtol=1e-5)
    assert made("emotion-enhanced", max_pool=False).embed(**unlabelled(values)).shape == (2, 16)


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_modules_may_be_bypassed(name, made, batch, unlabelled):
    model = made(name).eval()
    values = unlabelled(batch())
    before = model(**values).logits
    modules = model.modules_to_bypass()
    assert "attention" in modules
    if name == "emotion-enhanced":
        assert len(modules) == 5
    for part, module in modules.items():
        own = module.forward
        module.forward = lambda states, *_: states
        without = model(**values).logits
        module.forward = own
        assert torch.isfinite(without).all()
        assert (without - before).abs().max() > 1e-4, part
    torch.testing.assert_close(model(**values).logits, before)


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_explained_weights_are_shares_of_real_frames(name, made, batch, unlabelled):
    model = made(name).eval()
    values = batch()
    weights = model.explain(**unlabelled(values))
    assert weights.shape == (6, 9)
    torch.testing.assert_close(weights.sum(1), torch.ones(6))
    assert not weights[values["attention_mask"] == 0].any()
    none = {"attention": "none"} if name == "emotion-gru" else {"attention": False}
    assert made(name, **none).explain(**unlabelled(values)) is None


def test_recurrent_weights_are_orthogonal_and_gains_1(made):
    model = made("emotion-enhanced")
    for name, weight in model.named_parameters():
        if "weight_hh" in name:
            gate = weight.detach().chunk(3)[1]
            torch.testing.assert_close(gate @ gate.T, torch.eye(8), atol=1e-5, rtol=0)
    for module in model.modules():
        if isinstance(module, torch.nn.LayerNorm):
            assert torch.equal(module.weight.detach(), torch.ones_like(module.weight))
    assert torch.equal(model.normalisation.weight.detach(), torch.ones(16))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("layers", [1, 3])
def test_saved_and_loaded_it_is_the_same(name, layers, tmp_path, settings, made, batch):
    options = {"input_norm": "channel", "class_weights": "balanced", "label_smoothing": 0.1}
    model = made(name, layers=layers, class_counts=[5, 3, 2], **options).eval()
    model.set_input_statistics(3 + 2 * torch.randn(layers, 8, WIDTH) for _ in range(3))
    assert model.standardisation.mean.min() > 1
    values = batch(layers=layers if layers > 1 else 0)
    before = model(**values)
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    for loader in (type(model), AutoModel):
        loaded = loader.from_pretrained(tmp_path, dtype=torch.float32)
        assert type(loaded) is type(model)
        after = loaded(**values)
        assert torch.equal(after.logits, before.logits)
        assert torch.equal(after.loss, before.loss)
    config = AutoConfig.from_pretrained(tmp_path)
    assert config.id2label == dict(enumerate(LABELS))
    assert config.label2id == {label: index for index, label in enumerate(LABELS)}
    assert config.options == settings(name, **options).model_options()
    assert config.backbone is None
    counts = {"class_counts": [5, 3, 2]}
    assert config.sizes == {"width": WIDTH, "layers": layers, "speakers": 4} | counts


@torch.no_grad()
def test_autocast_is_close_to_full_precision(made, batch):
    for name in NAMES:
        model = made(name, layers=2).eval()
        exact = model(**batch(layers=2))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = model(**batch(layers=2))
        assert rounded.logits.dtype == rounded.loss.dtype == torch.float32
        torch.testing.assert_close(rounded.logits, exact.logits, atol=0.1, rtol=0)
