"""Terms that training adds to the loss of any model: R-Drop, VAT, FGM and PGD.

Each is a loss part of its own, exact over accumulated batches, and made from the models' usual
forward pass; a model says what its scores mean and what may be perturbed
(:attr:`ZooModel.output_activation`, :meth:`ZooModel.perturbed_module`).

R-Drop (Liang et al. 2021, arXiv 2106.14448): every row is in the batch twice, in one merged
forward pass with two dropout masks, ``L = (L₁ + L₂)/2 + λ·D``. The paper has ``L₁ + L₂ + α/2·D``,
where D is KL plus that of the reverse, so ``λ = α/4``: its α of 1 to 5 is λ of 0.25 to 1.25. Terms
that compare the items of a batch are computed in each pass by itself. The others are in
:mod:`nlpcl.training.adversarial`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from nlpcl.core.config import Divergence, RunConfig
from nlpcl.nn.model import Batch, Part, ZooModel
from nlpcl.training.adversarial import VAT, Attack
from nlpcl.training.comparison import (
    Autocast,
    Pass,
    divergence,
    divergence_kind,
    scores_of,
    units_compared,
)
from nlpcl.training.perturbation import Perturbation


@dataclass(frozen=True)
class RDrop:
    """The divergence of the two passes of a merged batch.

    Args:
        weight: λ.
        kind: of divergence, or ``auto``.
        delay: epochs without it.
        ramp: epochs in which the weight then rises from 0 to λ.
    """

    weight: float
    kind: Divergence = "auto"
    delay: float = 0.0
    ramp: float = 0.0

    def weight_at(self, epochs: float) -> float:
        """The weight when so many epochs are done.

        Args:
            epochs: done, with their fraction.
        """
        if epochs < self.delay:
            return 0.0
        return self.weight * min(1.0, (epochs - self.delay) / self.ramp if self.ramp else 1.0)

    def total(self, one: Pass) -> Tensor:
        """The divergence, summed over the batch's units."""
        kind = divergence_kind(one.model, self.kind, "--rdrop")
        first, second = scores_of(one.model, one.output, one.batch["labels"]).halves()
        return divergence(one.model, kind, first, second, one.autocast)


@dataclass
class Regularisers:
    """The terms that a training adds.

    Args:
        rdrop: R-Drop, if any.
        vat: VAT, if any.
        attacks: by their names.
        autocast: the training's precision.
    """

    rdrop: RDrop | None = None
    vat: VAT | None = None
    attacks: Mapping[str, Attack] = field(default_factory=dict)
    autocast: Autocast = contextlib.nullcontext
    weight: float = 0.0
    """Of R-Drop at present."""

    def __post_init__(self) -> None:
        self.begin(float("inf"))

    @classmethod
    def of(cls, config: RunConfig, autocast: Autocast = contextlib.nullcontext) -> Regularisers:
        """Those that a configuration asks for."""
        rdrop = vat = None
        if config.rdrop:
            rdrop = RDrop(
                config.rdrop, config.rdrop_divergence, config.rdrop_delay, config.rdrop_ramp
            )
        if config.vat:
            vat = VAT(
                config.vat,
                config.vat_weight,
                config.vat_divergence,
                config.vat_xi,
                config.vat_iterations,
            )
        attacks = {}
        if config.fgm:
            attacks["fgm"] = Attack(config.fgm, config.fgm)
        if config.pgd:
            step = config.pgd * config.pgd_step_size
            attacks["pgd"] = Attack(config.pgd, step, config.pgd_steps)
        return cls(rdrop, vat, attacks, autocast)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.rdrop or self.vat or self.attacks)

    def begin(self, epochs: float) -> None:
        """Set the weight of R-Drop for the next update.

        Args:
            epochs: done so far, with their fraction.
        """
        self.weight = self.rdrop.weight_at(epochs) if self.rdrop else 0.0

    def scheduled(self) -> dict[str, float]:
        """Values that :meth:`begin` sets, by their column in ``history.csv``."""
        changes = self.rdrop and (self.rdrop.delay or self.rdrop.ramp)
        return {"rdrop_weight": self.weight} if changes else {}

    @property
    def passes(self) -> int:
        """How often each row is in a batch."""
        return 2 if self.weight else 1

    def batch(self, plain: Batch) -> Batch:
        """The batch that is run: all rows, or all rows twice."""
        if self.passes == 1:
            return plain
        return {name: torch.cat([values, values]) for name, values in plain.items()}

    @contextlib.contextmanager
    def watching(self, model: ZooModel) -> Iterator[Perturbation | None]:
        """Around the usual forward pass: each row in as many passes, the input watched."""
        model.passes, watched = self.passes, Perturbation() if self.attacks else None
        around: AbstractContextManager[object] = contextlib.nullcontext()
        if watched is not None:
            around = watched.of(model)
        with around:
            yield watched

    def counts(self, model: ZooModel, plain: Sequence[Batch]) -> dict[str, Tensor]:
        """Number of units of each term in the batches of an update."""
        counts = dict.fromkeys(self.attacks, torch.ones(()))
        if self.weight or self.vat:
            units = torch.stack([units_compared(model, batch) for batch in plain]).sum()
            counts |= {"rdrop": units, "vat": units}
        return counts

    def parts(self, one: Pass, counts: Mapping[str, Tensor]) -> dict[str, Part]:
        """The added terms of a batch.

        Args:
            one: its usual pass.
            counts: those of :meth:`counts`.
        """
        parts = {}
        if self.rdrop and self.weight:
            parts["rdrop"] = Part(self.rdrop.total(one), counts["rdrop"], self.weight)
        for name, attack in self.attacks.items():
            parts[name] = Part(attack.total(one), counts[name])
        if self.vat:
            parts["vat"] = Part(self.vat.total(one), counts["vat"], self.vat.weight)
        return parts
