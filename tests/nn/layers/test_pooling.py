from __future__ import annotations

import pytest
import torch

from nlpcl.nn.layers.pooling import neighbours_averaged, spread

LENGTHS = (7, 4, 1)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8])
def test_neighbours_are_averaged_as_in_a_loop(size):
    mask = torch.arange(7) < torch.tensor(LENGTHS).unsqueeze(1)
    states = torch.randn(3, 7, 5).masked_fill(~mask.unsqueeze(-1), 0.0)
    found, real = neighbours_averaged(states, mask, size)
    for row, length in enumerate(LENGTHS):
        runs = [states[row, at : min(at + size, length)].mean(0) for at in range(0, length, size)]
        assert real[row].sum() == len(runs) and real[row, : len(runs)].all()
        torch.testing.assert_close(found[row, : len(runs)], torch.stack(runs))
        assert not found[row, len(runs) :].any()


@pytest.mark.parametrize("size", [1, 3, 4])
def test_a_runs_share_is_divided_among_its_frames(size):
    mask = torch.arange(7) < torch.tensor(LENGTHS).unsqueeze(1)
    _, real = neighbours_averaged(torch.zeros(3, 7, 1), mask, size)
    shares = torch.rand(real.shape).masked_fill(~real, 0.0)
    found = spread(shares, mask, size)
    assert found.shape == mask.shape and not found[~mask].any()
    torch.testing.assert_close(found.sum(1), shares.sum(1))
    for row, length in enumerate(LENGTHS):
        for at in range(length):
            run = range(at // size * size, min(at // size * size + size, length))
            assert found[row, at] == pytest.approx(float(shares[row, at // size]) / len(run))
