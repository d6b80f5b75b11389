"""Records of a training: checkpoints, one history row per epoch, failures to write."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Training:
    """The outcome of a training, apart from the weights, which are in the model.

    Args:
        history: one record per epoch.
        interrupted: whether Ctrl-C stopped it early.
        epoch_seconds: time of the updates of each epoch, without dev scores and checkpoints; the
            first epoch of a resumed training may be a partial one.
    """

    history: list[dict[str, float]]
    interrupted: bool
    epoch_seconds: list[float]

    @property
    def seconds_per_epoch(self) -> float | None:
        """Median time of an epoch; None if no epoch was completed."""
        return statistics.median(self.epoch_seconds) if self.epoch_seconds else None


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint: one with ``trainer_state.json``, which is written last."""

    def step(checkpoint: Path) -> int:
        return int(checkpoint.name.rpartition("-")[2])

    for checkpoint in sorted(folder.glob("checkpoint-*"), key=step, reverse=True):
        try:
            json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        return checkpoint
    return None


def history(records: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
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
