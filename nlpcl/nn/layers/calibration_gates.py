"""Gates that calibrate the states of a text: each state is multiplied by a number.

They differ in what has a number of its own (a channel or a token) and what it is computed from. All
ignore padding, so that real tokens get the same number whatever follows them; none sees a label.

The number is ``m σ(e)`` with a learned evidence ``e`` that begins near 0. With the ceiling m = 2,
which is ``1 + tanh(e / 2)``, a new gate leaves the states nearly as they are; with m = 1, the form
of squeeze-and-excitation, it halves them, so that what follows has to make that good first.

Legend: ``B`` batch, ``L`` tokens, ``H`` hidden size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nlpcl.nn.layers.pooling import average
from nlpcl.nn.layers.positions import sinusoids


class CalibrationGate(nn.Module):
    """Base class: ``g(x) * x``, or with a residual ``λ g(x) * x + (1 - λ) x`` with a learned λ.

    Args:
        residual: whether to mix in the ungated states; λ is 1/2 initially.
        ceiling: m, which bounds the gates from above; they begin near half of it.
    """

    def __init__(self, *, residual: bool = False, ceiling: float = 2.0) -> None:
        super().__init__()
        self.mixture = nn.Parameter(torch.zeros(1)) if residual else None
        self.ceiling = ceiling

    def reset_parameters(self) -> None:
        """Initialise the gate's own parameters, not those of its modules: they begin at 0."""
        for weight in self.parameters(recurse=False):
            nn.init.zeros_(weight)

    def gates(self, states: Tensor, mask: Tensor) -> Tensor:
        """The numbers between 0 and the ceiling, ``(B, 1, H)`` or ``(B, L, 1)``.

        Args:
            states: ``(B, L, H)``.
            mask: True at real tokens, ``(B, L)``.
        """
        raise TypeError(f"{type(self).__name__} defines no gates()")

    def factors(self, states: Tensor, mask: Tensor) -> Tensor:
        """The factors of the states, residual included; shaped like the gates."""
        gates = self.gates(states, mask)
        if self.mixture is None:
            return gates
        weight = self.mixture.sigmoid()
        return weight * gates + (1 - weight)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Calibrated states, ``(B, L, H)``; the arguments are those of :meth:`gates`."""
        return states * self.factors(states, mask).to(states.dtype)

    def parts(self) -> dict[str, nn.Module]:
        """Modules that can be bypassed one by one: each returns its first input, modified."""
        return {}


def narrow(size: int, reduction: int) -> int:
    """Width of a gate's bottleneck: ``size / reduction``, but at least 8.

    Fewer ReLU units may all be 0 for every text, and then none of them is trained.
    """
    return max(8, size // reduction)


class ChannelGate(CalibrationGate):
    """One gate per channel for the whole text, from the mean of its tokens (``original``).

    ``σ(W₂ ReLU(W₁ mean_t x_t))``: squeeze-and-excitation, Hu et al. 2018, arXiv 1709.01507. It does
    not depend on the order of the states.

    Args:
        size: H.
        reduction: reduction ratio of the bottleneck.
        residual, ceiling: see :class:`CalibrationGate`.
    """

    def __init__(
        self, size: int, *, reduction: int = 16, residual: bool = False, ceiling: float = 2.0
    ) -> None:
        super().__init__(residual=residual, ceiling=ceiling)
        middle = narrow(size, reduction)
        self.excitation = nn.Sequential(nn.Linear(size, middle), nn.ReLU(), nn.Linear(middle, size))

    def gates(self, states: Tensor, mask: Tensor) -> Tensor:
        """``(B, 1, H)``."""
        squeezed = average(states, mask).to(states.dtype)
        return self.ceiling * self.excitation(squeezed).sigmoid().unsqueeze(1)


class ConstantGate(CalibrationGate):
    """One learned number per channel that is the same for every text (``constant``).

    The control of the other gates: what it does for the scores comes of rescaling the channels,
    which a head could do too, and not of looking at the text.

    Args:
        size: H.
        residual, ceiling: see :class:`CalibrationGate`.
    """

    def __init__(self, size: int, *, residual: bool = False, ceiling: float = 2.0) -> None:
        super().__init__(residual=residual, ceiling=ceiling)
        self.evidence = nn.Parameter(torch.empty(size))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The evidence begins as torch initialises the biases of a layer of that width."""
        super().reset_parameters()
        bound = 1 / math.sqrt(len(self.evidence))
        nn.init.uniform_(self.evidence, -bound, bound)

    def gates(self, states: Tensor, mask: Tensor) -> Tensor:
        """``(B, 1, H)``."""
        return self.ceiling * self.evidence.sigmoid().expand(len(states), 1, -1)


