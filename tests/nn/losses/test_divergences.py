"""Divergences: the identities that hold, the ones that do not, masks, scales, precisions."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from nlpcl.nn.losses.divergences import sigmoid_divergence, softmax_divergence

S, T = torch.tensor([1, -0.5, 2]).double(), torch.tensor([0, 0.5, 1]).double()


def random_scores(*shape):
    return [3 * torch.randn(shape, dtype=torch.float64) for _ in range(2)]


def divergence(p, q):
    """KL of two lists of probabilities."""
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def test_the_constant_of_the_issue():
    found = sigmoid_divergence(
        torch.tensor([1, -0.5, 2]), torch.tensor([0, 0.5, 1]), reduction="sum"
    )
    assert float(found) == pytest.approx(0.62571574, abs=1e-7)


def test_sigmoid_is_the_sum_of_binary_symmetric_divergences():
    s, t = random_scores(50)
    wanted = 0.0
    for one, other in zip(s.sigmoid().tolist(), t.sigmoid().tolist(), strict=True):
        p, q = (one, 1 - one), (other, 1 - other)
        wanted += divergence(p, q) + divergence(q, p)
    assert float(sigmoid_divergence(s, t, reduction="sum")) == pytest.approx(wanted, rel=1e-9)


def test_softmax_is_the_sum_of_both_divergences():
    s, t = random_scores(4, 7)
    found = softmax_divergence(s, t)
    for row, (p, q) in enumerate(zip(s.softmax(-1).tolist(), t.softmax(-1).tolist(), strict=True)):
        assert float(found[row]) == pytest.approx(divergence(p, q) + divergence(q, p), rel=1e-9)
    logs = s.log_softmax(-1), t.log_softmax(-1)
    options = {"reduction": "batchmean", "log_target": True}
    both = functional.kl_div(*logs, **options) + functional.kl_div(*logs[::-1], **options)
    assert float(found.mean()) == pytest.approx(float(both), rel=1e-9)


def test_gradients_are_right_in_double_precision():
    """Both by finite differences; the sigmoid's by the closed form (eq. 27) too."""
    s, t = (scores.requires_grad_() for scores in random_scores(2, 2, 3))
    mask = torch.rand(2, 2, 3) > 0.3
    weights = torch.rand(2, 2, 3, dtype=torch.float64)
    for reduction in ("sum", "sample", "row", "cell"):
        torch.autograd.gradcheck(
            lambda s, t, r=reduction: sigmoid_divergence(s, t, mask, weights, 1.7, r), (s, t)
        )
    torch.autograd.gradcheck(lambda s, t: softmax_divergence(s, t, mask), (s, t))
    to_s, to_t = torch.autograd.grad(sigmoid_divergence(s, t, reduction="sum"), (s, t))
    for own, other, found in ((s, t, to_s), (t, s, to_t)):
        slope = own.sigmoid() * (1 - own.sigmoid())
        torch.testing.assert_close(found, slope * (own - other) + own.sigmoid() - other.sigmoid())


def test_sigmoid_sees_a_shift_and_softmax_does_not():
    wanted = {0: 0.62571574, 1: 0.41663069, 2: 0.20778406, 5: 0.0126986, 10: 8.66e-05}
    for shift, value in wanted.items():
        found = sigmoid_divergence(S + shift, T + shift, reduction="sum")
        assert float(found) == pytest.approx(value, rel=1e-3)
        assert float(softmax_divergence(S + shift, T)) == pytest.approx(
            float(softmax_divergence(S, T)), rel=1e-9
        )
    assert float(softmax_divergence(S + 6, S)) == pytest.approx(0, abs=1e-12)
    assert float(sigmoid_divergence(S + 6, S, reduction="sum")) > 1


def test_two_classes_are_one_score_and_not_the_same_two():
    s, t = torch.tensor([2.0, 1.0]).double(), torch.tensor([1.0, 2.0]).double()
    soft = float(softmax_divergence(s, t))
    assert soft == pytest.approx(0.9242, abs=1e-4)
    one = sigmoid_divergence(s[:1] - s[1:], t[:1] - t[1:], reduction="sum")
    assert soft == pytest.approx(float(one), rel=1e-9)
    assert float(sigmoid_divergence(s, t, reduction="sum")) == pytest.approx(0.2995, abs=1e-4)


def test_temperature_and_weights():
    s, t = random_scores(2, 3)
    scaled = 3 * sigmoid_divergence(s / 3, t / 3)
    torch.testing.assert_close(sigmoid_divergence(s, t, temperature=3.0), scaled)
    weights = torch.tensor([[2.0], [0.0]])
    found = sigmoid_divergence(s, t, weights=weights, reduction="sum")
    torch.testing.assert_close(found, 2 * sigmoid_divergence(s[0], t[0], reduction="sum"))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("fill", [-math.inf, math.inf, math.nan, 6e4])
def test_masked_cells_add_exactly_nothing(dtype, fill):
    s, t = (scores.to(dtype) for scores in random_scores(2, 3, 5))
    mask = torch.ones(2, 1, 5, dtype=torch.bool)
    mask[:, :, 3:] = False
    mask[1] = False  # a row without a cell
    filled = [scores.masked_fill(~mask, fill).requires_grad_() for scores in (s, t)]
    for reduction in ("sum", "sample", "row", "cell"):
        found = sigmoid_divergence(*filled, mask, reduction=reduction)
        alone = sigmoid_divergence(s[:1, :, :3], t[:1, :, :3], reduction=reduction)
        factor = {"sample": 2, "row": 2}.get(reduction, 1)
        assert float(found.detach()) == pytest.approx(float(alone) / factor, rel=1e-6)
        assert found.dtype == torch.float32
    soft = softmax_divergence(*filled, mask)
    torch.testing.assert_close(soft[0], softmax_divergence(s[0, :, :3], t[0, :, :3]))
    assert soft[1].tolist() == [0, 0, 0]
    (found + soft.sum()).backward()
    for scores in filled:
        assert torch.isfinite(scores.grad).all()
        assert not scores.grad.masked_fill(mask, 0).any()
        assert scores.grad[0, :, :3].all()


def test_impossible_cells_need_no_mask():
    s, t = random_scores(1, 2, 3)
    holes = torch.tensor([True, False, True])
    found = [scores.masked_fill(holes, -math.inf) for scores in (s, t)]
    for measure in (softmax_divergence, lambda s, t: sigmoid_divergence(s, t, reduction="sum")):
        torch.testing.assert_close(measure(*found), measure(s[..., 1:2], t[..., 1:2]))
    # On one side alone they are an infinite divergence, which is not hidden.
    assert not torch.isfinite(sigmoid_divergence(found[0], t))


@pytest.mark.parametrize(("mean", "sample"), [(0, 337), (-5, 17.3), (-10, 0.12)])
def test_the_scales_of_the_reductions(mean, sample):
    s = torch.randn(4, 10, 128, 128) + mean
    t = s + 0.1 * torch.randn_like(s)
    found = {
        r: float(sigmoid_divergence(s, t, reduction=r)) for r in ("sum", "sample", "row", "cell")
    }
    assert found["sample"] == pytest.approx(sample, rel=0.03)
    assert found["sum"] == pytest.approx(4 * found["sample"], rel=1e-5)
    assert found["row"] == pytest.approx(found["sample"] / 10, rel=1e-5)
    assert found["cell"] == pytest.approx(found["row"] / 128**2, rel=1e-5)
