"""Settings of masked language modelling; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from nlpcl.core.config import option
from nlpcl.core.needs import above
from nlpcl.tasks.masked_lm.config import MaskedLMConfig


@dataclass(kw_only=True)
class Config(MaskedLMConfig):
    """Masked language modelling with confusion-set noise, to pretrain or adapt encoders."""

    paper: ClassVar[str] = "PLOME, ACL 2021"

    layers: int = option(
        0, "Number of encoder layers to keep; 0 keeps all", panel="Encoder", at_least=0
    )
    spread: bool = option(
        False,
        "Keep evenly spaced layers instead of the first ones",
        panel="Encoder",
        needs=above("layers", 0),
    )
    fresh: bool = option(
        False, "Reinitialize the encoder's weights and keep its architecture", panel="Encoder"
    )
    pieces: int = option(
        0,
        "Number of multi-character vocabulary pieces to keep, none of them with Han characters; "
        "0 keeps the whole vocabulary",
        panel="Encoder",
        at_least=0,
    )
    copy_weight: float = option(1.0, "Weight of the loss on unchanged characters", at_least=0)


VARIANTS: dict[str, dict[str, Any]] = {
    "mlm": {},
    "mask-only": {
        "mask_fraction": 0.8,
        "pinyin_fraction": 0.0,
        "near_pinyin_fraction": 0.0,
        "shape_fraction": 0.0,
        "random_fraction": 0.1,
        "light_fraction": 0.0,
        "copy_fraction": 0.0,
    },
}

PRESETS: dict[str, dict[str, Any]] = {}
