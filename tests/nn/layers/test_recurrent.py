"""The GRU reads each clip as if it stood alone."""

from __future__ import annotations

import pytest
import torch

from nlpcl.nn.layers.recurrent import BidirectionalGRU, StackedGRU, initialise_gru


def clips() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    lengths = torch.tensor([7, 4, 1])
    mask = torch.arange(7) < lengths.unsqueeze(1)
    return torch.randn(3, 7, 6), mask


@torch.no_grad()
@pytest.mark.parametrize(
    "make",
    [lambda: BidirectionalGRU(6, 4, layers=2), lambda: StackedGRU(6, 3, 3, dropout=0.5)],
    ids=["plain", "stacked"],
)
def test_batch_is_single_and_padding_is_nothing(make, assert_near):
    states, mask = clips()
    layer = make().eval()
    together = layer(states, mask)
    wide = torch.nn.functional.pad(states, (0, 0, 0, 5), value=9.0)
    padded = layer(wide, torch.nn.functional.pad(mask, (0, 5)))
    for clip, length in enumerate(mask.sum(1).tolist()):
        alone = layer(states[clip : clip + 1, :length], mask[clip : clip + 1, :length])[0]
        # 7 steps, each from about 10 inputs and states, in up to 3 layers.
        assert_near(together[clip, :length], alone, terms=7 * 10 * 3)
        assert_near(padded[clip, :length], alone, terms=7 * 10 * 3)


@torch.no_grad()
def test_gru_is_the_formula_step_by_step():
    layer = BidirectionalGRU(3, 2)
    states = torch.randn(1, 4, 3)
    found = layer(states, torch.ones(1, 4, dtype=torch.bool))[0]

    def run(frames: torch.Tensor, half: torch.nn.ModuleList) -> list[torch.Tensor]:
        w, u, b, c = (
            getattr(half[0], f"{name}_l0")
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        hidden, every = torch.zeros(2), []
        for frame in frames:
            (wr, wz, wn), (ur, uz, un) = (w @ frame + b).chunk(3), (u @ hidden + c).chunk(3)
            reset, update = (wr + ur).sigmoid(), (wz + uz).sigmoid()
            hidden = (1 - update) * (wn + reset * un).tanh() + update * hidden
            every.append(hidden)
        return every

    forward, backward = run(states[0], layer.ahead), run(states[0].flip(0), layer.back)[::-1]
    wanted = torch.stack([torch.cat(pair) for pair in zip(forward, backward, strict=True)])
    torch.testing.assert_close(found, wanted)


def test_recurrent_matrices_are_orthogonal_and_biases_zero():
    gru = BidirectionalGRU(6, 4, layers=2).back[1]
    initialise_gru(gru)
    for name, weight in gru.named_parameters():
        if "weight_hh" in name:
            for gate in weight.detach().chunk(3):
                torch.testing.assert_close(gate @ gate.T, torch.eye(4), atol=1e-5, rtol=0)
        elif "bias" in name:
            assert not weight.any()


def test_dropout_acts_between_layers():
    torch.manual_seed(0)
    states, mask = clips()
    for layer in (StackedGRU(6, 3, 1, dropout=0.5), BidirectionalGRU(6, 3, 2, dropout=0.5)):
        assert not torch.equal(layer(states, mask), layer(states, mask))


def test_under_autocast_it_stays_near():
    states, mask = clips()
    layer = BidirectionalGRU(6, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = layer(states, mask)
    torch.testing.assert_close(found.float(), layer(states, mask), atol=0.02, rtol=0)
