"""Training: the only file that uses ``transformers.Trainer``, through its public hooks.

The callback is in :mod:`nlpcl.training.callback`.

Additions: losses of several named parts, accumulated exactly, those that compare items included
(:mod:`nlpcl.training.updates`); nothing left behind (:mod:`nlpcl.training.process`); batches of
similar length in an order that depends on seed and epoch only; dev scores by nlpcl's own inference;
a single display.
"""

from __future__ import annotations

import contextlib
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
from nlpcl.training.averaging import MovingAverage
from nlpcl.training.batches import LengthBatches
from nlpcl.training.callback import SELECTION, Reporting
from nlpcl.training.inference import Feature, length
from nlpcl.training.process import forward_kept, process_kept
from nlpcl.training.records import (
    History,
    LossSums,
    Training,
    history,
    is_writing_failure,
    newest_checkpoint,
)
from nlpcl.training.regularisers import Regularisers
from nlpcl.training.updates import EmptyTerms, Update, refuse_batch_statistics

DevScores = Callable[[ZooModel], dict[str, float]]


class ZooTrainer(Trainer):
    """A ``Trainer`` for models whose loss is a weighted sum of named parts."""

    loss_is_scaled_for_ga = True

    def __init__(
        self, *arguments: Any, dev_scores: DevScores, run_config: RunConfig, **named: Any
    ) -> None:
        self.dev_scores, self.run_config = dev_scores, run_config
        self.update: Update | None = None
        self.sums = LossSums()
        self.latest: dict[str, float] = {}
        super().__init__(*arguments, **named)
        self.regularisers = Regularisers.of(run_config, lambda: self.accelerator.autocast())
        self.average: MovingAverage | None = None
        if run_config.ema:
            self.average = MovingAverage(named["model"], run_config.ema)
            self.add_callback(self.average)

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
        """The batches of one update, noted for its loss terms."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        zoo_model: Any = self.model
        epochs = self.run_config.epochs
        self.regularisers.begin(self.state.global_step / self.state.max_steps * epochs)
        plain = [dict(self._prepare_inputs(batch)) for batch in batches]
        self.update = Update(zoo_model, plain, self.regularisers)
        self.sums.updates += 1
        return batches, None

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """The weighted sum of the parts of the next batch, each divided by its items in the update.

        It runs the batches of :meth:`get_batch_samples`, which ``inputs`` is one of.
        """
        assert self.update is not None
        parts = self.update.next_parts(lambda batch: model(**batch))
        loss = weighted_sum(parts)
        if self.update.at == 0:
            self.empty_terms.note(parts)
        for name, part in parts.items():
            total, size = float(part.total.detach()), float(part.count) / len(self.update.batches)
            self.sums.totals[name] += total
            self.sums.sizes[name] += size
            self.latest[name] = total / size if size else 0.0
        self.sums.loss += float(loss.detach())
        if not torch.isfinite(loss):
            listed = ", ".join(f"{name}={value:.4g}" for name, value in self.latest.items())
            raise UserError(
                f"the loss is not finite at update {self.state.global_step + 1} ({listed})",
                "training",
                "Lower --lr, raise --warmup-ratio, or use --precision fp32.",
            )
        return loss

    @property
    def empty_terms(self) -> EmptyTerms:
        """The present counter; a resumed training has one from its checkpoint."""
        callbacks = self.callback_handler.callbacks
        return next(one for one in callbacks if isinstance(one, EmptyTerms))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the mean loss and that of each part, and what the model schedules.

        The means are over the whole epoch, also where it was resumed half-way.
        """
        if "loss" in logs:
            zoo_model: Any = self.model
            logs.update(zoo_model.scheduled() | self.regularisers.scheduled() | self.sums.means())
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
        with self.average.in_place() if self.average else contextlib.nullcontext():
            scores = self.dev_scores(zoo_model)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in scores.items()}
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """The model of a checkpoint, with the moving average of its weights, if there is one."""
        super().save_model(output_dir, _internal_call)
        if self.average:
            self.average.save(Path(str(output_dir)))


@process_kept()
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
        UserError: the loss became NaN or infinite, or a checkpoint is damaged.
    """
    refuse_batch_statistics(model, config)
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
    trainer.add_callback(EmptyTerms())
    if config.patience:
        trainer.add_callback(EarlyStoppingCallback(config.patience))
    checkpoint = newest_checkpoint(folder) if resume else None
    with FirstInterrupt(reporting), forward_kept(model):
        try:
            if trainer.average:
                trainer.average.checkpoint = checkpoint
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except UserError:
            raise
        except Exception as error:
            if checkpoint is not None and not reporting.has_begun:
                what = f"cannot be gone on with ({first_line(error)})"
                how = "It is damaged, or not nlpcl's: delete it, then go on with --resume."
                raise UserError(what, checkpoint, how) from error
            if is_writing_failure(error):
                what = f"a checkpoint cannot be written ({first_line(error)})"
                how = "Free some space, then go on with --resume."
                raise UserError(what, folder, how) from error
            raise
        finally:
            display.end()
    epochs = history(trainer.state.log_history)
    has_best = trainer.state.best_model_checkpoint is not None
    empty = trainer.empty_terms.table()
    return Training(epochs, reporting.interrupted, has_best, reporting.epoch_seconds, empty)


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
