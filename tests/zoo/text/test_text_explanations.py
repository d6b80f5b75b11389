"""What a classifier of text shows of itself: embeddings, gates, modules to bypass."""

from __future__ import annotations

import pytest
import torch

VARIANTS = ["none", "original", "span", "position", "contrastive"]


@torch.no_grad()
@pytest.mark.parametrize("kind", ["bert", "roberta", "albert", "electra", "distilbert"])
def test_embeddings_stand_for_ids(kind, tiny):
    made = tiny("asrm", kind, variant="span")
    made.model.eval()
    # One length: RoBERTa counts positions from the padding, which embeddings do not show.
    batch = made.unlabelled(made.rows[:1])
    embeddings = made.model.backbone.get_input_embeddings()(batch["input_ids"])
    given = {"inputs_embeds": embeddings, "attention_mask": batch["attention_mask"]}
    torch.testing.assert_close(made.model(**given).logits, made.model(**batch).logits)
    torch.testing.assert_close(made.model.embed(**given), made.model.embed(**batch))
    for wrong in ({**batch, "inputs_embeds": embeddings}, {}):
        with pytest.raises(ValueError, match="input_ids or inputs_embeds"):
            made.model(**wrong)


@torch.no_grad()
@pytest.mark.parametrize("variant", VARIANTS)
def test_the_explanation(variant, tiny):
    made = tiny("asrm", variant=variant)
    made.model.eval()
    batch = made.unlabelled()
    found = made.model.explain(**batch)
    mask = batch["attention_mask"].bool()
    assert found["weights"].shape == mask.shape
    assert not found["weights"][~mask].any()
    assert not found["before"][~mask].any()
    per_channel = variant in {"original", "contrastive"}
    assert ("channels" in found) is per_channel
    factors = found["channels"].unsqueeze(1) if per_channel else found["weights"].unsqueeze(-1)
    torch.testing.assert_close(found["before"] * factors, found["after"])
    if per_channel:
        torch.testing.assert_close(found["weights"][:, 0], found["channels"].mean(1))
    if variant == "none":
        assert (found["weights"][mask] == 1).all()
    if variant in {"span", "position"}:
        assert found["weights"][mask].std() > 0


@torch.no_grad()
@pytest.mark.parametrize("variant", VARIANTS)
def test_modules_to_bypass(variant, tiny):
    made = tiny("asrm", variant=variant)
    model, batch = made.model.eval(), made.unlabelled()
    plain = tiny("asrm", variant="none").model.eval()(**batch).logits
    whole = model(**batch).logits
    modules = model.modules_to_bypass()
    assert ("calibration" in modules) is (variant != "none")
    for name, module in modules.items():
        handle = module.register_forward_hook(lambda module, inputs, output: inputs[0])
        without = model(**batch).logits
        handle.remove()
        assert not torch.allclose(without, whole, atol=1e-5), name
        if name == "calibration":
            torch.testing.assert_close(without, plain)
    owners = {name.split(".")[0] for name, _ in model.named_parameters()}
    assert owners == {"backbone", "head"} | ({"calibration"} if modules else set())
