"""Gated recurrent units that read each clip as if it stood alone.

Legend: ``B`` batch, ``T`` frames, ``H`` width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class BidirectionalGRU(nn.Module):
    """A bidirectional GRU; its backward half starts at a clip's last real frame.

    It computes in its weights' type whatever the autocast, because a recurrence adds up the
    rounding of all its steps.

    Args:
        size: width of the input.
        hidden: width of each direction.
        layers: how many, each on top of the one before.
        dropout: share of the states between layers that are dropped while training.
    """

    def __init__(self, size: int, hidden: int, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.gru = nn.GRU(
            size,
            hidden,
            num_layers=layers,
            # Behind the last layer there is none, and torch warns of it for a single one.
            dropout=dropout if layers > 1 else 0.0,
            batch_first=True,
            bidirectional=True,
        )

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Both directions side by side, zero at padding, ``(B, T, 2 * hidden)``.

        Args:
            states: ``(B, T, H)``.
            mask: True at real frames, ``(B, T)``; padding stands behind them.
        """
        lengths = mask.sum(1).clamp(min=1).cpu()
        with torch.autocast(states.device.type, enabled=False):
            packed = pack_padded_sequence(
                states.to(next(self.gru.parameters()).dtype),
                lengths,
                batch_first=True,
                enforce_sorted=False,
            )
            output, _ = self.gru(packed)
        padded, _ = pad_packed_sequence(output, batch_first=True, total_length=states.shape[1])
        return padded


class StackedGRU(nn.Module):
    """Bidirectional layers, each with a layer norm, dropout and, where widths agree, a residual.

    Args:
        size: width of the input.
        hidden: width of each direction; the output is twice as wide.
        layers: number of layers.
        dropout: share of each layer's normalised output that is dropped while training.
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
    """Each gate's recurrent matrix orthogonal, input matrices Glorot, biases 0."""
    for name, weight in gru.named_parameters():
        # Slices do not carry the mark by which transformers spares weights from a file.
        if getattr(weight, "_is_hf_initialized", False):
            continue
        for gate in weight.detach().chunk(3):
            if "weight_hh" in name:
                nn.init.orthogonal_(gate)
            elif "weight_ih" in name:
                nn.init.xavier_uniform_(gate)
            else:
                nn.init.zeros_(gate)
