"""Settings of masked language modelling; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from nlpcl.core.config import option
from nlpcl.tasks.masked_lm.config import MaskedLMConfig


@dataclass(kw_only=True)
class Config(MaskedLMConfig):
    """Masked language modelling with confusion-set noise, to pretrain or adapt encoders."""

    paper: ClassVar[str] = "PLOME, ACL 2021"

    layers: int = option(
        0, "Number of encoder layers to keep; 0 keeps all", panel="Encoder", at_least=0
    )
    spread: bool = option(
        False, "Keep evenly spaced layers instead of the first ones", panel="Encoder"
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
    confusion: str | None = option(
        None,
        "Folder with the PLOME confusion sets; without it the mask token is used instead",
        panel="Noise",
    )
    mlm_probability: float = option(
        0.15,
        "Fraction of the characters selected for prediction in a text",
        panel="Noise",
        above=0,
        below=1,
        formerly=("rate",),
    )
    light_fraction: float = option(
        0.5,
        "Fraction of the texts with at most one selected character, whatever --mlm-probability",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("light",),
    )
    mask_fraction: float = option(
        0.2,
        "Fraction of the selected characters replaced by the mask token",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("mask_share",),
    )
    pinyin_fraction: float = option(
        0.4,
        "Fraction replaced by a character of the same sound",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("pinyin_share",),
    )
    near_pinyin_fraction: float = option(
        0.15,
        "Fraction replaced by a character of a similar sound",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("near_pinyin_share",),
    )
    shape_fraction: float = option(
        0.1,
        "Fraction replaced by a character of a similar shape",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("shape_share",),
    )
    random_fraction: float = option(
        0.05,
        "Fraction replaced by a random character; the remaining ones are left unchanged",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("random_share",),
    )
    copy_fraction: float = option(
        0.15,
        "Fraction of the characters not selected that are predicted too, so as to be copied",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("copied",),
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
