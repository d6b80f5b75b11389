"""Gated recurrent units for padded batches, in which padding reaches no real frame.

Legend: ``B`` batch, ``T`` frames, ``H`` width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BidirectionalGRU(nn.Module):
    """A bidirectional GRU whose backward direction starts at the last real frame of a clip.

    Each direction is a separate GRU; the backward one reads the clips reversed. Padding then comes
    last for both and cannot reach a real frame, so no sequence needs packing, which is three times
    as fast on a CPU (bf16, 120 frames of width 512).

    Args:
        size: input size.
        hidden: hidden size of each direction.
        layers: number of stacked layers.
        dropout: dropout probability between layers.
    """

    def __init__(self, size: int, hidden: int, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        sizes = [size, *[2 * hidden] * (layers - 1)]
        self.ahead = nn.ModuleList(nn.GRU(each, hidden, batch_first=True) for each in sizes)
        self.back = nn.ModuleList(nn.GRU(each, hidden, batch_first=True) for each in sizes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """The concatenated directions, zero at padding, ``(B, T, 2 * hidden)``.

        Args:
            states: ``(B, T, H)``.
            mask: True at real frames, ``(B, T)``; padding follows them.
        """
        places = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
        turned = torch.where(mask, mask.sum(1, keepdim=True) - 1 - places, places)
        for number, (ahead, back) in enumerate(zip(self.ahead, self.back, strict=True)):
            if number:
                states = self.dropout(states)
            forward, _ = ahead(states)
            backward, _ = back(at_places(states, turned))
            states = torch.cat([forward, at_places(backward, turned)], dim=-1)
            states = states.masked_fill(~mask.unsqueeze(-1), 0.0)
        return states


def at_places(states: Tensor, places: Tensor) -> Tensor:
    """Frames ``(B, T, H)`` gathered in the order ``places``, ``(B, T)``."""
    return states.gather(1, places.unsqueeze(-1).expand(-1, -1, states.shape[-1]))


class StackedGRU(nn.Module):
    """Bidirectional GRU layers, each with layer norm, dropout and, if widths agree, a residual.

    Args:
        size: input size.
        hidden: hidden size of each direction; the output is twice as wide.
        layers: number of layers.
        dropout: dropout probability of each layer's normalised output.
    """

    def __init__(self, size: int, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        sizes = [size, *[2 * hidden] * (layers - 1)]
        self.layers = nn.ModuleList(BidirectionalGRU(each, hidden) for each in sizes)
        self.norms = nn.ModuleList(nn.LayerNorm(2 * hidden) for _ in sizes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """``(B, T, H)`` → ``(B, T, 2 * hidden)``."""
        for layer, norm in zip(self.layers, self.norms, strict=True):
            found = self.dropout(norm(layer(states, mask)))
            states = states + found if states.shape == found.shape else found
        return states


def initialise_gru(gru: nn.GRU) -> None:
    """Initialise each gate: recurrent matrix orthogonal, input matrix Glorot, biases 0."""
    for name, weight in gru.named_parameters():
        # Slices lack the mark by which transformers protects weights loaded from a file.
        if getattr(weight, "_is_hf_initialized", False):
            continue
        for gate in weight.detach().chunk(3):
            if "weight_hh" in name:
                nn.init.orthogonal_(gate)
            elif "weight_ih" in name:
                nn.init.xavier_uniform_(gate)
            else:
                nn.init.zeros_(gate)
