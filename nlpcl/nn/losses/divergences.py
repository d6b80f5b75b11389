"""Symmetric divergences of two score vectors: how much two passes of a model disagree.

Both are ``D(s, t) = Σ_i (p_i - q_i)(s_i - t_i)``, with p and q made from the scores s and t by
softmax or by sigmoid:

- **softmax**, for one label of many: ``D = KL(p‖q) + KL(q‖p)``, since the two normalisers cancel.
  It is blind to a shift: ``D(s + c, t) = D(s, t)``.
- **sigmoid**, for any number of labels, each decided at score 0, as the spans of GlobalPointer: D
  is the sum over cells of ``KL(b‖b') + KL(b'‖b)`` between the Bernoulli distributions with
  probabilities σ(s_i) and σ(t_i). It sees a shift, as it must: adding 6 to all scores turns
  decisions over, at a softmax divergence of 0.

In a cell at distance ``d = |s - t|`` the latter is at most ``d tanh(d/4) ≤ min(d²/4, d)``, reached
where ``t = -s``.

Source: Su Jianlin 2022, "What should the KL divergence under GlobalPointer be?"
(spaces.ac.cn/archives/9039), with derivations that a later writer added. Proofs, and the test of
each claim, are in ``examples/divergences.md``. What of these holds:

- the identities above (eq. 4, 8, 24 to 26, theorem 8.1);
- the gradient ``∂D/∂s = σ'(s)(s - t) + σ(s) - σ(t)`` (eq. 27), and towards t the same with s and
  t exchanged: both sides get one, unless detached, and together they move the mean of two scores
  that agree on their decision away from 0;
- two classes: softmax over ``(s₁, s₂)`` is sigmoid of the one score ``s₁ - s₂`` (theorem 10.1; with
  the same two scores on both sides it is false: 0.9242 and 0.2995 for ``[2, 1]`` and ``[1, 2]``).

What does not hold:

- "KL([.9,.1]‖[.5,.5]) ≈ KL of the reverse ≈ 0.510": they are 0.368064 and 0.510826, together
  0.878890. Of two Bernoullis they are equal where q = p or q = 1 - p alone.
- every softmax term is positive (eq. 13): for ``[1, 5]`` and ``[0, 0]`` they are -0.4820 and
  2.4101. Their sum is never negative, nor is any term of the sigmoid D.
- the softmax D is positive for s ≠ t (property 4.1): it is 0 where s - t is constant.
- convexity in s (property 16.1): at t = 0 the sigmoid D is convex up to |s| = 2.39936 alone. Of one
  cell it is quasi-convex, of several not: at t = [0, 0] it is 4.8513 for ``[3, 7]`` and ``[7, 3]``,
  and 4.9331 for ``[5, 5]`` between them. But it rises along every ray from t.
- D(s + c, t + c) = D(s, t) for sigmoid (property 16.3, eq. 37): it is 0.6257, 0.4166, 0.2078,
  0.0127 for c = 0, 1, 2, 5 with ``[1, -.5, 2]`` and ``[0, .5, 1]``.

Symmetric (16.2), but no metric: of three scores the way over the middle one is always the shorter.

Legend: ``B`` batch, ``C`` classes or types, ``L`` tokens.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Reduction = Literal["sum", "sample", "row", "cell"]


def softmax_divergence(s: Tensor, t: Tensor, mask: Tensor | None = None) -> Tensor:
    """``KL(p‖q) + KL(q‖p)`` of each pair of distributions, in at least fp32, ``(...)``.

    Args:
        s: scores of one pass, ``(..., C)``.
        t: those of the other.
        mask: True at the cells that take part, broadcast to ``(..., C)``; by default all but those
            that are -inf on both sides. Others have no part in value or gradient, whatever they
            hold; a pair without a cell has divergence 0.
    """
    valid = taking_part(s, t, mask)
    s, t = (at_least_fp32(scores) for scores in (s, t))
    least = torch.finfo(s.dtype).min
    p, q = (scores.masked_fill(~valid, least).softmax(-1) for scores in (s, t))
    s, t = (scores.masked_fill(~valid, 0.0) for scores in (s, t))
    return ((p - q) * (s - t)).sum(-1)


def sigmoid_divergence(
    s: Tensor,
    t: Tensor,
    mask: Tensor | None = None,
    weights: Tensor | None = None,
    temperature: float = 1.0,
    reduction: Reduction = "row",
) -> Tensor:
    """``Σ w (σ(s/τ) - σ(t/τ))(s - t)``, the sum of binary symmetric KL divergences at τ = 1.

    By identity it is ``τ D(s/τ, t/τ)`` (eq. 39). The reduction sets the scale beside a task loss.
    Measured with 4 texts of 10 types and 128 × 128 cells, scores of deviation 1 around a mean that
    falls in training from 0 to -10, and noise of 0.1 between the passes; the multi-label
    cross-entropy, a mean over rows, is then about 10 at the start:

    - ``sum``: over all cells, 1350 → 0.5; grows with the batch.
    - ``sample``: a text, 337 → 0.12 (17.3 at -5): at the start it drowns the task.
    - ``row``: one type of one text, 33.7 → 0.012: the unit of that cross-entropy, so that a weight
      means the same for any number of types. Still large at the start: let the weight rise.
    - ``cell``: one that takes part, 0.0021 → 7e-7: hardly anything beside a mean over rows.

    Args:
        s: scores of one pass, ``(B, C, ...)``, ``(B,)`` or a single one.
        t: those of the other.
        mask: True at the cells that take part, broadcast to the shape of s; by default all but
            those that are -inf on both sides. Others add exactly 0 to value and gradient, whatever
            they hold.
        weights: of the cells, broadcast to the shape of s (eq. 38).
        temperature: τ.
        reduction: what the sum is divided by: nothing, B, B · C, or the number of cells that take
            part.

    Returns:
        A scalar in at least fp32.
    """
    valid = taking_part(s, t, mask)
    s, t = (at_least_fp32(scores).masked_fill(~valid, 0.0) for scores in (s, t))
    cells = ((s / temperature).sigmoid() - (t / temperature).sigmoid()) * (s - t)
    if weights is not None:
        cells = cells * weights
    total = cells.sum()
    if reduction == "cell":
        return total / valid.sum().clamp(min=1)
    dimensions = {"sum": 0, "sample": 1, "row": 2}[reduction]
    return total / max(1, s.shape[:dimensions].numel())


def taking_part(s: Tensor, t: Tensor, mask: Tensor | None) -> Tensor:
    """True at cells that are not masked, nor impossible on both sides, in the shape of s.

    A cell that is possible on one side alone is left in: its divergence is infinite, and whoever
    trains by it should see that.
    """
    possible = ~(s.isneginf() & t.isneginf())
    return possible if mask is None else possible & mask.bool()


def at_least_fp32(scores: Tensor) -> Tensor:
    """The scores in fp32, or in fp64 if they are."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32))
