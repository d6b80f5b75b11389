"""Training against perturbed inputs: VAT, FGM and PGD.

- **VAT** (Miyato et al. 2018, arXiv 1704.03976; on embeddings 2017, arXiv 1605.07725):
  ``D(f(x + r), f(x))`` with the clean side constant, r of size ε along the direction that moves the
  scores most, by power iteration from a random one. All passes have the dropout of the first.
  Difference from the papers: the divergence is symmetric, whose curvature is twice that of KL.
- **FGM** (Miyato et al. 2017): the loss once more at ``x + r``, r of size ε along its gradient.
- **PGD** (Madry et al. 2018, arXiv 1706.06083): r found in several steps, each along the gradient
  where the last one ended, kept within size ε.

Each row of the embedding layer's output is perturbed by itself, where common recipes for FGM and
PGD perturb the embedding matrix, by one norm for the whole batch: so a row's perturbation depends
on no other row. Loss terms that compare items (contrasts) are not attacked.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from nlpcl.core.config import Divergence
from nlpcl.nn.model import Batch, Output
from nlpcl.training import perturbation
from nlpcl.training.comparison import Pass, Scores, divergence, divergence_kind, scores_alone
from nlpcl.training.perturbation import Perturbation, sized, statistics_kept, within
from nlpcl.training.process import random_state, set_random_state


@dataclass(frozen=True)
class VAT:
    """The divergence from the clean scores under the perturbation that moves them most.

    Args:
        size: ε, in the unit of :mod:`nlpcl.training.perturbation`.
        weight: of the term.
        kind: of divergence, or ``auto``.
        xi: size of the perturbation in the search: at 0 the gradient is 0.
        iterations: power iterations.
    """

    size: float
    weight: float = 1.0
    kind: Divergence = "auto"
    xi: float = 1.0
    iterations: int = 1

    def total(self, one: Pass) -> Tensor:
        """The divergence, summed over the batch's units."""
        kind = divergence_kind(one.model, self.kind, "--vat")
        dropout, seen = random_state(), Perturbation()
        with statistics_kept(one.model):
            clean = self.scores(one, seen).detached()
            values = seen.perturbed
            direction = perturbation.random_direction(values) * real_places(one.plain, values)
            after = random_state()
            for _ in range(self.iterations):
                tried = Perturbation(sized(direction, values, self.xi).requires_grad_())
                set_random_state(dropout)
                moved = self.scores(one, tried)
                direction = tried.gradient(divergence(one.model, kind, moved, clean, one.autocast))
            set_random_state(dropout)
            moved = self.scores(one, Perturbation(sized(direction, values, self.size)))
            found = divergence(one.model, kind, moved, clean, one.autocast)
        set_random_state(after)
        return found

    def scores(self, one: Pass, perturbed: Perturbation) -> Scores:
        """The scores of the rows under a perturbation."""
        with perturbed.of(one.model):
            # Not under no_grad(): other kernels, with other dropout, might be chosen there.
            return scores_alone(one.model, one.run, one.plain, one.autocast)


@dataclass(frozen=True)
class Attack:
    """The loss at a perturbed input: FGM with one step, PGD with several.

    Args:
        size: ε, in the unit of :mod:`nlpcl.training.perturbation`.
        step: size of a step.
        steps: their number.
    """

    size: float
    step: float
    steps: int = 1

    def total(self, one: Pass) -> Tensor:
        """The loss there, with the counts of the update."""
        assert one.watched is not None
        gradient = one.watched.gradient(attacked(one, one.output), keep=True)
        values = one.watched.perturbed
        added = sized(gradient, values, self.step)
        with statistics_kept(one.model):
            for _ in range(self.steps - 1):
                tried = Perturbation(added.requires_grad_())
                gradient = tried.gradient(self.loss(one, tried))
                added = added.detach() + sized(gradient, values, self.step)
                added = within(added, gradient, values, self.size)
            return self.loss(one, Perturbation(added.detach()))

    def loss(self, one: Pass, perturbed: Perturbation) -> Tensor:
        """The loss of the batch under a perturbation."""
        with perturbed.of(one.model):
            return attacked(one, one.run(one.batch))


def attacked(one: Pass, output: Output) -> Tensor:
    """The terms of a pass that are of single items, weighted and summed."""
    parts = {n: part for n, part in (output.parts or {}).items() if not part.is_coupled}
    return one.loss(parts)


def real_places(batch: Batch, values: Tensor) -> Tensor:
    """1 at tokens or frames, 0 at padding, ``(B, L, 1)``.

    Args:
        batch: the rows.
        values: what is perturbed, ``(B, L, H)``; frames are 0 at padding.
    """
    real = (values != 0).any(-1, keepdim=True)
    mask = batch.get("attention_mask")
    if mask is not None and mask.shape == values.shape[:2]:
        real = real & mask.bool().unsqueeze(-1)
    return real.to(values.dtype)
