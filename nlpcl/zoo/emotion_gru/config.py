"""Settings of the BiGRU with matching attention; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from nlpcl.core.config import option
from nlpcl.tasks.emotion.config import EmotionConfig


@dataclass(kw_only=True)
class Config(EmotionConfig):
    """Speech emotion by a bidirectional GRU, attention within the clip, and max-pooling."""

    hidden: int = option(256, "Hidden size of each GRU direction", at_least=1)
    gru_layers: int = option(2, "Number of bidirectional GRU layers", at_least=1)
    dropout: float = option(
        0.2,
        "Dropout probability of the input frames, of the GRU's states and before the head",
        at_least=0,
        below=1,
    )
    attention: Literal["dot", "general", "general2", "concat", "none"] = option(
        "general",
        "Score of a frame against the frames of its clip: q·m/√H (dot), with a learned matrix "
        "(general), bounded by tanh (general2), by a small network (concat); none is no attention",
    )


VARIANTS: dict[str, dict[str, Any]] = {
    "general": {},
    "dot": {"attention": "dot"},
    "general2": {"attention": "general2"},
    "concat": {"attention": "concat"},
    "no-attention": {"attention": "none"},
}

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "backbone": "facebook/hubert-base-ls960",
        "frame_pool": 1,
        "encoder": "full",
        "lr": 1e-5,
        "encoder_lr": 1e-5,
    },
}
