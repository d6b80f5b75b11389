"""What variants of a model have in common begins with the same weights at a seed."""

from __future__ import annotations

import pytest
import torch

from nlpcl import zoo

NAMES = [name for name in zoo.names() if len(zoo.entry(name).variants) > 1]


@pytest.mark.parametrize("name", NAMES)
def test_common_weights_are_equal_in_every_variant(name, tiny):
    made = {}
    for variant, options in zoo.entry(name).variants.items():
        torch.manual_seed(5)
        made[variant] = dict(tiny(name, **options).model.named_parameters())
    first, *others = made.values()
    compared = 0
    for other in others:
        for key in first.keys() & other.keys():
            if first[key].shape == other[key].shape:
                torch.testing.assert_close(first[key], other[key], rtol=0, atol=0, msg=key)
                compared += 1
    assert compared >= len(others)


def test_modules_that_only_some_variants_have_shift_nothing(tiny):
    whole = tiny("emotion-enhanced").model
    without = tiny("emotion-enhanced", attention=False, enhancement=False, adversary=False).model
    assert len(list(whole.modules())) > len(list(without.modules()))
    for name in ("projection", "recurrent", "emotion_head"):
        pairs = zip(
            getattr(whole, name).parameters(), getattr(without, name).parameters(), strict=True
        )
        assert all(torch.equal(one, other) for one, other in pairs), name


def test_seeds_and_modules_have_weights_of_their_own(tiny):
    entry = zoo.entry("emotion-gru")

    def build(seed):
        torch.manual_seed(seed)
        options = entry.config_class(hidden=16, dropout=0.0).model_options()
        return entry.model_class().build(
            None, options, width=12, layers=1, labels=["a", "b"], speakers=2
        )

    one, same, other = build(1), build(1), build(2)
    for key, weight in one.state_dict().items():
        assert torch.equal(weight, same.state_dict()[key]), key
    random = [key for key, weight in one.named_parameters() if weight.std() > 0]
    assert random
    for key in random:
        assert not torch.equal(one.state_dict()[key], other.state_dict()[key]), key
    before = torch.get_rng_state()
    build(3)
    torch.set_rng_state(before)
    first = torch.rand(3)
    build(3)
    assert not torch.equal(first, torch.rand(3)), "the stream goes on behind a model"
