"""Records of a training: checkpoints, one history row per epoch, failures to write."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

from nlpcl.core.errors import UserError
from nlpcl.core.json_files import read_json
from nlpcl.core.tables import Table

History = list[dict[str, float]]
"""One record an epoch."""


@dataclass(frozen=True)
class Training:
    """The outcome of a training, apart from the weights, which are in the model.

    Args:
        history: of its epochs.
        interrupted: whether Ctrl-C stopped it early.
        has_best: whether an epoch was scored, so that the weights are those of the best one.
        epoch_seconds: time of the updates of each epoch, without dev scores and checkpoints; the
            first epoch of a resumed training may be a partial one.
        empty_terms: loss terms that had no items in most updates, if there are any.
    """

    history: History
    interrupted: bool
    has_best: bool
    epoch_seconds: list[float]
    empty_terms: Table | None = None

    @property
    def seconds_per_epoch(self) -> float | None:
        """Median time of an epoch; None if no epoch was completed."""
        return statistics.median(self.epoch_seconds) if self.epoch_seconds else None


@dataclass
class LossSums:
    """What the losses of an epoch add up to so far.

    Args:
        loss: sum over updates.
        updates: their number.
        totals: sum of each part over its items.
        sizes: number of these.
    """

    loss: float = 0.0
    updates: int = 0
    totals: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    sizes: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def means(self) -> dict[str, float]:
        """The loss an update, and each part an item, by their names in the history."""
        means = {"loss": self.loss / max(self.updates, 1)}
        for name, total in self.totals.items():
            means[f"loss_{name}"] = total / max(self.sizes[name], 1.0)
        return means

    def clear(self) -> None:
        """Begin anew."""
        self.restore({})

    def as_dict(self) -> dict[str, Any]:
        """The reverse of :meth:`restore`."""
        sums = {"loss": self.loss, "updates": self.updates}
        return sums | {"totals": dict(self.totals), "sizes": dict(self.sizes)}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on with sums that a checkpoint holds; with none, as in older ones, from zero."""
        self.loss, self.updates = kept.get("loss", 0.0), kept.get("updates", 0)
        self.totals = defaultdict(float, kept.get("totals", {}))
        self.sizes = defaultdict(float, kept.get("sizes", {}))


class SumsRecord(TypedDict):
    """:meth:`LossSums.as_dict` in a checkpoint."""

    loss: float
    updates: int
    totals: dict[str, float]
    sizes: dict[str, float]


class LogRecord(TypedDict):
    """A record of the trainer's log."""

    epoch: float
    step: int


class _Control(TypedDict):
    TrainerControl: dict[str, Any]


class _CallbackRecords(_Control, total=False):
    LossSums: SumsRecord


class _State(TypedDict):
    epoch: float
    global_step: int
    max_steps: int
    num_train_epochs: float
    log_history: list[LogRecord]
    stateful_callbacks: _CallbackRecords


class StateRecord(_State, total=False):
    """``trainer_state.json`` of a checkpoint, as far as it is gone on with."""

    best_global_step: int | None
    best_metric: float | None


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint: one with ``trainer_state.json``, which is written last."""

    def step(checkpoint: Path) -> int:
        return int(checkpoint.name.rpartition("-")[2])

    for checkpoint in sorted(folder.glob("checkpoint-*"), key=step, reverse=True):
        try:
            read_json(checkpoint / "trainer_state.json", StateRecord)
        except UserError:
            continue
        return checkpoint
    return None


def history(records: Sequence[Mapping[str, float]]) -> History:
    """One row per epoch: training loss and its parts, learning rate, gradient norm, dev scores."""
    rows: dict[float, dict[str, float]] = {}
    for record in records:
        if "train_runtime" in record:
            continue
        row = rows.setdefault(record["epoch"], {"epoch": record["epoch"], "step": record["step"]})
        for name, value in record.items():
            if name not in {"epoch", "step"}:
                row[f"dev_{name[5:]}" if name.startswith("eval_") else name] = value
    # A checkpoint stores the records with sorted keys; a resumed run must write the same columns.
    return [
        {"epoch": row.pop("epoch"), "step": row.pop("step"), **dict(sorted(row.items()))}
        for row in rows.values()
    ]


def is_writing_failure(error: Exception) -> bool:
    """Whether an error of torch, safetensors or the system means that a file cannot be written."""
    words = ("PytorchStreamWriter", "inline_container", "No space left", "Disk quota")
    return (
        (isinstance(error, OSError) and error.errno is not None)
        or type(error).__name__ == "SafetensorError"
        or any(word in str(error) for word in words)
    )
