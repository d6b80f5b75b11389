"""Attention of each frame of a clip to all frames of the same clip.

Source: the ``MatchingAttention`` of DialogueRNN (Majumder et al., AAAI 2019, arXiv 1811.00405).
Differences from it: frames attend within their own clip and never across the batch, padding is
masked before the softmax in every kind, scores of the product kinds are divided by √H, and all
queries are computed at once.

Legend: ``B`` batch, ``T`` frames, ``H`` width, ``A`` hidden width of ``concat``.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

Kind = Literal["dot", "general", "general2", "concat"]

COMPARED = 64
"""Hidden width A of the additive score ``concat``."""

AT_ONCE = 2**22
"""Most numbers that ``concat`` holds in memory at once, out of ``T * T * A`` per clip."""


class MatchingAttention(nn.Module):
    """``softmax(score(q, m))``-weighted means of a clip's frames m, one for each of its frames q.

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
