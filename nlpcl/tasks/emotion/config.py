"""Settings common to all speech emotion models; imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from nlpcl.core.config import RunConfig, flag, needing, option
from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.needs import OWN_FILE, Need, above, is_one_of
from nlpcl.core.schedules import warmup_cosine
from nlpcl.data.classes import label_map
from nlpcl.data.synonyms import split_auto
from nlpcl.tasks.emotion.hearing import HearingConfig
from nlpcl.tasks.spec import PredictOptions

PROTOCOL = re.compile(r"auto|loso|lospo|random|official|kfold:\d+")
KINDS = ("all", "improvised", "scripted")
DEV = ("speakers", "clips")
BY_SPEAKER = Need(
    "protocol",
    lambda protocol: protocol not in ("official", "random"),
    "--protocol auto, loso, lospo or kfold:N",
    "auto",
)
"""For what concerns folds of speakers."""


@dataclass(kw_only=True)
class EmotionConfig(HearingConfig):
    """Data, encoder, augmentation and training settings of speech emotion models."""

    task: ClassVar[str] = "emotion"
    also_saved: ClassVar[tuple[str, ...]] = (
        *("encoder", "unfreeze"),
        *("loss", "focal_gamma", "label_smoothing", "class_weights"),
    )
    """Fields outside the heading Model that a saved model needs to compute its loss."""

    # They apply to text only; fields without a description are not flags.
    max_length: int = 128
    train_fraction: float = 1.0
    unescape_html: bool = False
    # Folds share no clip.
    keep_overlap: bool = needing(RunConfig, "keep_overlap", is_one_of("protocol", "official"))
    protocol: str = option(
        "auto",
        "Evaluation protocol: loso (leave one session out), lospo (leave one speaker out), "
        "kfold:N (groups of speakers), random (speaker-dependent), official (the corpus's split), "
        "or auto",
        panel="Data",
    )
    dev: str = option(
        "speakers",
        "Dev set of each fold: speakers of its own; clips, where speakers are few: clips of those "
        "trained on (the test is of other speakers all the same)",
        panel="Data",
        needs=BY_SPEAKER,
    )
    labels: str | None = option(
        None, "Emotions to keep, comma-separated; by default all in the corpus", panel="Data"
    )
    map_labels: str = option(
        "excited=happy",
        "Emotions to rename or merge first, comma-separated OLD=NEW; OLD= drops an emotion; auto: "
        "names in other corpora and languages, such as anger or Wut, as they are here",
        panel="Data",
        formerly=("merge",),
    )
    kind: str = option("all", "Part of IEMOCAP: all, improvised or scripted speech", panel="Data")
    path_column: str | None = option(
        None, "Column with the audio file, for --data FILE", panel="Data", needs=OWN_FILE
    )
    label_column: str | None = option(None, "Column with the emotion", panel="Data", needs=OWN_FILE)
    speaker_column: str | None = option(
        None, "Column with the speaker", panel="Data", needs=OWN_FILE
    )
    session_column: str | None = option(
        None, "Column with the session", panel="Data", needs=OWN_FILE
    )
    gender_column: str | None = option(None, "Column with the gender", panel="Data", needs=OWN_FILE)
    backbone: str = option(
        "builtin",
        "builtin, logmel, a Hugging Face folder, or a hub id (HuBERT, wav2vec 2.0, WavLM, Whisper)",
        panel="Encoder",
    )
    encoder: Literal["frozen", "partial", "full"] = option(
        "frozen",
        "Which part of the encoder is trained: none (its features are cached), its top layers, or "
        "all of it",
        panel="Encoder",
    )
    unfreeze: int = option(
        2,
        "Number of top encoder layers trained with --encoder partial",
        panel="Encoder",
        unit="layers",
        at_least=1,
        needs=is_one_of("encoder", "partial"),
    )
    layer: int | None = option(
        None,
        "Encoder layer to take features from: 0 is the input of the first layer, n the output of "
        "layer n; by default the last",
        panel="Encoder",
        at_least=0,
    )
    weighted_sum: bool = option(
        False, "Learn a weighted sum of the layers up to --layer", panel="Encoder"
    )
    encoder_lr: float = option(
        1e-5,
        "Peak learning rate of the encoder, where it is trained",
        panel="Encoder",
        above=0,
        needs=is_one_of("encoder", "partial", "full"),
    )
    input_norm: Literal["auto", "layer", "channel", "none"] = option(
        "auto",
        "Normalize the input to mean 0 and variance 1: each frame over its channels (layer), or "
        "each channel by the training clips' statistics (channel); auto is channel for logmel, "
        "else layer",
    )
    frame_pool: int = option(
        8,
        "Average pooling over time before the model; 8 frames of 20 ms make one of 160 ms",
        unit="frames",
        at_least=1,
    )
    noise_snr: float | None = option(
        None,
        "Add noise to half of the training clips at this signal-to-noise ratio; none adds none",
        panel="Augmentation",
        unit="dB",
    )
    stretch: float = option(
        0.0,
        "Time stretching: lengthen or shorten training clips by up to this fraction, interpolating "
        "their features",
        panel="Augmentation",
        at_least=0,
        below=1,
    )
    speed: float = option(
        0.0,
        "Speed perturbation: play training clips faster or slower by up to this fraction, which "
        "shifts the pitch too; needs an encoder that is trained",
        panel="Augmentation",
        at_least=0,
        below=1,
    )
    time_mask: float = option(
        0.0,
        "SpecAugment time masking: mask a span of up to this fraction of a clip's frames",
        panel="Augmentation",
        at_least=0,
        below=1,
    )
    feature_mask: float = option(
        0.0,
        "SpecAugment frequency masking: mask a band of up to this fraction of the channels",
        panel="Augmentation",
        at_least=0,
        below=1,
    )
    mixup: float = option(
        0.0,
        "α of mixup with other clips of the same forward pass (--batch-size); larger values mix "
        "more evenly, 0 disables it",
        panel="Training",
        at_least=0,
        needs=above("batch_size", 1),
    )
    loss: Literal["ce", "focal"] = option("ce", "Cross-entropy or focal loss", panel="Training")
    focal_gamma: float = option(
        2.0,
        "Focusing parameter γ of the focal loss",
        panel="Training",
        at_least=0,
        needs=is_one_of("loss", "focal"),
    )
    label_smoothing: float = option(
        0.0,
        "Label smoothing: fraction of each label spread evenly over all emotions",
        panel="Training",
        at_least=0,
        below=1,
    )
    class_weights: Literal["none", "balanced"] = option(
        "none", "balanced: weights inversely proportional to class frequencies", panel="Training"
    )
    epochs: int = option(50, "Passes over the training data", panel="Training", at_least=1)
    batch_size: int = option(
        32, "Clips per forward pass", panel="Training", unit="clips", at_least=1
    )
    lr: float = option(5e-4, "Peak learning rate (AdamW)", panel="Training", above=0)
    min_lr: float = option(
        1e-7, "Learning rate at the end of the cosine decay", panel="Training", at_least=0
    )
    restarts: int = option(
        0,
        "Warm restarts: times the learning rate returns to its peak",
        panel="Training",
        at_least=0,
    )
    patience: int = option(
        10,
        "Epochs without a better dev score before training stops early; 0 never stops early",
        panel="Training",
        unit="epochs",
        at_least=0,
    )

    @property
    def folds(self) -> bool:
        """True for every protocol but the corpus's own split."""
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
        if self.dev not in DEV:
            raise unknown_name("dev set", self.dev, DEV, where="--dev")
        if self.min_lr > self.lr:
            raise refused("min_lr", f"{self.min_lr:g} is above --lr {self.lr:g}")
        if self.backbone == "logmel" and (learns or self.weighted_sum or self.layer is not None):
            how = "It has no layers: leave --encoder frozen, --layer and --weighted-sum alone."
            raise UserError("a spectrogram cannot be trained", "--backbone logmel", how)
        if self.speed and not learns:
            how = "Use --encoder partial or full, or --stretch."
            raise UserError("needs waveforms, but the features are cached", "--speed", how)
        if self.input_norm == "channel" and learns:
            how = "Use --encoder frozen or --input-norm layer."
            raise UserError(
                "its statistics would be outdated as the encoder is trained", "--input-norm", how
            )
        self.renamed()
        return self

    def renamed(self) -> dict[str, str]:
        """``--map-labels`` as old name → new name, empty for an emotion to be dropped."""
        is_auto, rest = split_auto(self.map_labels)
        usual = type(self).__dataclass_fields__["map_labels"].default
        mapping = label_map(usual if is_auto and not rest else rest)
        return {old.lower(): new.lower() for old, new in mapping.items()}

    @property
    def normalises_speakers(self) -> bool:
        """Whether frames are standardised per speaker before the model sees them."""
        return False

    def chosen_labels(self) -> list[str] | None:
        """``--labels`` as a list; None keeps all."""
        names = [part.strip() for part in (self.labels or "").split(",")]
        return [name for name in names if name] or None

    def data_options(self) -> dict[str, Any]:
        """What an adapter of clips is told, see :func:`nlpcl.data.clips.chosen`."""
        return {
            "labels": self.chosen_labels(),
            "map_labels": self.renamed(),
            "kind": self.kind,
            "synonyms": split_auto(self.map_labels)[0],
        }

    def columns(self) -> dict[str, str]:
        """Role → column, for the columns of a manifest that were given."""
        named = {
            role: getattr(self, f"{role}_column")
            for role in ("path", "label", "speaker", "session", "gender")
        }
        return {role: column for role, column in named.items() if column}

    def learning_rate_schedule(self, updates: int) -> Callable[[int], float]:
        """Linear warm-up, then cosine decay to ``min_lr``, with restarts if there are any."""
        floor = self.min_lr / self.lr
        return warmup_cosine(updates, warmup=self.warmup_ratio, floor=floor, restarts=self.restarts)

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
        "Window length; 0 makes one prediction per file",
        panel="Options",
        unit="s",
        at_least=0,
    )
    hop: float | None = option(
        None, "Hop between windows; by default the window length", panel="Options", unit="s"
    )

    def check(self) -> Self:
        """Refuse a hop that does not suit the windows."""
        if self.hop is not None and (not self.window or not 0 < self.hop <= self.window):
            raise UserError(
                f"a hop of {self.hop:g} s does not suit windows of {self.window:g} s",
                "--hop",
                "Give --window too, and a hop above 0 that is no longer than it.",
            )
        return super().check()
