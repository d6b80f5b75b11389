"""The trainer callback: display, history, schedules of the model, stopping on Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from nlpcl.training.records import History, history

SELECTION = "selection"
"""Name of the dev score that selects the best epoch; greater is better."""
SUMS = "LossSums"
"""Where a checkpoint within an epoch keeps the sums of its losses; read back when it is resumed."""


class Reporting(TrainerCallback):
    """Updates the display, and stops training after the current update if interrupted.

    Args:
        display: see :mod:`nlpcl.core.progress`.
        trainer: whose losses are shown.
        on_epoch: told the number of each epoch, from 0, before it begins.
        on_history: given the rows of all epochs so far after each of them.
    """

    def __init__(
        self,
        display: Any,
        trainer: Any,
        on_epoch: Callable[[int], None] | None = None,
        on_history: Callable[[History], None] | None = None,
    ) -> None:
        self.display, self.trainer = display, trainer
        self.on_epoch, self.on_history = on_epoch, on_history
        self.interrupted = self.is_cut = False
        self.has_begun = False
        """Whether an update was begun; what fails before may be the fault of a checkpoint."""
        self.epoch_seconds: list[float] = []
        self.epoch_began = 0.0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Open the progress display; take up what a checkpoint says of losses and best epoch."""
        kept: Any = state.stateful_callbacks  # a dictionary, whatever transformers' annotation says
        self.trainer.sums.restore(kept.pop(SUMS, {}))
        # The folder may have been moved or copied since the checkpoint was written.
        if state.best_global_step:
            best = Path(str(args.output_dir)) / f"checkpoint-{state.best_global_step}"
            if best.is_dir():
                state.best_model_checkpoint = str(best)
        self.display.begin(state.max_steps, int(args.num_train_epochs), state.global_step)

    def on_epoch_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Announce the epoch, for example to a task that draws new noise for each."""
        if self.on_epoch is not None:
            self.on_epoch(int(state.epoch or 0))
        self.epoch_began = time.perf_counter()

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Tell the model the fraction of updates done, for its own schedules."""
        self.has_begun = True
        self.trainer.model.set_progress(state.global_step / max(1, state.max_steps))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Display the step; after an interrupt, request a checkpoint."""
        values = {f"loss_{name}": value for name, value in self.trainer.latest.items()}
        schedule: Any = self.trainer.lr_scheduler
        values["lr"] = schedule.get_last_lr()[0]
        self.display.step(state.global_step, state.epoch or 0.0, values)
        # At the end of an epoch the usual scores and checkpoint come first.
        if self.interrupted and not float(state.epoch or 0.0).is_integer():
            kept: Any = state.stateful_callbacks
            kept[SUMS] = self.trainer.sums.as_dict()
            self.is_cut = control.should_save = True

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stop an interrupted run as soon as its checkpoint is written."""
        # Not earlier: a checkpoint saved with the flag set would stop as soon as it is resumed.
        if self.interrupted:
            control.should_training_stop = True

    def on_epoch_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Skip scores and checkpoint of an interrupted epoch; a resumed run completes it."""
        if self.is_cut:
            control.should_evaluate = control.should_save = control.should_log = False
        else:
            self.epoch_seconds.append(time.perf_counter() - self.epoch_began)

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: Mapping[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Display the losses and dev scores of the epoch, and keep its history."""
        if self.on_history is not None:
            self.on_history(history(state.log_history))
        record = next((row for row in reversed(state.log_history) if "loss" in row), {})
        values = {name: value for name, value in record.items() if name.startswith("loss")}
        scores = {
            f"dev_{name.removeprefix('eval_')}": value
            for name, value in (metrics or {}).items()
            if name != f"eval_{SELECTION}"
        }
        selection = (metrics or {}).get(f"eval_{SELECTION}", float("-inf"))
        best = state.best_metric is None or selection > state.best_metric
        self.display.epoch(round(state.epoch or 0), values | scores, best)
