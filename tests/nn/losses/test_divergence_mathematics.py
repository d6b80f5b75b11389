"""The divergences, claim by claim: what examples/divergences.md says of them."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch.autograd import grad
from torch.autograd.functional import hessian
from torch.nn import functional

from nlpcl.nn.losses.divergences import sigmoid_divergence, softmax_divergence


def numbers(*values):
    return torch.tensor(values, dtype=torch.float64)


def draws(*shape):
    return 3 * torch.randn(shape, dtype=torch.float64)


def summed(s, t, **options):
    return sigmoid_divergence(s, t, reduction="sum", **options)


def cells(s, t):
    """The divergence of each pair of scores by itself."""
    return torch.vmap(summed)(s, t)


def coins(p, q):
    """KL divergence of two coins."""
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def test_two_coins_agree_both_ways_where_equal_or_opposite():
    """Eq. 4: not 0.510 both ways; and equality is no coincidence where there is any."""
    assert coins(0.9, 0.5) == pytest.approx(0.368064, abs=1e-6)
    assert coins(0.5, 0.9) == pytest.approx(0.510826, abs=1e-6)
    logs = numbers(0.9, 0.1).log(), numbers(0.5, 0.5).log()
    assert float(softmax_divergence(*logs)) == pytest.approx(0.878890, abs=1e-6)
    s, t = numbers(0.9).logit(), numbers(0.1).logit()
    assert float(summed(s, t)) / 2 == pytest.approx(coins(0.9, 0.1)) == coins(0.1, 0.9)
    assert coins(0.9, 0.1) == pytest.approx(1.757780, abs=1e-6)
    for one, other in itertools.product(range(1, 100), repeat=2):
        p, q = one / 100, other / 100
        difference = coins(p, q) - coins(q, p)
        if one == other or one + other == 100:
            assert abs(difference) < 1e-12
        else:  # the way to the more decided coin is the longer
            assert abs(difference) > 1e-9
            assert (difference > 0) == (abs(q - 0.5) > abs(p - 0.5))


def test_both_are_integrals_over_the_segment():
    """Of the variance of the differences, and of their squares, along t + x·(s - t)."""
    s, t = draws(2, 12)
    difference = s - t
    x = (torch.arange(4000).double() + 0.5).div(4000).unsqueeze(1)
    p, q = (t + x * difference).softmax(-1), (t + x * difference).sigmoid()
    variance = (p * difference**2).sum(-1) - (p * difference).sum(-1) ** 2
    assert float(softmax_divergence(s, t)) == pytest.approx(float(variance.mean()), rel=1e-5)
    squares = (q * (1 - q) * difference**2).sum(-1)
    assert float(summed(s, t)) == pytest.approx(float(squares.mean()), rel=1e-5)


def test_probabilities_of_the_introduction():
    softmax, sigmoid = numbers(2.1, 1.3, 3.5, 0.9).softmax(0), numbers(1.2, -0.5, 2.1, -1.3, 0.8)
    assert softmax.tolist() == pytest.approx([0.172, 0.077, 0.698, 0.052], abs=5e-4)
    assert max(abs(softmax - numbers(0.17, 0.08, 0.68, 0.05))) > 0.018
    assert sigmoid.sigmoid().tolist() == pytest.approx([0.77, 0.38, 0.89, 0.21, 0.69], abs=5e-3)


def test_terms_of_softmax_may_be_negative_but_not_their_sum():
    """Eq. 13."""
    s, t = numbers(1, 5), numbers(0, 0)
    terms = (s.softmax(-1) - t.softmax(-1)) * (s - t)
    assert terms.tolist() == pytest.approx([-0.4820, 2.4101], abs=1e-4)
    s, t = torch.randn(2, 5000, 10, dtype=torch.float64)
    terms = (s.softmax(-1) - t.softmax(-1)) * (s - t)
    torch.testing.assert_close(softmax_divergence(s, t), terms.sum(-1))
    assert 0.11 < float((terms < 0).double().mean()) < 0.13
    assert 0.59 < float((terms < 0).any(-1).double().mean()) < 0.64
    assert (softmax_divergence(s, t) > 0).all()
    assert (cells(s[:30].flatten(), t[:30].flatten()) > 0).all()


def test_softmax_is_zero_where_all_scores_move_alike():
    """Property 4.1: positive for s ≠ t holds of the sigmoid divergence alone."""
    s = draws(7)
    assert float(softmax_divergence(s + 3, s)) == pytest.approx(0, abs=1e-12)
    assert float(summed(s + 3, s)) > 0.1
    assert float(summed(s, s)) == 0


@pytest.mark.parametrize(
    ("t", "low", "high"),
    [(0.0, -2.39936, 2.39936), (2.0, -1.36742, 4.06953), (4.0, -0.87237, 6.00984)],
)
def test_a_cell_is_convex_within_an_interval_alone(t, low, high):
    """Property 16.1: D'' = σ'(s)·(2 - (s - t)·tanh(s/2))."""
    places = [low - 5, low - 1e-3, low + 1e-3, t, high - 1e-3, high + 1e-3, high + 5]
    found = [float(hessian(lambda s: summed(s, numbers(t)[0]), numbers(s)[0])) for s in places]
    s = numbers(*places)
    wanted = s.sigmoid() * (1 - s.sigmoid()) * (2 - (s - t) * (s / 2).tanh())
    assert found == pytest.approx(wanted.tolist(), rel=1e-6, abs=1e-12)
    assert [value > 0 for value in found] == [False, False, True, True, True, False, False]


