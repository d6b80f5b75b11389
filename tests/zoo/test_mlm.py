"""Preparing an encoder for masked language modelling."""

import torch

from nlpcl import zoo
from nlpcl.runs.build import build_for_text
from nlpcl.text.encoders import load_text_encoder


def prepared(folder, **options):
    config = zoo.entry("mlm").config_class(backbone=str(folder), **options).check()
    return build_for_text(zoo.entry("mlm"), config, {})[0].backbone


def test_fresh_weights_have_the_encoders_shape_and_depend_on_the_seed(tiny_encoder):
    folder = tiny_encoder("bert")
    old, _ = load_text_encoder(str(folder), zoo.entry("mlm").model_class().auto_class)
    kept, fresh = prepared(folder), prepared(folder, fresh=True)
    again, other = prepared(folder, fresh=True), prepared(folder, fresh=True, seed=1)
    name = "bert.encoder.layer.0.attention.self.query.weight"
    weights = [model.state_dict()[name] for model in (old, kept, fresh, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[2], weights[3])
    assert weights[2].shape == weights[0].shape
    assert not torch.equal(weights[2], weights[0])
    assert not torch.equal(weights[2], weights[4])
    output, words = fresh.get_output_embeddings(), fresh.get_input_embeddings()
    assert output.weight.data_ptr() == words.weight.data_ptr()


def test_fresh_weights_come_after_the_cut(tiny_encoder):
    model = prepared(tiny_encoder("bert"), fresh=True, layers=1)
    assert len(model.bert.encoder.layer) == 1
