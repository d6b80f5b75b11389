"""Multi-head self-attention over frames (Vaswani et al. 2017, arXiv 1706.03762).

Legend: ``B`` batch, ``T`` frames, ``H`` width, ``A`` heads.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class SelfAttention(nn.Module):
    """Self-attention followed by a residual connection and a layer norm.

    The key projection has no bias: the softmax would cancel it.

    Args:
        size: width H, a multiple of ``heads``.
        heads: number of heads A.
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
        """``(B, T, H)`` → ``(B, A, T, H / A)``."""
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

    def weights(self, states: Tensor, mask: Tensor) -> Tensor:
        """Weights before dropout, averaged over the heads, in fp32, ``(B, T, T)``."""
        query, key = self.split(self.query(states)), self.split(self.key(states))
        scores = (query @ key.mT).float() / query.shape[-1] ** 0.5
        scores = scores.masked_fill(~mask[:, None, None, :], float("-inf"))
        return scores.softmax(-1).mean(1)
