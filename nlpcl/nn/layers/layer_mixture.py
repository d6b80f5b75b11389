"""A learned weighted sum over the layers of an encoder.

Source: ELMo's mixture (Peters et al. 2018, arXiv 1802.05365, equation 1), as SUPERB uses it.

Legend: ``B`` batch, ``K`` layers, ``T`` frames, ``H`` width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LayerMixture(nn.Module):
    """``gain * sum_k softmax(w)_k * states_k``, initially with equal weights.

    Args:
        layers: number of layers K.
    """

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(layers))
        self.gain = nn.Parameter(torch.ones(1))

    @property
    def weights(self) -> Tensor:
        """The softmax weight of each layer, ``(K,)``."""
        return self.logits.float().softmax(0)

    def forward(self, states: Tensor) -> Tensor:
        """``(B, K, T, H)`` → ``(B, T, H)``."""
        return self.gain * torch.einsum("k,bkth->bth", self.weights.to(states.dtype), states)
