"""Progressive distillation: the terms against loops, who learns when, and the teacher's place."""

import math

import pytest
import torch

from nlpcl import zoo
from nlpcl.core.errors import UserError
from nlpcl.runs.build import build_for_text
from nlpcl.text.encoders import load_text_encoder
from nlpcl.zoo.distill.model import run_layers


@pytest.fixture
def made(tiny):
    return tiny("distill", progressive_fraction=0.5)


def trained(model):
    return {name for name, weight in model.named_parameters() if weight.requires_grad}


@torch.no_grad()
def test_the_terms_are_those_of_a_loop(made):
    model, batch = made.model.eval(), made.batch()
    parts = model(**batch).parts
    mask = batch["attention_mask"]
    inputs = (batch["input_ids"], mask, [1, 2])
    ours = run_layers(model.backbone.base_model, *inputs)
    theirs = run_layers(model.teacher[0], *inputs)
    states = attention = count = 0.0
    for (state, weights), (its_state, its_weights) in zip(ours, theirs, strict=True):
        heads, width = weights.shape[1], state.shape[2]
        for row, length in enumerate(mask.sum(-1).tolist()):
            for place in range(length):
                count += 1
                errors = (state[row, place] - its_state[row, place]).tolist()
                states += sum(error**2 for error in errors) / width
                for head in range(heads):
                    for other in range(length):
                        p = float(its_weights[row, head, place, other])
                        q = float(weights[row, head, place, other])
                        attention += p * math.log(p / q) / heads
    assert float(parts["states"].mean()) == pytest.approx(states / count, rel=1e-4)
    assert float(parts["attention"].mean()) == pytest.approx(attention / count, rel=1e-3)
    assert attention > 0


@torch.no_grad()
def test_a_student_equal_to_its_teacher_has_nothing_to_learn(made):
    model = made.model.eval()
    model.backbone.base_model.load_state_dict(model.teacher[0].state_dict())
    parts = model(**made.batch()).parts
    assert float(parts["states"].mean()) == pytest.approx(0, abs=1e-9)
    assert float(parts["attention"].mean()) == pytest.approx(0, abs=1e-6)


def test_one_layer_learns_at_a_time_and_then_all(made):
    model = made.model.train()
    for done, layer in ((0.0, 0), (0.2, 0), (0.25, 1), (0.49, 1)):
        model.set_progress(done)
        assert {name.split("layer.")[1][0] for name in trained(model)} == {str(layer)}
        parts = model(**made.batch()).parts
        assert set(parts) == {"states", "attention"} == set(model.counts(made.batch()))
    model.set_progress(0.5)
    assert trained(model) == {name for name, _ in model.named_parameters()}
    assert set(model(**made.batch()).parts) == {"states", "attention", "changed", "kept"}


def test_the_layers_below_stand_still_and_those_above_are_not_run(made):
    model = made.model.train()
    model.set_progress(0.3)
    above = model.backbone.base_model.encoder.layer
    model(**made.batch()).loss.backward()
    with_gradient = {name for name, weight in model.named_parameters() if weight.grad is not None}
    assert with_gradient == trained(model)
    assert model.backbone.base_model.encoder.layer is above
    only_first = run_layers(
        model.backbone.base_model, made.batch()["input_ids"], made.batch()["attention_mask"], [1]
    )
    assert len(only_first) == 1


def test_without_progress_all_layers_learn_from_the_start(tiny):
    made = tiny("distill", progressive_fraction=0.0)
    made.model.set_progress(0.0)
    assert made.model.stage is None


def test_the_teacher_is_neither_trained_nor_saved(made, tmp_path):
    model = made.model
    assert not any(weight.requires_grad for weight in model.teacher[0].parameters())
    assert not [name for name in model.state_dict() if "teacher" in name]
    model.save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path, dtype=torch.float32)
    assert loaded.teacher == ()
    assert set(loaded(**made.batch()).parts) == {"changed", "kept"}


def settings(folder, **options):
    return zoo.entry("distill").config_class(backbone=str(folder), **options).check()


def test_the_student_keeps_half_of_the_layers_unless_told(tiny_encoder):
    folder = tiny_encoder("bert")
    for options, layers in (({}, 1), ({"layers": 2}, 2)):
        model, _ = build_for_text(zoo.entry("distill"), settings(folder, **options), {})
        assert model.backbone.config.num_hidden_layers == layers
        assert model.teacher[0].config.num_hidden_layers == 2
        assert all(m.p == 0 for m in model.modules() if isinstance(m, torch.nn.Dropout))
        assert model.config.backbone.hidden_dropout_prob == 0.1


def test_spread_layers_end_with_the_last(tiny_encoder):
    folder = tiny_encoder("bert")
    model, _ = build_for_text(zoo.entry("distill"), settings(folder, layers=1, spread=True), {})
    whole, _ = load_text_encoder(str(folder), model.auto_class)
    kept = model.backbone.base_model.encoder.layer[0].state_dict()
    for name, value in whole.base_model.encoder.layer[1].state_dict().items():
        assert torch.equal(kept[name], value)


def test_a_teacher_of_another_vocabulary_is_refused(tiny_encoder):
    config = settings(tiny_encoder("bert"), teacher="scratch")
    with pytest.raises(UserError, match="vocabulary"):
        build_for_text(zoo.entry("distill"), config, {})


def test_an_encoder_that_is_not_built_like_bert_is_refused(tiny_encoder):
    with pytest.raises(UserError, match="cannot be cut"):
        build_for_text(zoo.entry("distill"), settings(tiny_encoder("distilbert")), {})
