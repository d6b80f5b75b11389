"""Settings of GlobalPointer; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from nlpcl.core.config import option
from nlpcl.core.errors import UserError
from nlpcl.tasks.entities.config import EntitiesConfig


@dataclass(kw_only=True)
class Config(EntitiesConfig):
    """Entities as spans, flat and nested, each type scored by a product of its two ends."""

    paper: ClassVar[str] = "arXiv 2208.03054"

    head: Literal["global", "efficient"] = option(
        "global",
        "Scores of spans: a query and a key for each type (global), or one pair for all types and "
        "a score of start and end for each (efficient)",
    )
    head_size: int = option(64, "Size of queries and keys", at_least=2)
    rope: bool = option(True, "Turn queries and keys by their positions (rotary positions)")
    frozen_layers: int = option(
        0,
        "Lower layers of the encoder that stay as they are, and its embeddings with them; 0 trains "
        "everything",
        panel="Encoder",
        at_least=0,
    )

    def check(self) -> Self:
        """Refuse an odd size, which cannot be turned in pairs."""
        super().check()
        if self.head_size % 2:
            raise UserError(f"{self.head_size} is odd", "--head-size", "Give an even size.")
        return self


VARIANTS: dict[str, dict[str, Any]] = {
    "none": {},
    "rdrop-softmax": {"rdrop": 1.0, "rdrop_divergence": "softmax"},
    "rdrop-sigmoid": {"rdrop": 1.0, "rdrop_divergence": "sigmoid"},
    "vat-softmax": {"vat": 0.5, "vat_divergence": "softmax"},
    "vat-sigmoid": {"vat": 0.5, "vat_divergence": "sigmoid"},
    "fgm": {"fgm": 0.5},
    "ema": {"ema": 0.99},
    "efficient": {"head": "efficient"},
    "no-rope": {"rope": False},
}

BASELINE = "none"
"""The variant an ablation compares the others with."""

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "backbone": "google-bert/bert-base-chinese",
        "batch_size": 16,
        "lr": 2e-5,
        "epochs": 10,
    },
}
