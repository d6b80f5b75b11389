"""Batches that are accumulated for one update, with loss terms that compare items across them.

After Gao et al. 2021 (arXiv 2101.06983, GradCache): a first pass keeps what a coupled term compares
of every batch; a second one computes the term over all of it, with gradients for its own batch
alone. These add up to the gradient of one big batch, in the memory of a small one. Difference from
the paper: the term itself is computed again for each batch, so that no gradients have to be kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.tables import Table
from nlpcl.nn.model import Batch, Output, Part, Tensors, ZooModel, weighted_sum
from nlpcl.training.comparison import Pass, Run
from nlpcl.training.perturbation import Perturbation, statistics_kept
from nlpcl.training.process import RandomState, random_state, set_random_state
from nlpcl.training.regularisers import Regularisers

NONE = Regularisers()


class Update:
    """The batches of one update, whose loss terms add up to those of one big batch.

    Args:
        model: makes coupled terms by :meth:`ZooModel.coupled_part`.
        plain: its batches, on its device.
        regularisers: add terms.
    """

    def __init__(
        self, model: ZooModel, plain: Sequence[Batch], regularisers: Regularisers = NONE
    ) -> None:
        self.model, self.plain, self.regularisers = model, plain, regularisers
        self.batches = [regularisers.batch(batch) for batch in plain]
        self.watched: Perturbation | None = None
        self.at = -1
        self.live = False
        self.counts: dict[str, Tensor] = {}
        self.kept: dict[str, dict[int, Tensors]] = defaultdict(dict)
        self.states: list[RandomState] = []

    def next_parts(self, run: Run) -> dict[str, Part]:
        """The loss terms of the next batch: its share of the sums, the counts of the update."""
        self.at += 1
        if self.at == 0:
            self.counts = total_counts(self.model, self.batches)
            self.counts |= self.regularisers.counts(self.model, self.plain)
        try:
            output = self.output(run)
            self.model.gather = None
            parts = self.shares(output.parts or {})
            if self.regularisers:
                parts |= self.added(run, output)
            return parts
        finally:
            self.model.gather, self.model.passes = None, 1

    def output(self, run: Run) -> Output:
        """The present batch, run after a first pass over all batches where one is due."""
        if len(self.batches) > 1 and self.at == 0:
            output = self.keep(run)
            if not self.kept:
                return output
            for later in range(1, len(self.batches)):
                self.at = later
                self.keep(run)
            self.at = 0
        if self.kept:
            # The dropout of the first pass.
            set_random_state(self.states[self.at])
            self.model.gather, self.live = self.gather, True
        return self.run(run)

    def keep(self, run: Run) -> Output:
        """The first pass of the present batch."""
        self.states.append(random_state())
        self.model.gather, self.live = self.gather, False
        # Not under no_grad(): other kernels, with other dropout, might be chosen there.
        return self.run(run)

    def run(self, run: Run) -> Output:
        """The forward pass of the present batch."""
        with self.regularisers.watching(self.model) as self.watched:
            return run(self.batches[self.at])

    def added(self, run: Run, output: Output) -> dict[str, Part]:
        """What regularisers add to the present batch, whose usual pass is done."""
        batch, plain = self.batches[self.at], self.plain[self.at]
        autocast = self.regularisers.autocast
        one = Pass(self.model, run, batch, plain, output, self.watched, self.weighted, autocast)
        return self.regularisers.parts(one, self.counts)

    def weighted(self, parts: Mapping[str, Part]) -> Tensor:
        """The weighted sum of terms of the present batch, as its share of the update."""
        return weighted_sum(self.shares(parts))

    def shares(self, parts: Mapping[str, Part]) -> dict[str, Part]:
        """Terms of the present batch as its shares of the update's."""
        return {name: self.share(name, part) for name, part in parts.items()}

    def gather(self, name: str, tensors: Tensors) -> Tensors:
        """What a term compares: kept in the first pass; in the second, that of all batches."""
        if not self.live:
            self.kept[name][self.at] = tuple(tensor.detach() for tensor in tensors)
            return tensors
        every = self.kept[name] | {self.at: tensors}
        return tuple(map(joined, zip(*every.values(), strict=True)))

    def share(self, name: str, part: Part) -> Part:
        """A term whose sums over the batches are those of the update, in value and gradient."""
        if name in self.kept:
            # Each batch computes the whole term, and all but its own part of the gradient is cut.
            own = part.total / len(self.kept[name])
            return part._replace(total=part.total + (own - part.total).detach())
        return part._replace(count=self.counts.get(name, part.count * len(self.batches)))