class SpanEvidence(nn.Module):
    """Evidence of the span around each token for its gate, added to that of the other spans.

    Args:
        size: H.
        width: tokens of the span, odd.
        channels: output channels of the convolution.
    """

    def __init__(self, size: int, width: int, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(size, channels, width, padding=width // 2)
        self.activation = nn.GELU()
        self.weighing = nn.Linear(channels, 1, bias=False)

    def forward(self, evidence: Tensor, states: Tensor) -> Tensor:
        """Evidence ``(B, L, 1)`` → the same shape; states ``(B, L, H)`` must be 0 at padding."""
        return evidence + self.weighing(self.activation(self.convolution(states.mT)).mT)


class SpanGate(CalibrationGate):
    """One gate per token, from parallel convolutions over the spans around it (``span``).

    ``σ(b + Σ_w v_w · GELU(conv_w(x))_t)``, which equals one linear layer on the concatenated
    convolutions. Padding is set to 0 before each convolution.

    Args:
        size: H.
        windows: span widths; odd, since an even span has no middle token.
        reduction: the convolutions have H / reduction channels.
        residual, ceiling: see :class:`CalibrationGate`.

    Raises:
        ValueError: an even window.
    """

    def __init__(
        self,
        size: int,
        *,
        windows: Sequence[int] = (1, 3, 5),
        reduction: int = 16,
        residual: bool = False,
        ceiling: float = 2.0,
    ) -> None:
        super().__init__(residual=residual, ceiling=ceiling)
        if not windows or any(width < 1 or width % 2 == 0 for width in windows):
            raise ValueError(f"windows must be odd numbers, not {list(windows)}")
        channels = narrow(size, reduction)
        self.windows = tuple(windows)
        self.spans = nn.ModuleList([SpanEvidence(size, width, channels) for width in windows])
        self.bias = nn.Parameter(torch.zeros(1))

    def gates(self, states: Tensor, mask: Tensor) -> Tensor:
        """``(B, L, 1)``."""
        real = states.masked_fill(~mask.unsqueeze(-1), 0.0)
        evidence = self.bias.to(states.dtype).expand(*mask.shape, 1)
        for span in self.spans:
            evidence = span(evidence, real)
        return self.ceiling * evidence.sigmoid()

    def parts(self) -> dict[str, nn.Module]:
        """The span modules, named by their width."""
        named = zip(self.windows, self.spans, strict=True)
        return {f"window {width}": span for width, span in named}


def weighing(size: int, reduction: int) -> nn.Sequential:
    """A two-layer network from a vector of ``size`` to one logit."""
    middle = narrow(size, reduction)
    return nn.Sequential(nn.Linear(size, middle), nn.GELU(), nn.Linear(middle, 1))


class PositionWeight(nn.Module):
    """A weight for each position in the text, from its sinusoidal encoding.

    Args:
        size: width of the encoding.
        reduction: reduction ratio of the bottleneck.
        ceiling: m; the weight lies between 0 and m.
    """

    def __init__(self, size: int, reduction: int, ceiling: float) -> None:
        super().__init__()
        self.size, self.ceiling = size, ceiling
        self.network = weighing(size, reduction)

    def forward(self, gate: Tensor, mask: Tensor) -> Tensor:
        """A gate ``(B, L, 1)`` times the weights; positions count from the first real token."""
        places = (mask.long().cumsum(1) - 1).clamp(min=0)
        table = sinusoids(mask.shape[1], self.size, mask.device).to(gate.dtype)
        return gate * self.ceiling * self.network(table).sigmoid()[places]


class SemanticWeight(nn.Module):
    """A weight for each token, from its state.

    Args:
        size: H.
        reduction: reduction ratio of the bottleneck.
        ceiling: m; the weight lies between 0 and m.
    """

    def __init__(self, size: int, reduction: int, ceiling: float) -> None:
        super().__init__()
        self.ceiling = ceiling
        self.network = weighing(size, reduction)

    def forward(self, gate: Tensor, states: Tensor) -> Tensor:
        """A gate ``(B, L, 1)`` times the weights of states ``(B, L, H)``."""
        return gate * self.ceiling * self.network(states).sigmoid()


class PositionGate(CalibrationGate):
    """One gate per token: the weight of its position times that of its state (``position``).

    Args:
        size: H.
        reduction: reduction ratio of the two bottlenecks.
        residual: see :class:`CalibrationGate`.
        ceiling: of each of the two weights.
    """

    def __init__(
        self, size: int, *, reduction: int = 16, residual: bool = False, ceiling: float = 2.0
    ) -> None:
        super().__init__(residual=residual, ceiling=ceiling)
        self.position = PositionWeight(size, reduction, ceiling)
        self.semantic = SemanticWeight(size, reduction, ceiling)

    def gates(self, states: Tensor, mask: Tensor) -> Tensor:
        """``(B, L, 1)``."""
        ones = torch.ones_like(states[..., :1])
        return self.semantic(self.position(ones, mask), states)

    def parts(self) -> dict[str, nn.Module]:
        """The modules of the two weights."""
        return {"position weight": self.position, "semantic weight": self.semantic}


def calibration_gate(
    variant: str,
    size: int,
    *,
    windows: Sequence[int],
    reduction: int,
    residual: bool,
    ceiling: float,
) -> CalibrationGate | None:
    """The gate of a variant of ASRM; None for ``none``.

    ``contrastive`` has the gate of ``original``: it differs in the loss.
    """
    if variant == "none":
        return None
    if variant == "constant":
        return ConstantGate(size, residual=residual, ceiling=ceiling)
    if variant == "span":
        return SpanGate(
            size, windows=windows, reduction=reduction, residual=residual, ceiling=ceiling
        )
    kind = PositionGate if variant == "position" else ChannelGate
    return kind(size, reduction=reduction, residual=residual, ceiling=ceiling)
