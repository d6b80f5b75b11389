"""Encoders taken over from a run."""

from __future__ import annotations

import pytest
import torch

from nlpcl import zoo
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Splits

ROWS = [
    {"id": str(number), "text": text, "label": label}
    for number, (text, label) in enumerate(
        [("我今天在家", "calm"), ("他很生气", "angry"), ("明天去学校", "calm"), ("快走", "angry")]
    )
]


@pytest.fixture(scope="module")
def classifier_run(tmp_path_factory, settings):
    from nlpcl.nn.devices import choose_machine
    from nlpcl.runs.single import fit_splits

    entry = zoo.entry("asrm")
    config = entry.config_class(**settings | {"data": "invented", "epochs": 1}, variant="span")
    splits = Splits("invented", ROWS, ROWS, {"invented": ROWS})
    folder = tmp_path_factory.mktemp("classifier") / "run"
    return fit_splits(
        entry, config, splits, choose_machine("cpu", "fp32"), out=folder, quiet=True, resume=False
    )


def test_a_trained_classifier_opens_again(classifier_run):
    from transformers import AutoModel

    model = classifier_run.model
    assert model.config.id2label == {0: "angry", 1: "calm"}
    assert model.config.class_counts == [2, 2]
    assert classifier_run.record["state"] == "finished"
    opened = AutoModel.from_pretrained(classifier_run.folder / "model").eval()
    assert type(opened) is type(model)
    for name, weight in model.state_dict().items():
        assert torch.equal(opened.state_dict()[name], weight)


def test_a_classifier_takes_the_encoder_of_a_run(finished_run, classifier_run):
    from nlpcl import load
    from nlpcl.nn.devices import choose_machine
    from nlpcl.runs.build import build

    wanted = load(finished_run, device="cpu").model.backbone.base_model.state_dict()
    for folder in (finished_run, classifier_run.folder):
        config = zoo.entry("dcl").config_class(backbone=str(folder))
        machine = choose_machine("cpu", "fp32")
        model = build(zoo.entry("dcl"), config, Splits("x", ROWS), machine).model
        if folder == finished_run:
            for name, weight in model.backbone.state_dict().items():
                assert torch.equal(wanted[name], weight)
        assert set(model.backbone.state_dict()) == set(wanted)


def test_a_run_without_a_head_cannot_become_a_language_model(classifier_run):
    from nlpcl.runs.build import build_for_text

    config = zoo.entry("sdcl").config_class(backbone=str(classifier_run.folder))
    with pytest.raises(UserError, match="asrm keeps no language-model head, which sdcl needs"):
        build_for_text(zoo.entry("sdcl"), config, {})
