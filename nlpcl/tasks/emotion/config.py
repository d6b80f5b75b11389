"""Settings that all models of speech emotion share; imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from nlpcl.core.config import RunConfig, flag, option
from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.schedules import warmup_cosine
from nlpcl.tasks.spec import PredictOptions

PROTOCOL = re.compile(r"auto|loso|lospo|random|official|kfold:\d+")
KINDS = ("all", "improvised", "scripted")


@dataclass(kw_only=True)
class EmotionConfig(RunConfig):
    """Data, encoder, augmentation and training settings of models of speech emotion."""

    task: ClassVar[str] = "emotion"
    also_saved: ClassVar[tuple[str, ...]] = (
        *("encoder", "unfreeze"),
        *("loss", "focal_gamma", "label_smoothing", "class_weights"),
    )
    """Fields outside the heading Model that a saved model needs to repeat its loss."""

    # Of texts; without a description they are no flags.
    max_length: int = 128
    train_fraction: float = 1.0
    protocol: str = option(
        "auto",
        "Who is tested: loso (a session left out), lospo (a speaker left out), kfold:N (groups of "
        "speakers), random (speaker-dependent), official, or auto",
        panel="Data",
    )
    labels: str | None = option(
        None, "Emotions to keep, joined by commas; all of the corpus by default", panel="Data"
    )
    merge: str = option(
        "excited=happy", "Emotions to rename first, OLD=NEW joined by commas", panel="Data"
    )
    kind: str = option("all", "Speech of IEMOCAP: all, improvised or scripted", panel="Data")
    path_column: str | None = option(
        None, "Column of the sound file, for --data FILE", panel="Data"
    )
    label_column: str | None = option(None, "Column of the emotion", panel="Data")
    speaker_column: str | None = option(None, "Column of the speaker", panel="Data")
    session_column: str | None = option(None, "Column of the session", panel="Data")
    gender_column: str | None = option(None, "Column of the gender", panel="Data")
    backbone: str = option(
        "builtin",
        "builtin, logmel, a Hugging Face folder, or a hub id (HuBERT, wav2vec 2.0, WavLM, Whisper)",
        panel="Encoder",
    )
    encoder: Literal["frozen", "partial", "full"] = option(
        "frozen",
        "What of the encoder learns: nothing (features are made once), its top blocks, or all",
        panel="Encoder",
    )
    unfreeze: int = option(
        2,
        "Blocks, from the top, that learn with --encoder partial",
        panel="Encoder",
        unit="blocks",
        at_least=1,
    )
    layer: int | None = option(
        None,
        "Whose states are used: 0 before the first block, n after block n; the last by default",
        panel="Encoder",
        at_least=0,
    )
    weighted_sum: bool = option(
        False, "Learn a weighted sum of the layers up to --layer", panel="Encoder"
    )
    encoder_lr: float = option(
        1e-5, "Peak learning rate of an encoder that learns", panel="Encoder", above=0
    )
    input_norm: Literal["auto", "layer", "channel", "none"] = option(
        "auto",
        "Each frame brought to mean 0 and variance 1 (layer), or each channel by the training "
        "clips' statistics (channel); auto is channel for logmel, else layer",
    )
    frame_pool: int = option(
        8,
        "Neighbouring frames averaged into one before the model; 8 of 20 ms make 160 ms",
        unit="frames",
        at_least=1,
    )
    noise_snr: float | None = option(
        None,
        "Add noise to half of the training clips, this far below them; none adds none",
        panel="Augmentation",
        unit="dB",
    )
    stretch: float = option(
        0.0,
        "Stretch or shrink training clips in time by up to this share, by interpolation",
        panel="Augmentation",
        at_least=0,
        below=1,
    )
    speed: float = option(
        0.0,
        "Play training clips faster or slower by up to this share, pitch included; needs an "
        "encoder that learns",
        panel="Augmentation",
        at_least=0,
        below=1,
    )
    time_mask: float = option(
        0.0,
        "Hide up to this share of a training clip's frames in one piece",
        panel="Augmentation",
        at_least=0,
        below=1,
    )
    feature_mask: float = option(
        0.0,
        "Hide up to this share of a training clip's channels in one piece",
        panel="Augmentation",
        at_least=0,
        below=1,
    )
    mixup: float = option(
        0.0, "α of mixup; the greater, the more even; 0 mixes none", panel="Training", at_least=0
    )
    loss: Literal["ce", "focal"] = option("ce", "Cross-entropy or focal loss", panel="Training")
    focal_gamma: float = option(2.0, "γ of the focal loss", panel="Training", at_least=0)
    label_smoothing: float = option(
        0.0,
        "Share of each label spread over all emotions",
        panel="Training",
        at_least=0,
        below=1,
    )
    class_weights: Literal["none", "balanced"] = option(
        "none", "balanced: rare emotions weigh as much as frequent ones", panel="Training"
    )
    epochs: int = option(50, "Passes over the training data", panel="Training", at_least=1)
    batch_size: int = option(32, "Clips a forward pass", panel="Training", unit="clips", at_least=1)
    lr: float = option(5e-4, "Peak learning rate (AdamW)", panel="Training", above=0)
    min_lr: float = option(
        1e-7, "Learning rate at the end, after half a cosine", panel="Training", at_least=0
    )
    restarts: int = option(
        0, "How often the learning rate starts again from its peak", panel="Training", at_least=0
    )
    patience: int = option(
        10,
        "Stop after so many epochs without a better dev score; 0 trains to the end",
        panel="Training",
        unit="epochs",
        at_least=0,
    )

    @property
    def folds(self) -> bool:
        """All protocols but the corpus's own are repeated over folds."""
        return self.protocol != "official"

    def check(self) -> Self:
        """Refuse impossible values and combinations before anything is loaded."""
        super().check()
        learns = self.encoder != "frozen"
        if not PROTOCOL.fullmatch(self.protocol) or self.protocol in {"kfold:0", "kfold:1"}:
            how = "Known: auto, loso, lospo, kfold:N with N of 2 or more, random, official."
            raise UserError(f"{self.protocol} is no protocol", "--protocol", how)
        if self.kind not in KINDS:
            raise unknown_name("kind", self.kind, KINDS, where="--kind")
        if self.min_lr > self.lr:
            raise refused("min_lr", f"{self.min_lr:g} is above --lr {self.lr:g}")
        if self.backbone == "logmel" and (learns or self.weighted_sum or self.layer is not None):
            how = "It has no layers: leave --encoder frozen, --layer and --weighted-sum alone."
            raise UserError("a spectrogram cannot learn", "--backbone logmel", how)
        if self.speed and not learns:
            how = "Use --encoder partial or full, or --stretch."
            raise UserError("needs waveforms, features are made once", "--speed", how)
        if self.input_norm == "channel" and learns:
            how = "Use --encoder frozen or --input-norm layer."
            raise UserError("its statistics would not follow the encoder", "--input-norm", how)
        self.renamed()
        return self

    def renamed(self) -> dict[str, str]:
        """``--merge`` as old name → new name."""
        pairs = [part.partition("=") for part in self.merge.split(",") if part.strip()]
        for old, _, new in pairs:
            if not (old.strip() and new.strip()):
                raise refused("merge", f"{self.merge!r} is not OLD=NEW, joined by commas")
        return {old.strip(): new.strip() for old, _, new in pairs}

    @property
    def normalises_speakers(self) -> bool:
        """Whether frames are standardised by their speaker before the model sees them."""
        return False

    def chosen_labels(self) -> list[str] | None:
        """``--labels`` as a list; None keeps all."""
        names = [part.strip() for part in (self.labels or "").split(",")]
        return [name for name in names if name] or None

    def data_options(self) -> dict[str, Any]:
        """What an adapter of clips is told: ``labels``, ``merge``, ``kind``."""
        return {"labels": self.chosen_labels(), "merge": self.renamed(), "kind": self.kind}

    def columns(self) -> dict[str, str]:
        """The columns of a manifest that were named."""
        named = {
            role: getattr(self, f"{role}_column")
            for role in ("path", "label", "speaker", "session", "gender")
        }
        return {role: column for role, column in named.items() if column}

    def learning_rate_course(self, updates: int) -> Callable[[int], float]:
        """Warm-up and half cosines down to ``min_lr``."""
        floor = self.min_lr / self.lr
        return warmup_cosine(updates, warmup=self.warmup, floor=floor, restarts=self.restarts)

    def model_options(self) -> dict[str, Any]:
        """The fields under Model, with ``auto`` resolved, and those of the loss."""
        options = super().model_options()
        if self.input_norm == "auto":
            options["input_norm"] = "channel" if self.backbone == "logmel" else "layer"
        return options | {name: getattr(self, name) for name in self.also_saved}


def refused(name: str, what: str) -> UserError:
    """The error of a value that does not fit another."""
    return UserError(what, flag(name), "Give another value.")


@dataclass(kw_only=True)
class RecogniseOptions(PredictOptions):
    """Options of ``nlpcl predict emotion``."""

    window: float = option(
        0.0,
        "Length of a prediction; 0 takes each file whole",
        panel="Options",
        unit="s",
        at_least=0,
    )
    hop: float | None = option(
        None, "From window to window; as long as the window by default", panel="Options", unit="s"
    )

    def check(self) -> Self:
        """Refuse a step that does not suit the windows."""
        if self.hop is not None and (not self.window or not 0 < self.hop <= self.window):
            raise UserError(
                f"a step of {self.hop:g} s does not suit windows of {self.window:g} s",
                "--hop",
                "Give --window too, and a step above 0 that is no longer than it.",
            )
        return super().check()