def test_one_cell_is_quasi_convex_and_a_sum_is_not():
    at = {s: float(summed(*numbers(s, 0))) for s in (3, 5, 7)}
    assert [at[3], at[5], at[7]] == pytest.approx([1.3577, 2.4665, 3.4936], abs=1e-4)
    assert at[5] > (at[3] + at[7]) / 2 == pytest.approx(2.4257, abs=1e-4)
    for t in (-4.0, 0.0, 1.5):
        values = cells(torch.linspace(-15, 15, 121).double(), numbers(t).expand(121)).tolist()
        least = values.index(min(values))
        assert values[: least + 1] == sorted(values[: least + 1], reverse=True)
        assert values[least:] == sorted(values[least:])
    zeros = numbers(0, 0)
    two = [float(summed(numbers(*s), zeros)) for s in ((3, 7), (5, 5), (7, 3))]
    assert two == pytest.approx([4.8513, 4.9331, 4.8513], abs=1e-4)
    assert two[1] > max(two[0], two[2])


def test_a_sum_rises_along_every_ray_from_the_other_pass():
    """So s = t is its one stationary point."""
    for t, direction in zip(draws(20, 6), draws(20, 6), strict=True):
        values = [float(summed(t + x / 4 * direction, t)) for x in range(30)]
        assert values == sorted(values)
        s = (t + direction).requires_grad_()
        (slopes,) = grad(summed(s, t), s)
        assert torch.equal(slopes.sign(), direction.sign())


def test_bounds():
    s, t = draws(2, 500)
    distance = (s - t).abs()
    found, sharp = cells(s, t), distance * (distance / 4).tanh()
    assert (found > 0).all()
    assert (found <= sharp).all()
    assert (sharp <= torch.minimum(distance.square() / 4, distance)).all()
    opposite = cells(distance / 2, -distance / 2)
    torch.testing.assert_close(opposite, sharp)  # reached where t = -s
    assert (found > 0.9 * distance.square() / 4).any()
    far = float(summed(*numbers(300, 1)))  # grows with slope 1 - σ(t)
    assert far == pytest.approx(299 * (1 - float(numbers(1).sigmoid())))


def test_no_metric():
    """Symmetric (16.2), but the way over any score in between is the shorter one."""
    far, near = summed(*numbers(-1, 1)), summed(*numbers(0, 1))
    assert [float(far), float(near)] == pytest.approx([0.9242, 0.2311], abs=1e-4)
    x, y, z = draws(3, 900)
    torch.testing.assert_close(cells(x, z), cells(z, x), rtol=0, atol=0)
    direct, first, second = cells(x, z), cells(x, y), cells(y, z)
    is_between = (x - y) * (y - z) > 0
    assert torch.equal(direct > first + second, is_between)
    assert float(is_between.double().mean()) == pytest.approx(1 / 3, abs=0.05)
    # Nor is its root.
    assert torch.equal(direct.sqrt() > first.sqrt() + second.sqrt() + 1e-12, is_between)


def test_steps_of_sigmoid_depend_on_their_place():
    """Eq. 37."""
    steps = numbers(1, 6).sigmoid() - numbers(0, 5).sigmoid()
    assert steps.tolist() == pytest.approx([0.2311, 0.0042], abs=1e-4)
    assert cells(numbers(1, 6), numbers(0, 5)).tolist() == pytest.approx(steps.tolist())


def test_both_passes_together_drift_away_from_zero():
    """The gradients of both sides do not cancel: what a shift would gain is left."""
    s, t = (scores.requires_grad_() for scores in (numbers(1), numbers(2)))
    both = [float(gradient) for gradient in grad(summed(s, t), (s, t))]
    assert both == pytest.approx([-0.3464, 0.2547], abs=1e-4)
    s, t = (scores.requires_grad_() for scores in draws(2, 40))
    to_s, to_t = grad(summed(s, t), (s, t))
    shift = numbers(0)[0].requires_grad_()
    (by_shift,) = grad(summed(s.detach() + shift, t.detach() + shift), shift)
    torch.testing.assert_close((to_s + to_t).sum(), by_shift)
    alike = s * t > 0
    assert alike.sum() > 10
    assert torch.equal((to_s + to_t).sign()[alike], -s.sign()[alike])
    (soft,) = grad(softmax_divergence(s, t), s)
    assert float(soft.sum()) == pytest.approx(0, abs=1e-12)


