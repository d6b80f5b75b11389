"""Every model of the zoo without each of its modules."""

from __future__ import annotations

import pytest
import torch

from nlpcl import zoo

NAMES = zoo.names()


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_bypassed_modules_change_the_answers_and_come_back(name, tiny):
    from nlpcl.analysis.bypass import bypassed, modules

    made = tiny(name)
    model = made.model.eval()
    batch = made.unlabelled()
    before = model(**batch).logits
    possible = before > -torch.inf  # some spans cannot be entities
    named = modules(model)
    assert named
    for part, module in named.items():
        with bypassed(module):
            without = model(**batch).logits
        assert torch.isfinite(without[possible]).all()
        assert (without - before)[possible].abs().max() > 1e-6, part
        assert torch.equal(model(**batch).logits, before), part
        assert not module._forward_hooks


@torch.no_grad()
@pytest.mark.parametrize("kind", ["bert", "roberta", "albert", "electra", "distilbert"])
@pytest.mark.parametrize("name", ["sdcl", "asrm"])
def test_encoders_of_every_kind_have_layers(name, kind, tiny):
    from nlpcl.analysis.bypass import bypassed, modules

    made = tiny(name, kind)
    model = made.model.eval()
    batch = made.unlabelled()
    before = model(**batch).logits
    named = modules(model)
    layers = [part for part in named if part.startswith("encoder layer")]
    # ALBERT runs one layer twice.
    assert layers == [f"encoder layer {at + 1}" for at in range(1 if kind == "albert" else 2)]
    if name == "sdcl":
        assert ("head transform" in named) == (kind not in {"albert", "electra"})
    for part in named:
        with bypassed(named[part]):
            assert (model(**batch).logits - before).abs().max() > 1e-6, part


@torch.no_grad()
def test_all_layers_bypassed_leave_the_embeddings(tiny):
    import contextlib

    from nlpcl.analysis.bypass import bypassed, encoder_layers

    made = tiny("asrm", variant="none")
    model = made.model.eval()
    batch = made.unlabelled()
    with contextlib.ExitStack() as stack:
        for layer in encoder_layers(model.backbone).values():
            stack.enter_context(bypassed(layer))
        states = model.backbone(**batch)[0]
    torch.testing.assert_close(states, model.backbone.embeddings(batch["input_ids"]))


@torch.no_grad()
def test_gates_of_asrm_let_states_through(tiny):
    from nlpcl.analysis.bypass import bypassed, modules

    made = tiny("asrm", variant="span")
    model = made.model.eval()
    named = modules(model)
    assert {"calibration", "window 1", "window 3", "window 5"} <= set(named)
    batch = made.unlabelled()
    with bypassed(named["calibration"]):
        found = model.explain(**batch)["after"]
        logits = model(**batch).logits
    torch.testing.assert_close(found, model.explain(**batch)["before"])
    model.calibration = None
    torch.testing.assert_close(model(**batch).logits, logits)
