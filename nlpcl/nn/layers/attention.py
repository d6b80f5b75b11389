"""Attention of each frame of a clip to all frames of the clip, with a single head or several.

Legend: ``B`` batch, ``T`` frames, ``H`` width, ``N`` heads, ``A`` hidden width of ``concat``.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from nlpcl.nn.layers.pooling import average

Kind = Literal["dot", "general", "general2", "concat"]

COMPARED = 64
"""Hidden width A of the additive score ``concat``."""

AT_ONCE = 2**22
"""Most numbers that ``concat`` holds in memory at once, out of ``T * T * A`` per clip."""


class MatchingAttention(nn.Module):
    """``softmax(score(q, m))``-weighted means of a clip's frames m, one for each of its frames q.

    Source: DialogueRNN (Majumder et al., AAAI 2019, arXiv 1811.00405). Differences from it: frames
    attend within their own clip and never across the batch, padding is masked before the softmax
    in every kind, scores of the product kinds are divided by √H, and all queries are computed at
    once.

    The score is, by kind: ``dot`` q·m/√H; ``general`` (Wq)·m/√H; ``general2``
    tanh((Wq + b)·m/√H); ``concat`` v·tanh(W[m; q]).

    Args:
        size: width H.
        kind: how a query frame is scored against a memory frame.
    """

    def __init__(self, size: int, kind: Kind = "general") -> None:
        super().__init__()
        self.kind = kind
        self.scale = 1 / math.sqrt(size)
        if kind in {"general", "general2"}:
            self.transform = nn.Linear(size, size, bias=kind == "general2")
        elif kind == "concat":
            self.of_memory = nn.Linear(size, COMPARED, bias=False)
            self.of_query = nn.Linear(size, COMPARED, bias=False)
            self.vector = nn.Linear(COMPARED, 1, bias=False)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """A weighted mean for each frame, ``(B, T, H)``.

        Args:
            states: ``(B, T, H)``.
            mask: True at real frames, ``(B, T)``; at least one a clip.
        """
        if self.kind in {"dot", "general"}:
            query = self.transform(states) if self.kind == "general" else states
            # The same as weights() @ states, but without a (T, T) matrix in memory. The fused
            # kernels expect a dimension for heads.
            query, memory = query.unsqueeze(1), states.unsqueeze(1)
            return functional.scaled_dot_product_attention(
                query, memory, memory, attn_mask=mask[:, None, None, :]
            ).squeeze(1)
        return self.weights(states, mask).to(states.dtype) @ states

    def uniform(self, states: Tensor, mask: Tensor) -> Tensor:
        """:meth:`forward` as it is if every frame attends to all frames of its clip equally."""
        return average(states, mask).to(states.dtype).unsqueeze(1).expand_as(states)

    def weights(self, states: Tensor, mask: Tensor) -> Tensor:
        """Weights of all frames (columns) for each frame (row), in fp32, ``(B, T, T)``."""
        scores = self.scores(states).float()
        return scores.masked_fill(~mask.unsqueeze(1), float("-inf")).softmax(-1)

    def scores(self, states: Tensor) -> Tensor:
        """Scores of each query frame (row) against each memory frame (column), ``(B, T, T)``."""
        if self.kind == "concat":
            memory, query = self.of_memory(states), self.of_query(states)
            rows = max(1, AT_ONCE // max(1, memory.numel()))
            parts = [self.additive_scores(memory, some) for some in query.split(rows, dim=1)]
            return torch.cat(parts, dim=1)
        query = states if self.kind == "dot" else self.transform(states)
        scores = query @ states.mT * self.scale
        return scores.tanh() if self.kind == "general2" else scores

    def additive_scores(self, memory: Tensor, query: Tensor) -> Tensor:
        """Scores ``concat`` of some query frames; the backward pass recomputes the pairwise sums.

        Args:
            memory: ``(B, T, A)``.
            query: ``(B, Q, A)``.
        """

        def score(memory: Tensor, query: Tensor) -> Tensor:
            return self.vector((memory.unsqueeze(1) + query.unsqueeze(2)).tanh()).squeeze(-1)

        if torch.is_grad_enabled():
            return checkpoint(score, memory, query, use_reentrant=False)
        return score(memory, query)


class SelfAttention(nn.Module):
    """Multi-head attention (Vaswani et al. 2017, arXiv 1706.03762), a residual and a layer norm.

    The key projection has no bias: the softmax would cancel it.

    Args:
        size: width H, a multiple of ``heads``.
        heads: number of heads N.
        dropout: dropout probability of the attention weights.
    """

    def __init__(self, size: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(size, size)
        self.key = nn.Linear(size, size, bias=False)
        self.value = nn.Linear(size, size)
        self.out = nn.Linear(size, size)
        self.norm = nn.LayerNorm(size)

    def split(self, states: Tensor) -> Tensor:
        """``(B, T, H)`` → ``(B, N, T, H / N)``."""
        return states.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Attended states, of the same shape.

        Args:
            states: ``(B, T, H)``.
            mask: True at real frames, ``(B, T)``; at least one a clip.
        """
        attended = functional.scaled_dot_product_attention(
            self.split(self.query(states)),
            self.split(self.key(states)),
            self.split(self.value(states)),
            attn_mask=mask[:, None, None, :],
            dropout_p=self.dropout if self.training else 0.0,
        )
        return self.norm(states + self.out(attended.transpose(1, 2).flatten(2)))

    def uniform(self, states: Tensor, mask: Tensor) -> Tensor:
        """:meth:`forward` as it is if every frame attends to all frames of its clip equally."""
        attended = average(self.value(states), mask).to(states.dtype).unsqueeze(1)
        return self.norm(states + self.out(attended))

    def weights(self, states: Tensor, mask: Tensor) -> Tensor:
        """Weights before dropout, averaged over the heads, in fp32, ``(B, T, T)``."""
        query, key = self.split(self.query(states)), self.split(self.key(states))
        scores = (query @ key.mT).float() / query.shape[-1] ** 0.5
        scores = scores.masked_fill(~mask[:, None, None, :], float("-inf"))
        return scores.softmax(-1).mean(1)
