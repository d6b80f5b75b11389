"""Settings of distillation; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from nlpcl.core.config import needing, option
from nlpcl.zoo.mlm.config import Config as MlmConfig


@dataclass(kw_only=True)
class Config(MlmConfig):
    """Progressive distillation: a shallower encoder learns from its teacher, layer by layer."""

    paper: ClassVar[str] = "MobileBERT, ACL 2020"

    # Without --layers it keeps half of them.
    spread: bool = needing(MlmConfig, "spread", ())
    teacher: str | None = option(
        None,
        "Teacher encoder, with the student's vocabulary, hidden size and number of heads; by "
        "default --backbone",
        panel="Encoder",
    )
    progressive_fraction: float = option(
        0.5,
        "Fraction of the updates that train one layer at a time; the rest train all layers, with "
        "the masked language modelling loss added",
        panel="Training",
        at_least=0,
        at_most=1,
        formerly=("progressive",),
    )
    states_weight: float = option(1.0, "Weight of the loss on hidden states", at_least=0)
    attention_weight: float = option(1.0, "Weight of the loss on attention weights", at_least=0)


VARIANTS: dict[str, dict[str, Any]] = {
    "distill": {},
    "states": {"attention_weight": 0.0},
    "attention": {"states_weight": 0.0},
}

PRESETS: dict[str, dict[str, Any]] = {}
