"""What training leaves on disk: whole checkpoints, one record an epoch, reasons for not writing."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Training:
    """What is known of a training beside the weights it leaves in the model.

    Args:
        history: one record an epoch.
        interrupted: whether Ctrl-C stopped it before its end.
        epoch_seconds: time of each epoch's updates, without dev scores and checkpoints; a resumed
            training's first epoch may be the rest of one.
    """

    history: list[dict[str, float]]
    interrupted: bool
    epoch_seconds: list[float]

    @property
    def seconds_per_epoch(self) -> float | None:
        """The median; None where no epoch has ended."""
        return statistics.median(self.epoch_seconds) if self.epoch_seconds else None


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; ``trainer_state.json`` comes last."""

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
    """One row an epoch: training loss and its parts, learning rate, gradient norm, dev scores."""
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
    """Whether torch, safetensors or the system could not write a file, each in its own words."""
    words = ("PytorchStreamWriter", "inline_container", "No space left", "Disk quota")
    return (
        (isinstance(error, OSError) and error.errno is not None)
        or type(error).__name__ == "SafetensorError"
        or any(word in str(error) for word in words)
    )
