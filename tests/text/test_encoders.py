"""The built-in encoder and what a backbone may be."""

from __future__ import annotations

import pytest

from nlpcl.core.errors import UserError


def load(name, **named):
    from transformers import AutoModelForMaskedLM

    from nlpcl.text.encoders import load_text_encoder

    return load_text_encoder(str(name), AutoModelForMaskedLM, **named)


def test_the_builtin_vocabulary_holds_common_characters():
    from nlpcl.text.encoders import character_vocabulary

    characters = character_vocabulary()
    assert len(characters) == len(set(characters))
    assert all(len(character) == 1 for character in characters)
    assert set("的一是了我在再得地做作旱早們國學說，。！？“”「」aZ09") <= set(characters)
    assert sum("一" <= character <= "鿿" for character in characters) > 8000


@pytest.mark.parametrize("name", ["builtin", "scratch"])
def test_the_builtin_encoder_takes_characters_one_by_one(name):
    model, tokenizer = load(name, seed=1)
    assert tokenizer.is_fast
    assert tokenizer.mask_token_id is not None
    pieces = [piece for piece in tokenizer.tokenize("我在家。") if piece != "▁"]
    assert pieces == list("我在家。")
    assert len(tokenizer) == model.config.vocab_size


def test_weights_from_scratch_depend_on_the_seed_alone():
    import torch

    one, two, other = (load("scratch", seed=seed)[0].state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_a_folder_of_plain_transformers(tiny_encoder):
    import torch

    model, tokenizer = load(tiny_encoder())
    assert type(model).__name__ == "BertForMaskedLM"
    assert model.dtype == torch.float32
    assert tokenizer.mask_token == "[MASK]"


@pytest.mark.parametrize("name", ["./nowhere", "/nowhere/at/all", "~/nowhere-at-all", "a/b/c"])
def test_a_missing_folder(name):
    with pytest.raises(UserError, match="no such folder"):
        load(name)


def test_a_hub_id_without_network():
    with pytest.raises(UserError, match="without a network give a local folder"):
        load("nobody/nothing")
