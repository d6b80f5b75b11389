"""Numbers of divergences.md, which quotes this output whole; seeded, a few seconds.

python examples/divergences.py
"""

import math
from functools import partial
from typing import get_args

import torch
from scipy.optimize import brentq

from nlpcl.nn.losses.divergences import Reduction, sigmoid_divergence, softmax_divergence
from nlpcl.nn.losses.multilabel import multilabel_cross_entropy

summed = partial(sigmoid_divergence, reduction="sum")
vector = partial(torch.tensor, dtype=torch.float64)
normal = partial(torch.randn, dtype=torch.float64)
S, T = vector([1.0, -0.5, 2.0]), vector([0.0, 0.5, 1.0])


def listed(values, digits: int = 4) -> str:
    return ", ".join(f"{float(value):.{digits}f}" for value in values)


def coin(p: float, q: float) -> float:
    """KL divergence of two coins that show heads with probability p and q."""
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def coins() -> None:
    pairs = zip(S.sigmoid().tolist(), T.sigmoid().tolist(), strict=True)
    total = sum(coin(p, q) + coin(q, p) for p, q in pairs)
    print(f"[1, -0.5, 2], [0, 0.5, 1]: {total:.8f} as coins, {float(summed(S, T)):.8f} as D")
    print("KL(p, q), KL(q, p) and their sum, of two coins")
    for p, q in ((0.9, 0.5), (0.9, 0.1)):
        print(f"{p}, {q}: {listed((coin(p, q), coin(q, p), coin(p, q) + coin(q, p)), 6)}")
    grid = [(p / 100, q / 100) for p in range(1, 100) for q in range(1, 100)]
    equal = [(p, q) for p, q in grid if abs(coin(p, q) - coin(q, p)) < 1e-9]
    elsewhere = [(p, q) for p, q in equal if p != q and round(p + q, 9) != 1]
    print(f"{len(grid)} pairs: {len(equal)} equal, {len(elsewhere)} of them elsewhere")


def softmax_terms() -> None:
    print(f"softmax of the introduction: {listed(vector([2.1, 1.3, 3.5, 0.9]).softmax(0), 3)}")
    s, t = vector([1.0, 5.0]), vector([0.0, 0.0])
    terms = (s.softmax(0) - t.softmax(0)) * (s - t)
    print(f"terms for [1, 5], [0, 0]: {listed(terms)}; sum {float(terms.sum()):.4f}")
    s, t = normal(2, 20_000, 10, generator=torch.manual_seed(0))
    terms = (s.softmax(-1) - t.softmax(-1)) * (s - t)
    rates = [100 * rows.double().mean() for rows in (terms < 0, (terms < 0).any(-1))]
    print(f"20000 random pairs: {rates[0]:.0f} % of the terms negative, ", end="")
    print(f"one in {rates[1]:.0f} % of the pairs, {int((terms.sum(-1) < 0).sum())} sums")


def curvature(s: float, t: float) -> float:
    """Second derivative of D(s, t) by s, divided by the slope of the sigmoid at s."""
    return 2 - (s - t) * math.tanh(s / 2)


def shape() -> None:
    values = [summed(s, vector(0.0)) for s in vector([3.0, 5.0, 7.0])]
    print(f"D(s, 0) at 3, 5, 7: {listed(values)}; chord at 5: {(values[0] + values[2]) / 2:.4f}")
    for t in (0.0, 2.0, 4.0):
        low, high = (brentq(curvature, *ends, args=(t,)) for ends in ((-20, 0), (t, 20)))
        print(f"D(s, {t:.0f}) is convex in s from {low:.4f} to {high:.4f}")
    two = [summed(vector(s), vector([0.0, 0.0])) for s in ([3.0, 7.0], [5.0, 5.0], [7.0, 3.0])]
    print(f"two cells, at [3, 7], [5, 5], [7, 3] from [0, 0]: {listed(two)}")
    print("distance d: largest D found, d tanh(d/4), d^2/4")
    for d in (0.1, 1.0, 4.0, 20.0):
        largest = max(summed(place + d, place) for place in vector(range(-250, 51)) / 10)
        print(f"{d:g}: {listed((largest, d * math.tanh(d / 4), d * d / 4))}")


