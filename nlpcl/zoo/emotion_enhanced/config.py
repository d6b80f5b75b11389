"""Settings of the speaker-adversarial recurrent model; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from nlpcl.core.config import option
from nlpcl.tasks.emotion.config import EmotionConfig, refused


@dataclass(kw_only=True)
class Config(EmotionConfig):
    """Speech emotion by stacked GRUs and attention, with an adversary that hides the speaker."""

    also_saved: ClassVar[tuple[str, ...]] = (
        *EmotionConfig.also_saved,
        *("attention_dropout", "adversarial_weight", "max_alpha", "alpha_course"),
    )

    hidden: int = option(
        256, "Width of each direction of the GRUs; the model is twice as wide", at_least=4
    )
    gru_layers: int = option(3, "Bidirectional GRU layers", at_least=1)
    dropout: float = option(
        0.3, "Share dropped of frames, between layers and in the heads", at_least=0, below=1
    )
    position: bool = option(True, "Add sinusoidal positions to the frames")
    normalise: Literal["none", "instance", "adain", "speaker"] = option(
        "instance",
        "Channels brought to mean 0 and variance 1 within a clip (instance, also called adain), "
        "within a speaker's clips (speaker, which at test time needs other clips of the speaker)",
    )
    attention: bool = option(True, "Multi-head self-attention behind the GRUs")
    heads: int = option(8, "Attention heads", at_least=1)
    enhancement: bool = option(True, "The feature enhancement behind the attention")
    max_pool: bool = option(True, "Pool by the maximum beside the average")
    adversary: bool = option(True, "A speaker head behind gradient reversal")
    attention_dropout: float = option(
        0.1, "Share of attention weights dropped", panel="Training", at_least=0, below=1
    )
    adversarial_weight: float = option(
        0.05,
        "Reversed gradient of the speaker head, as a share; the head itself learns at weight 1",
        panel="Training",
        at_least=0,
    )
    max_alpha: float = option(
        1.0, "Greatest α, a factor of the adversarial weight", panel="Training", at_least=0
    )
    alpha_course: Literal["documented", "dann"] = option(
        "documented",
        "Course of α: 0 for a tenth of the training, linear up to 0.7 of it, then level "
        "(documented), or 2/(1+exp(-10p))-1 (dann)",
        panel="Training",
    )

    @property
    def normalises_speakers(self) -> bool:
        """Whether frames are standardised by their speaker before the model sees them."""
        return self.normalise == "speaker"

    def check(self) -> Self:
        """Refuse impossible values and combinations before anything is loaded."""
        super().check()
        if self.attention and 2 * self.hidden % self.heads:
            raise refused("heads", f"{self.heads} heads do not divide the width {2 * self.hidden}")
        if self.normalise == "speaker" and self.encoder != "frozen":
            raise refused("normalise", "speaker statistics need --encoder frozen")
        return self


VARIANTS: dict[str, dict[str, Any]] = {
    "full": {},
    "no-adversary": {"adversary": False},
    "no-instance-norm": {"normalise": "none"},
    "no-attention": {"attention": False},
    "no-enhancement": {"enhancement": False},
    "no-max-pool": {"max_pool": False},
    "no-position": {"position": False},
    "baseline": {
        "adversary": False,
        "normalise": "none",
        "attention": False,
        "enhancement": False,
        "max_pool": False,
        "position": False,
    },
}

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "backbone": "facebook/hubert-base-ls960",
        "frame_pool": 1,
        "hidden": 256,
        "gru_layers": 3,
        "dropout": 0.3,
        "heads": 8,
        "attention_dropout": 0.1,
        "adversarial_weight": 0.05,
        "max_alpha": 1.0,
        "lr": 5e-4,
        "min_lr": 1e-7,
        "weight_decay": 1e-5,
        "batch_size": 32,
        "epochs": 50,
        "patience": 10,
        "clip": 1.0,
    },
}
