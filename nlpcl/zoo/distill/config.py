"""Settings of distillation; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from nlpcl.core.config import option
from nlpcl.zoo.mlm.config import Config as MlmConfig


@dataclass(kw_only=True)
class Config(MlmConfig):
    """Progressive distillation: an encoder with fewer layers learns its teacher's, one by one."""

    paper: ClassVar[str] = "MobileBERT, ACL 2020"

    teacher: str | None = option(
        None,
        "Encoder to learn from, of the same vocabulary, width and heads; --backbone by default",
        panel="Encoder",
    )
    progressive: float = option(
        0.5,
        "Share of the updates in which one layer at a time learns; in the rest all do, and the "
        "masked-language-model loss joins",
        panel="Training",
        at_least=0,
        at_most=1,
    )
    states_weight: float = option(1.0, "Weight of the layers' states", at_least=0)
    attention_weight: float = option(1.0, "Weight of the layers' attention", at_least=0)


VARIANTS: dict[str, dict[str, Any]] = {
    "distill": {},
    "states": {"attention_weight": 0.0},
    "attention": {"states_weight": 0.0},
}

PRESETS: dict[str, dict[str, Any]] = {}