def test_temperatures():
    """Eq. 39: high ones leave the squared distance, low ones count turned decisions."""
    s, t = numbers(1, -0.5, 2), numbers(0.2, 0.5, 1)
    found = [float(summed(s, t, temperature=tau)) for tau in (0.01, 1.0, 100.0)]
    assert found == pytest.approx([1.0, 0.5396, 0.0066], abs=5e-5)
    s, t = draws(2, 30)
    high, low = summed(s, t, temperature=1e4), summed(s, t, temperature=1e-5)
    assert 1e4 * float(high) == pytest.approx(float((s - t).square().sum()) / 4, rel=1e-4)
    assert float(low) == pytest.approx(float((s - t).abs()[(s > 0) != (t > 0)].sum()))


def test_the_plain_formula_is_nan_at_impossible_cells():
    s, t = numbers(1, -0.5, 2, -math.inf).requires_grad_(), numbers(0, 0.5, 1, -math.inf)
    assert ((s.sigmoid() - t.sigmoid()) * (s - t)).sum().isnan()
    found = summed(s, t)
    assert float(found.detach()) == float(summed(s[:3], t[:3]).detach())
    (gradient,) = grad(found, s)
    assert gradient.tolist() == pytest.approx([0.4277, -0.4799, 0.2547, 0], abs=1e-4)
    assert gradient[3] == 0


def test_large_scores_need_a_stable_sigmoid_and_nothing_else():
    s = torch.tensor([1e4, -1e4, 3e38, -80.0]).requires_grad_()
    found = summed(s, torch.tensor([1.0, -1.0, 3e38, 80.0]))
    assert float(found.detach()) == pytest.approx(2 * 9999 * (1 - 0.7310586) + 160)
    assert torch.isfinite(grad(found, s)[0]).all()
    # Both are 1 in fp32, but not both 0.
    assert float(summed(torch.tensor(20.0), torch.tensor(18.0))) == 0
    low = float(summed(torch.tensor(-20.0), torch.tensor(-18.0)))
    assert low == pytest.approx(float(summed(*numbers(20, 18))), rel=1e-4)
    assert low == pytest.approx(2.6e-8, rel=0.02)


def test_softmax_compares_cells_that_no_decision_is_near():
    s, t = (torch.cat([numbers(one), numbers(-20).expand(1274)]) for one in (-12, -18))
    assert float(softmax_divergence(s, t)) == pytest.approx(4.1689, abs=1e-4)
    assert float(summed(s, t)) == pytest.approx(3.68e-5, rel=1e-2)
    s = torch.randn(50).double() - 3
    assert int(((s > 0) != (s + 6 > 0)).sum()) > 45
    assert float(softmax_divergence(s + 6, s)) == pytest.approx(0, abs=1e-12)
    assert float(summed(s + 6, s)) > 200


def test_weights_of_other_implementations():
    """Each as it is written, at α = 1, is a multiple of a task loss + λ·D, D a mean over items."""
    s, t = draws(2, 5, 7)
    labels = torch.tensor([0, 6, 3, 1, 2])
    first, second = (functional.cross_entropy(scores, labels) for scores in (s, t))
    mean = (first + second) / 2
    logs = s.log_softmax(-1), t.log_softmax(-1)
    options = {"reduction": "none", "log_target": True}
    terms = functional.kl_div(*logs, **options) + functional.kl_div(*logs[::-1], **options)
    written = {
        "paper": (first + second + terms.sum(-1).mean() / 2, 2, mean, 1 / 4),
        "Su": (mean + terms.sum(-1).mean() / 4, 1, mean, 1 / 4),
        "bert4torch": (mean + terms.mean() / 4, 1, mean, 1 / (4 * 7)),
        "R-Drop, README": (first + terms.sum() / 2, 1, first, 5 / 2),
        "R-Drop, BERT": (first + second + terms.sum() / 2, 2, mean, 5 / 4),
        "R-Drop, RoBERTa": (0.5 * first + terms.sum() / 2, 0.5, first, 5),
    }
    divergence = softmax_divergence(s, t).mean()
    for name, (loss, factor, task, weight) in written.items():
        torch.testing.assert_close(factor * (task + weight * divergence), loss, msg=name)


def test_a_perturbation_of_nothing_has_no_gradient():
    """D and its gradient are 0 at r = 0; its curvature is twice that of KL."""
    weight, clean = draws(5, 8), draws(5)
    p = clean.sigmoid()
    fisher = weight.T @ torch.diag(p * (1 - p)) @ weight

    def divergence(r):
        return summed(clean + weight @ r, clean)

    def one_way(r):
        moved = (clean + weight @ r).sigmoid()
        return (p * (p / moved).log() + (1 - p) * ((1 - p) / (1 - moved)).log()).sum()

    nothing = torch.zeros(8, dtype=torch.float64, requires_grad=True)
    assert not grad(divergence(nothing), nothing)[0].any()
    torch.testing.assert_close(hessian(divergence, nothing), 2 * fisher)
    torch.testing.assert_close(hessian(one_way, nothing), fisher)
    direction = draws(8)
    small = (1e-8 * direction).requires_grad_()
    (gradient,) = grad(divergence(small), small)
    torch.testing.assert_close(1e8 * gradient, 2 * fisher @ direction, rtol=1e-4, atol=1e-4)
