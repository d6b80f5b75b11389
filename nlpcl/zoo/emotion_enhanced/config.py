"""Settings of the speaker-adversarial recurrent model; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from nlpcl.core.config import option
from nlpcl.core.needs import above, is_one_of
from nlpcl.tasks.emotion.config import EmotionConfig, refused

ADVERSARY = is_one_of("adversary", True)


@dataclass(kw_only=True)
class Config(EmotionConfig):
    """Speech emotion by stacked GRUs and attention, with an adversary that hides the speaker."""

    also_saved: ClassVar[tuple[str, ...]] = (
        *EmotionConfig.also_saved,
        *("head_dropout", "attention_dropout", "adversarial_weight", "max_alpha", "alpha_schedule"),
    )

    hidden: int = option(
        256, "Hidden size of each GRU direction; the model is twice as wide", at_least=4
    )
    gru_layers: int = option(3, "Number of bidirectional GRU layers", at_least=1)
    dropout: float = option(
        0.1,
        "Dropout probability of the input frames and between layers",
        at_least=0,
        below=1,
    )
    position: bool = option(True, "Add sinusoidal positional encodings to the frames")
    normalization: Literal["none", "instance", "adain", "speaker"] = option(
        "instance",
        "Normalize each channel to mean 0 and variance 1 over a clip (instance, also called adain) "
        "or over all clips of a speaker (speaker; needs other clips of the speaker at test time)",
        formerly=("normalise",),
    )
    keep_mean: bool = option(
        True,
        "Add the mean of each channel over the clip, which instance normalization takes away, back "
        "behind it, times a learned gain that begins at 1",
        needs=is_one_of("normalization", "instance", "adain"),
        absent=False,
    )
    attention: bool = option(True, "Multi-head self-attention after the GRUs")
    heads: int = option(
        8, "Number of attention heads", at_least=1, needs=is_one_of("attention", True)
    )
    enhancement: bool = option(True, "Feature enhancement after the attention")
    max_pool: bool = option(True, "Max pooling over time beside average pooling")
    head: Literal["linear", "mlp"] = option(
        "linear",
        "Classifier of emotion: one layer behind running normalization (linear), or three behind a "
        "layer norm (mlp), as the classifier of speakers is",
        absent="mlp",
    )
    head_dropout: float = option(
        0.3, "Dropout probability in both classifiers", panel="Training", at_least=0, below=1
    )
    adversary: bool = option(True, "Speaker classifier behind a gradient reversal layer")
    lr: float = option(1e-3, "Peak learning rate (AdamW)", panel="Training", above=0)
    attention_dropout: float = option(
        0.1,
        "Dropout probability of the attention weights",
        panel="Training",
        at_least=0,
        below=1,
        needs=is_one_of("attention", True),
    )
    adversarial_weight: float = option(
        0.05,
        "Factor of the speaker classifier's reversed gradient; the classifier itself has weight 1",
        panel="Training",
        at_least=0,
        needs=(ADVERSARY, above("max_alpha", 0)),
    )
    max_alpha: float = option(
        1.0,
        "Maximum of α, which multiplies the adversarial weight",
        panel="Training",
        at_least=0,
        needs=(ADVERSARY, above("adversarial_weight", 0)),
    )
    alpha_schedule: Literal["documented", "dann"] = option(
        "documented",
        "Schedule of α as training progress p goes from 0 to 1: 0 until p = 0.1, linear until "
        "p = 0.7, then constant (documented), or 2/(1+exp(-10p))-1 (dann)",
        panel="Training",
        formerly=("alpha_course",),
        needs=(ADVERSARY, above("adversarial_weight", 0), above("max_alpha", 0)),
    )

    @property
    def normalises_speakers(self) -> bool:
        """Whether frames are standardised per speaker before the model sees them."""
        return self.normalization == "speaker"

    def check(self) -> Self:
        """Refuse impossible values and combinations before anything is loaded."""
        super().check()
        if self.attention and 2 * self.hidden % self.heads:
            raise refused("heads", f"{self.heads} heads do not divide the width {2 * self.hidden}")
        if self.normalization == "speaker" and self.encoder != "frozen":
            raise refused("normalization", "speaker statistics need --encoder frozen")
        return self


VARIANTS: dict[str, dict[str, Any]] = {
    "full": {},
    "documented": {
        "keep_mean": False,
        "head": "mlp",
        "dropout": 0.3,
        "lr": 5e-4,
    },
    "no-mean": {"keep_mean": False},
    "mlp-head": {"head": "mlp"},
    "no-adversary": {"adversary": False},
    "no-instance-norm": {"normalization": "none"},
    "no-attention": {"attention": False},
    "no-enhancement": {"enhancement": False},
    "no-max-pool": {"max_pool": False},
    "no-position": {"position": False},
    "baseline": {
        "adversary": False,
        "normalization": "none",
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
        "keep_mean": False,
        "head": "mlp",
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
        "max_grad_norm": 1.0,
    },
}
