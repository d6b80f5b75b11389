"""Training: the only file that uses ``transformers.Trainer``, through its public hooks.

The callback is in :mod:`nlpcl.training.callback`.

Additions: losses of several named parts, accumulated exactly; batches of similar length in an order
that depends on seed and epoch only; dev scores by nlpcl's own inference; a single display.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainingArguments,
)
from transformers.utils import logging as transformers_logging

from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError, first_line
from nlpcl.core.interrupts import FirstInterrupt
from nlpcl.nn.model import ZooModel, weighted_sum
from nlpcl.training.batches import LengthBatches
from nlpcl.training.callback import SELECTION, Reporting
from nlpcl.training.inference import Feature, length
from nlpcl.training.records import (
    History,
    LossSums,
    Training,
    history,
    is_writing_failure,
    newest_checkpoint,
)

DevScores = Callable[[ZooModel], dict[str, float]]


class ZooTrainer(Trainer):
    """A ``Trainer`` for models whose loss is a weighted sum of named parts."""

    loss_is_scaled_for_ga = True

    def __init__(
        self, *arguments: Any, dev_scores: DevScores, run_config: RunConfig, **named: Any
    ) -> None:
        self.dev_scores, self.run_config = dev_scores, run_config
        self.update_counts: dict[str, torch.Tensor] = {}
        self.update_batches = 1
        self.sums = LossSums()
        self.latest: dict[str, float] = {}
        super().__init__(*arguments, **named)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """AdamW, over the parameter groups that the model defines, if any."""
        zoo_model: Any = self.model if model is None else model
        groups = zoo_model.parameter_groups(self.run_config)
        if groups is None or self.optimizer is not None:
            return super().create_optimizer(model)
        self.optimizer = torch.optim.AdamW(groups, fused=True)
        return self.optimizer

    def create_scheduler(
        self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None
    ) -> Any:
        """Linear warm-up and decay, or the schedule that the configuration defines."""
        factor = self.run_config.learning_rate_schedule(num_training_steps)
        if factor is None or self.lr_scheduler is not None:
            return super().create_scheduler(num_training_steps, optimizer)
        chosen: Any = optimizer or self.optimizer
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(chosen, factor)
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def get_train_dataloader(self) -> DataLoader:
        """A loader of batches of similar length."""
        dataset: Any = self.train_dataset
        sampler = LengthBatches(
            [length(row) for row in dataset],
            self.args.per_device_train_batch_size,
            self.args.gradient_accumulation_steps,
            self.args.seed,
        )
        loader = DataLoader(dataset, batch_sampler=sampler, collate_fn=self.data_collator)
        return self.accelerator.prepare(loader)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], None]:
        """The batches of one update, whose items are counted before the first forward pass."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        zoo_model: Any = self.model
        counts: dict[str, Any] = defaultdict(int)
        for batch in batches:
            for name, count in zoo_model.counts(batch).items():
                counts[name] = counts[name] + count.to(device)
        self.update_counts, self.update_batches = dict(counts), max(1, len(batches))
        self.sums.updates += 1
        return batches, None

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """The weighted sum of the parts, each divided by its items in the whole update."""
        output = model(**inputs)
        counts: dict[str, Any] = {
            name: self.update_counts.get(name, part.count * self.update_batches)
            for name, part in output.parts.items()
        }
        loss = weighted_sum(output.parts, counts)
        for name, part in output.parts.items():
            total, size = float(part.total.detach()), float(part.count)
            self.sums.totals[name] += total
            self.sums.sizes[name] += size
            self.latest[name] = total / max(size, 1.0)
        self.sums.loss += float(loss.detach())
        if not torch.isfinite(loss):
            parts = ", ".join(f"{name}={value:.4g}" for name, value in self.latest.items())
            raise UserError(
                f"the loss is not finite at update {self.state.global_step + 1} ({parts})",
                "training",
                "Lower --lr, raise --warmup-ratio, or use --precision fp32.",
            )
        return (loss, output) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the mean loss and that of each part, and what the model schedules.

        The means are over the whole epoch, also where it was resumed half-way.
        """
        if "loss" in logs:
            zoo_model: Any = self.model
            logs.update(zoo_model.scheduled() | self.sums.means())
            self.sums.clear()
        super().log(logs, start_time)

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """Dev scores, by the inference that ``nlpcl predict`` uses too."""
        zoo_model: Any = self.model
        scores = self.dev_scores(zoo_model)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in scores.items()}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics


def train(
    model: ZooModel,
    rows: Sequence[Feature],
    collate: Callable[[Sequence[Feature]], dict[str, torch.Tensor]],
    dev_scores: DevScores,
    config: RunConfig,
    folder: Path,
    *,
    precision: str,
    display: Any,
    resume: bool = False,
    on_epoch: Callable[[int], None] | None = None,
    on_history: Callable[[History], None] | None = None,
) -> Training:
    """Train a model in place and leave the best epoch's weights in it.

    Args:
        model: to be trained.
        rows: encoded training rows.
        collate: rows → batch.
        dev_scores: model → dev scores, one of which is ``selection``.
        config: epochs, batch size and the rest.
        folder: for checkpoints; a complete one to resume from is always kept.
        precision: fp32, bf16 or fp16.
        display: see :mod:`nlpcl.core.progress`.
        resume: continue from the newest complete checkpoint.
        on_epoch: called with the number of each epoch, from 0, before it begins.
        on_history: called with the rows of all epochs so far after each of them.

    Returns:
        The history of its epochs, their times, and whether Ctrl-C stopped it early.

    Raises:
        UserError: the loss became NaN or infinite.
    """
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    arguments = training_arguments(config, folder, precision, next(model.parameters()).device)
    trainer = ZooTrainer(
        model=model,
        args=arguments,
        train_dataset=list(rows),
        eval_dataset=[],
        data_collator=collate,
        dev_scores=dev_scores,
        run_config=config,
    )
    trainer.remove_callback(PrinterCallback)
    reporting = Reporting(display, trainer, on_epoch, on_history)
    trainer.add_callback(reporting)
    if config.patience:
        trainer.add_callback(EarlyStoppingCallback(config.patience))
    checkpoint = newest_checkpoint(folder) if resume else None
    with FirstInterrupt(reporting):
        try:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except Exception as error:
            if is_writing_failure(error):
                raise UserError(
                    f"a checkpoint cannot be written ({first_line(error)})",
                    folder,
                    "Free some space, then go on with --resume.",
                ) from error
            raise
        finally:
            display.end()
    epochs = history(trainer.state.log_history)
    has_best = trainer.state.best_model_checkpoint is not None
    return Training(epochs, reporting.interrupted, has_best, reporting.epoch_seconds)


def training_arguments(
    config: RunConfig, folder: Path, precision: str, device: torch.device
) -> TrainingArguments:
    """The settings of a run as transformers takes them."""
    return TrainingArguments(
        output_dir=str(folder.resolve()),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=config.batch_size,
        gradient_accumulation_steps=config.grad_accumulation,
        learning_rate=config.lr,
        weight_decay=config.weight_decay,
        warmup_steps=config.warmup_ratio,
        max_grad_norm=config.max_grad_norm,
        seed=config.seed,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=device.type == "cpu",
        eval_strategy="epoch",
        save_strategy="epoch",
        logging_strategy="epoch",
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model=SELECTION,
        greater_is_better=True,
        restore_callback_states_from_checkpoint=True,
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
        ddp_find_unused_parameters=False,
        dataloader_pin_memory=device.type == "cuda",
    )