def shifts() -> None:
    print("c: sigmoid D(s + c, t + c), softmax D(s + c, t + c)")
    for c in (0, 1, 2, 5, 10):
        print(f"{c}: {listed((summed(S + c, T + c), softmax_divergence(S + c, T + c)), 6)}")
    steps = vector([1.0, 6.0]).sigmoid() - vector([0.0, 5.0]).sigmoid()
    print(f"sigma(1) - sigma(0), sigma(6) - sigma(5): {listed(steps)}")
    s, t = vector([2.0, 1.0]), vector([1.0, 2.0])
    ways = softmax_divergence(s, t), summed(s[0] - s[1], t[0] - t[1]), summed(s, t)
    print("softmax D of [2, 1], [1, 2]; sigmoid D of 1, -1; sigmoid D of [2, 1], [1, 2]")
    print(listed(ways))
    far, near = summed(vector(-1.0), vector(1.0)), summed(vector(1.0), vector(0.0))
    print(f"D(-1, 1) = {far:.4f}, D(-1, 0) + D(0, 1) = {2 * near:.4f}")


def slopes() -> None:
    s, t = vector([1.0]).requires_grad_(), vector([2.0]).requires_grad_()
    both = [float(gradient) for gradient in torch.autograd.grad(summed(s, t), (s, t))]
    print(f"gradients at s = 1, t = 2: {listed(both)}; sum {sum(both):.4f}")
    for tau in (0.01, 1.0, 100.0):
        value = float(summed(S, vector([0.2, 0.5, 1.0]), temperature=tau))
        print(f"temperature {tau:g}: D = {value:.4f}, temperature x D = {tau * value:.4f}")
    s, t = (torch.cat([x, vector([-math.inf])]).requires_grad_() for x in (S, T))
    plain, found = ((s.sigmoid() - t.sigmoid()) * (s - t)).sum().item(), summed(s, t)
    (gradient,) = torch.autograd.grad(found, s)
    print(f"a cell at -inf: formula {plain}, D {found.item():.4f}, gradient {listed(gradient)}")
    s, t = torch.tensor([18.0, -18.0]), torch.tensor([20.0, -20.0])
    print(f"fp32: D(18, 20) = {summed(s[0], t[0]):.1e}, D(-18, -20) = {summed(s[1], t[1]):.1e}")


def scales() -> None:
    draw, nothing = torch.manual_seed(0), torch.zeros(0, 4, dtype=torch.long)
    print("mean score: sum, sample, row, cell; cross-entropy of a row")
    for mean in (0, -5, -10):
        s = torch.randn(4, 10, 128, 128, generator=draw) + mean
        t = s + 0.1 * torch.randn(s.shape, generator=draw)
        found = [sigmoid_divergence(s, t, reduction=unit) for unit in get_args(Reduction)]
        numbers = ", ".join(f"{float(f'{value:.3g}'):g}" for value in found)
        print(f"{mean}: {numbers}; {multilabel_cross_entropy(s, nothing).mean():.1f}")
    cells = torch.cat([vector([2.0]), normal(16_383, generator=draw) - 5])
    part = summed(cells[0] + 0.1, cells[0]) / summed(cells + 0.1, cells)
    print(f"part of one entity at 2 among 16383 cells near -5: {100 * part:.2f} %")
    s = normal(50, generator=draw) - 3
    print(
        f"50 scores near -3, all + 6: {int(((s > 0) != (s > -6)).sum())} decisions turned; ", end=""
    )
    print(f"softmax {softmax_divergence(s + 6, s).abs():.4f}, sigmoid {summed(s + 6, s):.0f}")
    s, t = (torch.cat([vector([one]), vector([-20.0] * 1274)]) for one in (-12.0, -18.0))
    print("1275 scores at -20, but one at -12 or -18: 0 decisions turned; ", end="")
    print(f"softmax {softmax_divergence(s, t):.4f}, sigmoid {summed(s, t):.6f}")


def power_iteration(xi: float = 1e-3) -> None:
    draw = torch.manual_seed(0)
    weight, clean, direction = (normal(shape, generator=draw) for shape in ((5, 8), 5, 8))
    slopes = clean.sigmoid() * (1 - clean.sigmoid())
    values, vectors = torch.linalg.eigh(weight.T @ torch.diag(slopes) @ weight)

    def gradient(r: torch.Tensor) -> torch.Tensor:
        r.requires_grad_()
        return torch.autograd.grad(summed(clean + weight @ r, clean), r)[0]

    print(f"VAT: norm of the gradient at r = 0: {gradient(torch.zeros_like(direction)).norm():.0f}")
    cosines = []
    for _ in range(9):
        cosines.append((vectors[:, -1] @ direction / direction.norm()).abs())
        direction = gradient(xi * direction / direction.norm())
    numbers = listed(cosines[number] for number in (0, 1, 2, 4, 8))
    print(f"|cos| to eigenvector 1 after 0, 1, 2, 4, 8 iterations: {numbers}")
    print(f"eigenvalue 2 / eigenvalue 1: {values[-2] / values[-1]:.3f}")


if __name__ == "__main__":
    for part in (coins, softmax_terms, shape, shifts, slopes, scales, power_iteration):
        part()
