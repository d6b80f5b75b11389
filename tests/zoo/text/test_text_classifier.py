"""Classifiers of text: objectives, views, padding, and that labels change the loss alone."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from nlpcl import zoo
from nlpcl.nn.losses.contrastive import info_nce, supervised_contrast

MODELS = ["asrm", "dcl"]
VARIANTS = ["none", "original", "span", "position", "contrastive"]
ALL = {"self_supervised_weight": 0.3, "supervised_weight": 0.2, "variant": "contrastive"}
TERMS = 2 * 32 * 16
"""How many numbers flow into one: 2 layers of width 32 over 16 tokens."""


def parts_of(made):
    return made.model.train()(**made.batch()).parts


def test_both_models_are_one_with_other_defaults(tiny):
    same = {
        "variant": "span",
        "loss": "ce",
        "self_supervised_weight": 0.2,
        "supervised_weight": 0.1,
    }
    first, second = (parts_of(tiny(name, **same)) for name in MODELS)
    assert set(first) == set(second)
    for name, part in first.items():
        assert torch.equal(part.total, second[name].total)
    assert set(parts_of(tiny("asrm"))) == {"classification"}
    assert set(parts_of(tiny("dcl"))) == {"classification", "self_supervised", "supervised"}


@pytest.mark.parametrize("name", MODELS)
def test_variants_of_every_combination(name):
    settings = zoo.entry(name).config_class
    combinations = {
        (
            config.variant,
            config.loss,
            bool(config.self_supervised_weight),
            bool(config.supervised_weight),
        )
        for options in zoo.entry(name).variants.values()
        if (config := settings(**options).check())
    }
    for variant in VARIANTS:
        assert (variant, "focal", True, True) in combinations
        assert name == "dcl" or (variant, "ce", False, False) in combinations
    assert ("none", "ce", False, False) in combinations


def test_the_classes_come_from_the_training_rows(tiny):
    made = tiny("asrm")
    assert made.model.config.id2label == {0: "angry", 1: "calm", 2: "sad"}
    assert made.model.config.label2id == {"angry": 0, "calm": 1, "sad": 2}
    assert made.task.labels == ["angry", "calm", "sad"]
    assert made.batch()["labels"].tolist() == [1, 0, 1, 2, 0, 1, 2, 1]


@pytest.mark.parametrize("loss", ["ce", "focal"])
@pytest.mark.parametrize("weights", ["none", "balanced"])
def test_the_classification_part(loss, weights, tiny):
    made = tiny("asrm", loss=loss, class_weights=weights, focal_gamma=1.5)
    output = made.model.train()(**made.batch())
    labels = made.batch()["labels"]
    logs = output.logits.log_softmax(1)[torch.arange(8), labels]
    losses = -logs * ((1 - logs.exp()) ** 1.5 if loss == "focal" else 1.0)
    if weights == "balanced":  # 2, 4 and 2 of 8 rows
        losses = losses * torch.tensor([8 / 6, 8 / 12, 8 / 6])[labels]
    torch.testing.assert_close(output.loss, losses.mean())


def test_focal_with_gamma_0_is_cross_entropy(tiny):
    focal = tiny("asrm", loss="focal", focal_gamma=0.0)
    output = focal.model.train()(**focal.batch())
    wanted = functional.cross_entropy(output.logits, focal.batch()["labels"])
    torch.testing.assert_close(output.loss, wanted)


def test_one_merged_forward_equals_two_views(tiny):
    """Without dropout both views are the same, and equal to what embed() gives."""
    made = tiny("asrm", **ALL)
    seen = []
    made.model.backbone.register_forward_hook(
        lambda module, args, kwargs, output: seen.append(len(kwargs["input_ids"])),
        with_kwargs=True,
    )
    parts, labels = parts_of(made), made.batch()["labels"]
    assert seen == [16]
    z = made.model.embed(**made.unlabelled())
    wanted = {
        "self_supervised": info_nce(z, z, 0.05),
        "supervised": supervised_contrast(z, labels, 0.07),
        "calibration": supervised_contrast(z, labels, 0.07),
    }
    for name, (total, count) in wanted.items():
        torch.testing.assert_close(parts[name].total, total, rtol=1e-4, atol=1e-4)
        assert int(parts[name].count) == int(count) == 8
    weights = {name: part.weight for name, part in parts.items()}
    assert weights == {
        "classification": 1.0, "self_supervised": 0.3, "supervised": 0.2, "calibration": 0.1,
    }  # fmt: skip


def test_dropout_makes_two_views(tiny):
    same, other = tiny("dcl"), tiny("dcl", dropout=0.4)
    assert float(parts_of(other)["self_supervised"].mean().detach()) > 0.1
    embedded = same.model.eval().embed(**same.unlabelled())
    torch.testing.assert_close(embedded, other.model.eval().embed(**other.unlabelled()))


def test_without_self_supervision_each_text_is_read_once(tiny):
    made = tiny("dcl", self_supervised_weight=0.0)
    seen = []
    made.model.backbone.register_forward_hook(
        lambda module, args, kwargs, output: seen.append(len(kwargs["input_ids"])),
        with_kwargs=True,
    )
    parts_of(made)
    assert seen == [8]


def test_leaving_one_part_out_leaves_the_others_alone(tiny):
    whole = parts_of(tiny("asrm", **ALL))
    for name, options in {
        "self_supervised": {"self_supervised_weight": 0.0},
        "supervised": {"supervised_weight": 0.0},
        "calibration": {"variant": "original"},
    }.items():
        rest = parts_of(tiny("asrm", **ALL | options))
        assert set(rest) == set(whole) - {name}
        for other, part in rest.items():
            torch.testing.assert_close(part.total, whole[other].total, rtol=1e-4, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("variant", VARIANTS)
def test_in_use_the_labels_change_nothing_but_the_loss(variant, tiny):
    made = tiny("dcl", variant=variant)
    made.model.eval()
    batch = made.batch()
    other = batch | {"labels": 2 - batch["labels"]}
    logits = [made.model(**values).logits for values in (batch, other, made.unlabelled())]
    assert torch.equal(logits[0], logits[1])
    assert torch.equal(logits[0], logits[2])
    assert set(made.model(**batch).parts) == {"classification"}
    # In training too, where there is no dropout.
    trained = [made.model.train()(**values).logits for values in (batch, other)]
    assert torch.equal(trained[0], trained[1])
    torch.testing.assert_close(trained[0], logits[0], atol=1e-5, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["bert", "roberta", "albert", "electra", "distilbert"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_ignores_padding_and_the_mask_s_type(variant, kind, tiny, assert_near):
    made = tiny("asrm", kind, variant=variant, residual=True)
    made.model.eval()
    batch = made.unlabelled()
    wide = {name: functional.pad(values, (0, 9)) for name, values in batch.items()}
    wide["input_ids"][:, -9:] = made.task.pad
    explained = made.model.explain(**batch)
    mask = batch["attention_mask"].bool()
    for name, states in made.model.explain(**wide).items():
        narrow = states if name == "channels" else states[:, : mask.shape[1]]
        assert_near(narrow, explained[name], TERMS)
    logits = made.model(**batch).logits
    assert_near(made.model(**wide).logits, logits, TERMS)
    for kind_of_mask in (mask, mask.int(), mask.float()):
        again = made.model(batch["input_ids"], kind_of_mask).logits
        assert torch.equal(again, logits)


@torch.no_grad()
@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_pooling(pooling, tiny):
    made = tiny("asrm", variant="original", pooling=pooling)
    made.model.eval()
    batch = made.unlabelled()
    after = made.model.explain(**batch)["after"]
    lengths = batch["attention_mask"].sum(1, keepdim=True)
    wanted = after[:, 0] if pooling == "cls" else after.sum(1) / lengths
    torch.testing.assert_close(made.model.embed(**batch), wanted)
    torch.testing.assert_close(made.model(**batch).logits, made.model.head(wanted))


def test_every_variant_begins_with_the_same_encoder_and_head(tiny):
    states = [tiny("asrm", variant=variant).model.state_dict() for variant in VARIANTS]
    for state in states[1:]:
        for name, weight in states[0].items():
            assert torch.equal(state[name], weight), name
    contrastive = tiny("asrm", variant="contrastive").model.state_dict()
    for name, weight in tiny("asrm", variant="original").model.state_dict().items():
        assert torch.equal(contrastive[name], weight), name
    spans = [tiny("asrm", variant="span", windows=w).model.state_dict() for w in ("1,3", "1,3,5")]
    for name, weight in spans[0].items():
        assert torch.equal(spans[1][name], weight), name


def test_a_batch_without_positives(tiny):
    made = tiny("asrm", **ALL)
    output = made.model.train()(**made.batch(made.rows[1:4:2]))
    assert float(output.parts["supervised"].total.detach()) == 0.0
    assert float(output.parts["calibration"].total.detach()) == 0.0
    output.loss.backward()
    assert all(torch.isfinite(weight.grad).all() for weight in made.model.parameters())


def test_a_batch_without_labels_to_learn_from(tiny):
    made = tiny("dcl", self_supervised_weight=0.0)
    batch = made.batch()
    batch["labels"].fill_(-100)
    output = made.model.train()(**batch)
    output.loss.backward()
    assert float(output.loss.detach()) == 0.0


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_under_autocast_everything_is_finite(variant, dtype, tiny):
    made = tiny("dcl", variant=variant, temperature=0.01, supervised_temperature=0.01)
    with torch.autocast("cpu", dtype=dtype):
        output = made.model.train()(**made.batch())
    assert output.loss.dtype == output.logits.dtype == torch.float32
    output.loss.backward()
    for name, weight in made.model.named_parameters():
        assert torch.isfinite(weight.grad).all(), name


@pytest.mark.parametrize("part", ["self_supervised", "supervised"])
def test_a_contrast_gets_smaller_by_training(part, tiny):
    made = tiny(
        "dcl",
        **{"supervised_weight": 0.0, "self_supervised_weight": 0.0, f"{part}_weight": 3.0},
        dropout=0.1,
    )
    made.model.train()
    optimiser = torch.optim.AdamW(made.model.parameters(), lr=5e-3)
    values = []
    for _ in range(25):
        output = made.model(**made.batch())
        optimiser.zero_grad()
        output.loss.backward()
        optimiser.step()
        values.append(float(output.parts[part].mean().detach()))
    assert values[-1] < 0.8 * values[0]


def test_no_pooler_is_left_untrained(tiny):
    for kind in ("bert", "roberta", "albert"):
        names = [name for name, _ in tiny("asrm", kind).model.named_parameters()]
        assert not [name for name in names if "pooler" in name or ".cls." in name]


def test_nothing_is_reported_of_heads_and_poolers(tiny, caplog):
    tiny("asrm")
    assert not [record for record in caplog.records if "LOAD REPORT" in record.getMessage()]