def joined(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors ``(B, ...)`` one below the other, with zeros at places that some do not have."""
    sizes = [max(size) for size in zip(*(tensor.shape[1:] for tensor in tensors), strict=True)]
    padded = []
    for tensor in tensors:
        missing = [size - own for size, own in zip(sizes, tensor.shape[1:], strict=True)]
        pads = [pad for places in reversed(missing) for pad in (0, places)]
        padded.append(functional.pad(tensor, pads) if any(missing) else tensor)
    return torch.cat(padded)


def total_counts(model: ZooModel, batches: Sequence[Batch]) -> dict[str, Tensor]:
    """Items of each loss part in all batches together, as far as the model counts them."""
    counts: dict[str, Any] = defaultdict(int)
    for batch in batches:
        for name, count in model.counts(batch).items():
            counts[name] = counts[name] + count
    return dict(counts)


def refuse_batch_statistics(model: ZooModel, config: RunConfig) -> None:
    """Refuse to accumulate with batch normalisation, whose statistics are of each forward pass.

    Raises:
        UserError: the two are combined.
    """
    if config.grad_accumulation > 1 and any(isinstance(m, _BatchNorm) for m in model.modules()):
        raise UserError(
            "the model normalises over each forward pass alone, so accumulating is not exact",
            f"--grad-accumulation {config.grad_accumulation}",
            "Leave it at 1 with a bigger --batch-size, or use another normalisation.",
        )


def rehearse(model: ZooModel, batch: Batch, config: RunConfig) -> None:
    """Try the regularisers on some rows before the training begins; nothing is changed by it.

    Raises:
        UserError: the model does not do what one of them needs, or R-Drop's passes are the same.
    """
    regularisers = Regularisers.of(config)
    if not regularisers:
        return
    state, was_training = random_state(), model.training
    try:
        model.train()
        with statistics_kept(model):
            update = Update(model, [batch], regularisers)
            parts = update.next_parts(lambda rows: model(**rows))
        has_noise = not regularisers.rdrop or bool(parts["rdrop"].total) or drops(model)
    finally:
        model.train(was_training)
        set_random_state(state)
    if not has_noise:
        raise UserError(
            "both passes of R-Drop are the same: nothing in the model is random",
            f"--rdrop {config.rdrop:g}",
            "Leave it out, or use an encoder or --dropout that drops something.",
        )


def drops(model: torch.nn.Module) -> bool:
    """Whether a module of a model in training drops anything."""
    modules = [module for module in model.modules() if module.training]
    return any(isinstance(module, _DropoutNd) and module.p for module in modules)


class EmptyTerms(TrainerCallback, ExportableState):
    """Counts updates in which a loss term has no items, such as a contrast without pairs.

    Args:
        updates: term → updates in which the model computed it.
        empty: term → updates of them without an item.
    """

    def __init__(
        self, updates: Mapping[str, int] | None = None, empty: Mapping[str, int] | None = None
    ) -> None:
        self.updates: dict[str, int] = defaultdict(int, updates or {})
        self.empty: dict[str, int] = defaultdict(int, empty or {})

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Join the state of a checkpoint that was saved before there was such a count."""
        state.stateful_callbacks.setdefault(type(self).__name__, self.state())

    def note(self, parts: Mapping[str, Part]) -> None:
        """Count an update by the terms of its first batch."""
        for name, part in parts.items():
            self.updates[name] += 1
            self.empty[name] += not part.count

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        return {
            "args": {"updates": dict(self.updates), "empty": dict(self.empty)},
            "attributes": {},
        }

    def table(self) -> Table | None:
        """Terms that had nothing to compute in more than half of the updates, if there are any."""
        rows = [
            [name, number, self.empty[name], 100.0 * self.empty[name] / number]
            for name, number in self.updates.items()
            if 2 * self.empty[name] > number
        ]
        if not rows:
            return None
        return Table(
            "empty_terms",
            ["loss term", "updates", "without items", "%"],
            rows,
            title="Loss terms that were 0 for want of items or pairs",
            note="Of contrastive terms, a bigger --batch-size or --grad-accumulation brings pairs.",
        )
