"""Settings of masked language modelling; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from nlpcl.core.config import option
from nlpcl.tasks.masked_lm.config import MaskedLMConfig


@dataclass(kw_only=True)
class Config(MaskedLMConfig):
    """Masked language modelling with confusion-set noise: makes and adapts encoders."""

    paper: ClassVar[str] = "PLOME, ACL 2021"

    layers: int = option(
        0, "Keep so many of the encoder's layers; 0 keeps all", panel="Encoder", at_least=0
    )
    spread: bool = option(False, "Keep layers spread evenly, not the first ones", panel="Encoder")
    fresh: bool = option(
        False, "Forget the encoder's weights: fresh ones in the same shape", panel="Encoder"
    )
    pieces: int = option(
        0,
        "Keep so many vocabulary pieces of several characters, and none with Han; 0 keeps all",
        panel="Encoder",
        at_least=0,
    )
    confusion: str | None = option(
        None, "Folder with the PLOME confusion sets; without it no such noise", panel="Noise"
    )
    rate: float = option(
        0.15, "Share of characters chosen in a noised text", panel="Noise", above=0, below=1
    )
    light: float = option(
        0.5,
        "Share of texts with one chosen character at most",
        panel="Noise",
        at_least=0,
        at_most=1,
    )
    mask_share: float = option(
        0.2, "Chosen characters that become the mask token", panel="Noise", at_least=0, at_most=1
    )
    pinyin_share: float = option(
        0.4, "… that become one of the same sound", panel="Noise", at_least=0, at_most=1
    )
    near_pinyin_share: float = option(
        0.15, "… that become one of a similar sound", panel="Noise", at_least=0, at_most=1
    )
    shape_share: float = option(
        0.1, "… that become one of a similar shape", panel="Noise", at_least=0, at_most=1
    )
    random_share: float = option(
        0.05, "… that become any; the rest is kept", panel="Noise", at_least=0, at_most=1
    )
    copied: float = option(
        0.15,
        "Share of the other characters that must be copied",
        panel="Noise",
        at_least=0,
        at_most=1,
    )
    copy_weight: float = option(1.0, "Weight of the loss on characters to be copied", at_least=0)


VARIANTS: dict[str, dict[str, Any]] = {
    "mlm": {},
    "mask-only": {
        "mask_share": 0.8,
        "pinyin_share": 0.0,
        "near_pinyin_share": 0.0,
        "shape_share": 0.0,
        "random_share": 0.1,
        "light": 0.0,
        "copied": 0.0,
    },
}

PRESETS: dict[str, dict[str, Any]] = {}
