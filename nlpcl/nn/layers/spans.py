"""Heads that score every span of a text for every type: GlobalPointer and its efficient form.

Legend: ``B`` batch, ``L`` tokens, ``H`` hidden size, ``C`` types, ``D`` size of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

BASE = 10000.0
"""Base of the wave lengths of rotary positions (Su et al. 2021, arXiv 2104.09864)."""


def rotated(vectors: Tensor) -> Tensor:
    """Vectors turned by their position, so that a product of two depends on their distance.

    Pairs of neighbouring components (2i, 2i + 1) of position m are turned by ``m · BASE^(-2i/D)``.

    Args:
        vectors: ``(..., L, D)`` with an even D.
    """
    length, size = vectors.shape[-2:]
    rates = BASE ** (-torch.arange(0, size, 2, device=vectors.device) / size)
    angles = torch.arange(length, device=vectors.device).unsqueeze(1) * rates  # (L, D/2)
    cos, sin = angles.cos().to(vectors.dtype), angles.sin().to(vectors.dtype)
    even, odd = vectors[..., ::2], vectors[..., 1::2]
    return torch.stack([even * cos - odd * sin, odd * cos + even * sin], -1).flatten(-2)


def possible_spans(starts: Tensor, ends: Tensor) -> Tensor:
    """True where a span may be, from its first token to its last, ``(B, L, L)``.

    Args:
        starts: True at tokens where a span may start, ``(B, L)``; not at pads, not at special
            tokens.
        ends: the same of its end.
    """
    return (starts.unsqueeze(2) & ends.unsqueeze(1)).triu()


class GlobalHead(nn.Module):
    """GlobalPointer: a query and a key of each type, ``s(m, n) = q_m · k_n / √D``.

    Su 2021 (spaces.ac.cn/archives/8373) and Su et al. 2022 (arXiv 2208.03054).

    Args:
        hidden: size of the states, ``H``.
        types: number of types, ``C``.
        size: of a query and a key, ``D``.
        is_rotary: whether they are turned by their position.
    """

    def __init__(self, hidden: int, types: int, size: int, is_rotary: bool) -> None:
        super().__init__()
        self.types, self.size, self.is_rotary = types, size, is_rotary
        self.projection = nn.Linear(hidden, 2 * types * size)

    def forward(self, states: Tensor) -> Tensor:
        """Scores of all pairs of tokens, ``(B, C, L, L)``, of states ``(B, L, H)``."""
        shape = (*states.shape[:2], self.types, 2, self.size)
        query, key = self.projection(states).view(shape).permute(3, 0, 2, 1, 4)  # (B, C, L, D)
        if self.is_rotary:
            query, key = rotated(query), rotated(key)
        return (query * self.size**-0.5) @ key.transpose(2, 3)


class EfficientHead(nn.Module):
    """EfficientGlobalPointer: one score of spans for all types, one of starts and ends for each.

    ``s_c(m, n) = q_m · k_n / √D + a_c(m) + b_c(n)`` (Su 2022, spaces.ac.cn/archives/8877), a and b
    from query and key before they are turned, and halved. Queries are the first half of the
    projection, as in bert4torch; in bert4keras they are its even components, so weights of the two
    differ by a permutation.

    The arguments are those of :class:`GlobalHead`.
    """

    def __init__(self, hidden: int, types: int, size: int, is_rotary: bool) -> None:
        super().__init__()
        self.types, self.size, self.is_rotary = types, size, is_rotary
        self.projection = nn.Linear(hidden, 2 * size)
        self.edges = nn.Linear(2 * size, 2 * types)

    def forward(self, states: Tensor) -> Tensor:
        """Scores of all pairs of tokens, ``(B, C, L, L)``, of states ``(B, L, H)``."""
        projected = self.projection(states)
        start, end = (self.edges(projected) / 2).transpose(1, 2).chunk(2, 1)  # (B, C, L)
        query, key = projected.chunk(2, -1)  # (B, L, D)
        if self.is_rotary:
            query, key = rotated(query), rotated(key)
        scores = (query * self.size**-0.5) @ key.transpose(1, 2)
        return scores.unsqueeze(1) + start.unsqueeze(3) + end.unsqueeze(2)


HEADS = {"global": GlobalHead, "efficient": EfficientHead}
