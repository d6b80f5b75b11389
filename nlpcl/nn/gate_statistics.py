"""What the gates of a model do while it answers: their mean, and how much they vary.

Legend: ``B`` batch, ``L`` tokens, ``H`` hidden size, ``K`` numbers of a gate: H where it has one
per channel, 1 where it has one per token.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nlpcl.core.tables import Cell, Table
from nlpcl.nn.layers.calibration_gates import CalibrationGate
from nlpcl.nn.layers.pooling import average


class GateStatistics:
    """Factors of one gate, summed over texts.

    A text's factors are first averaged over its real tokens. Variances are divided by the number of
    texts or tokens, not by one less.
    """

    def __init__(self) -> None:
        self.texts = 0
        self.total = self.squares = torch.zeros(1, dtype=torch.float64)
        self.within = 0.0
        self.is_per_token = False

    def add(self, factors: Tensor, mask: Tensor) -> None:
        """Count a batch.

        Args:
            factors: ``(B, 1, H)`` or ``(B, L, 1)``.
            mask: True at real tokens, ``(B, L)``.
        """
        factors = factors.double()
        if self.is_per_token or factors.shape[-1] == 1:
            self.is_per_token = True
            means = average(factors, mask).double()
            self.within += float(average((factors - means.unsqueeze(1)).square(), mask).sum())
        else:
            means = factors[:, 0]
        self.texts += len(means)
        self.total = self.total.to(means.device) + means.sum(0)
        self.squares = self.squares.to(means.device) + means.square().sum(0)

    @property
    def mean(self) -> Tensor:
        """Mean over texts of each number, ``(K,)``."""
        return self.total / self.texts

    @property
    def over_texts(self) -> float:
        """Standard deviation over texts: the root of the variances' mean over the numbers."""
        variances = self.squares / self.texts - self.mean.square()
        return float(variances.clamp(min=0).mean().sqrt())

    @property
    def over_tokens(self) -> float | None:
        """Standard deviation over a text's tokens: the root of the variances' mean over texts.

        None where all tokens of a text have the same factors.
        """
        return (self.within / self.texts) ** 0.5 if self.is_per_token else None


@contextlib.contextmanager
def watched(gates: Mapping[str, CalibrationGate]) -> Iterator[dict[str, GateStatistics]]:
    """Collect the statistics of gates over all that the model answers within the block."""
    found = {name: GateStatistics() for name in gates}

    def keep(statistics: GateStatistics) -> Any:
        def hook(gate: CalibrationGate, given: tuple[Tensor, Tensor], output: Tensor) -> None:
            statistics.add(gate.factors(*given), given[1])

        return hook

    handles = [gate.register_forward_hook(keep(found[name])) for name, gate in gates.items()]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


@contextlib.contextmanager
def replaced(module: nn.Module, function: Any) -> Iterator[None]:
    """Let a module return what ``function`` returns for the same inputs, within the block."""
    handle = module.register_forward_hook(lambda module, given, output: function(*given))
    try:
        yield
    finally:
        handle.remove()


def gate_table(gates: Mapping[str, GateStatistics], test: str) -> Table:
    """Build a table of gates: texts, mean factor, deviations over texts and over tokens."""
    rows: list[list[Cell]] = [
        [name, found.texts, float(found.mean.mean()), found.over_texts, found.over_tokens]
        for name, found in gates.items()
        if found.texts
    ]
    note = "Factors by which states are multiplied; deviation of a text's factors (per channel, or "
    note += "averaged over its tokens) over the texts, and of those of its tokens. Near 0 the gate "
    note += "is a constant; nlpcl eval RUN --by module shows whether answers depend on more."
    columns = ["gate", "texts", "mean", "std over texts", "std over tokens"]
    return Table("gates", columns, rows, title=f"Gates, {test} test", note=note, digits=4)
