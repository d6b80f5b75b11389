"""Settings common to all text classifiers; imports nothing heavy."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from nlpcl.core.config import RunConfig, option
from nlpcl.core.errors import UserError
from nlpcl.core.needs import OWN_FILE, above, is_one_of
from nlpcl.core.splits import Splits
from nlpcl.data.classes import label_map
from nlpcl.data.synonyms import split_auto
from nlpcl.tasks.spec import PredictOptions

Variant = Literal["none", "constant", "original", "span", "position", "contrastive"]
GATE = is_one_of("variant", "original", "span", "position", "contrastive", "constant")
NETWORK = is_one_of("variant", "original", "span", "position", "contrastive")


@dataclass(kw_only=True)
class ClassificationConfig(RunConfig):
    """Data, calibration, objective and training settings of text classifiers."""

    task: ClassVar[str] = "classification"

    text_column: str | None = option(
        None, "Column with the text, for --data FILE", panel="Data", needs=OWN_FILE
    )
    label_column: str | None = option(None, "Column with the label", panel="Data", needs=OWN_FILE)
    map_labels: str = option(
        "",
        "Classes to rename or merge, comma-separated OLD=NEW; OLD= drops a class; auto: names of "
        "emotions such as anger or Wut as nlpcl has them",
        panel="Data",
    )
    max_length: int = option(
        128,
        "Maximum input length; longer texts are truncated and counted",
        panel="Encoder",
        unit="tokens",
        at_least=8,
    )
    variant: Variant = option(
        "none",
        "Gate on the encoder's states (ASRM): per channel (original; constant: the same for every "
        "text), per token from its span or position, original with a contrastive term on states",
    )
    gate_init: Literal["one", "half"] = option(
        "one",
        "What a new gate multiplies by: nearly one (2σ, at most 2), or half as in the source of "
        "ASRM (σ, at most 1)",
        absent="half",
        needs=GATE,
    )
    residual: bool = option(
        False, "Mix the gated states with the ungated ones, in a learned proportion", needs=GATE
    )
    reduction: int = option(
        16,
        "Reduction ratio r of the gates, as in SE networks: their bottleneck is r times narrower "
        "than the encoder, but at least 8 wide",
        at_least=1,
        needs=NETWORK,
    )
    windows: str = option(
        "1,3,5",
        "Span widths of --variant span: odd numbers separated by commas or +",
        unit="tokens",
        needs=is_one_of("variant", "span"),
    )
    pooling: Literal["mean", "cls"] = option(
        "mean", "Vector of a text: the mean over its tokens, or the first token's (cls)"
    )
    dropout: float = option(
        0.1,
        "Dropout probability before the classification head; with the encoder's own dropout it "
        "makes the two views of the self-supervised term",
        at_least=0,
        below=1,
    )
    loss: Literal["ce", "focal"] = option("ce", "Cross-entropy or focal loss", panel="Objective")
    focal_gamma: float = option(
        2.0,
        "Focusing parameter γ of the focal loss",
        at_least=0,
        panel="Objective",
        needs=is_one_of("loss", "focal"),
    )
    class_weights: Literal["none", "balanced"] = option(
        "none",
        "balanced: weights inversely proportional to class frequencies",
        panel="Objective",
    )
    self_supervised_weight: float = option(
        0.0,
        "Weight of the self-supervised contrastive loss (InfoNCE): two dropout views of a text "
        "against the other texts of the batch; 0 encodes each text once",
        at_least=0,
        panel="Objective",
        formerly=("self_supervised",),
    )
    temperature: float = option(
        0.05,
        "Temperature τ of the self-supervised loss",
        above=0,
        panel="Objective",
        needs=above("self_supervised_weight", 0),
    )
    supervised_weight: float = option(
        0.0,
        "Weight of the supervised contrastive loss (L_out): texts of one class against the others",
        at_least=0,
        panel="Objective",
        formerly=("supervised",),
    )
    supervised_temperature: float = option(
        0.07,
        "Temperature τ of the supervised loss and of --variant contrastive",
        above=0,
        panel="Objective",
        needs=above("supervised_weight", 0) | is_one_of("variant", "contrastive"),
    )
    calibration_weight: float = option(
        0.1,
        "Weight of the contrastive term of --variant contrastive",
        above=0,
        panel="Objective",
        needs=is_one_of("variant", "contrastive"),
    )
    gate_lr_factor: float = option(
        3.0,
        "Learning rate of the gate as a multiple of --lr; 0 leaves it as it began",
        panel="Training",
        at_least=0,
        absent=1.0,
        needs=GATE,
    )
    tune_threshold: bool = option(
        False,
        "With two classes, tune the decision threshold on the dev set instead of using 0.5",
        panel="Training",
    )
    epochs: int = option(5, "Passes over the training data", panel="Training", at_least=1)
    batch_size: int = option(16, "Rows per forward pass", panel="Training", unit="rows", at_least=1)
    lr: float = option(3e-4, "Peak learning rate (AdamW)", panel="Training", above=0)

    def check(self) -> Self:
        """Refuse impossible values and combinations before anything is loaded."""
        super().check()
        self.window_widths()
        self.data_options()
        if self.pooling == "cls" and self.variant in {"span", "position"}:
            raise UserError(
                f"a gate per token ({self.variant}) reaches the first token alone",
                "--pooling cls",
                "Use --pooling mean.",
            )
        return self

    def model_options(self) -> dict[str, Any]:
        """The fields under Model and Objective, so that a saved model can compute its loss."""
        objective = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.metadata.get("panel") == "Objective"
        }
        return super().model_options() | objective

    def window_widths(self) -> tuple[int, ...]:
        """``--windows`` as numbers.

        Raises:
            UserError: not a list of different odd numbers; an even span has no middle token.
        """
        parts = [part.strip() for part in re.split(r"[,+]", self.windows)]
        for part in parts:
            if not (part.isdecimal() and int(part) % 2):
                raise UserError(
                    f"{part or self.windows!r} is no odd number of tokens",
                    "--windows",
                    "Give odd widths, such as 1,3,5: the gate of a token looks equally far to "
                    "both sides.",
                )
        widths = tuple(int(part) for part in parts)
        if len(set(widths)) < len(widths):
            raise UserError(f"{self.windows} repeats a width", "--windows", "Give each once.")
        return widths

    def idle(self, splits: Splits) -> dict[str, str]:
        """As for all models; and ``tune_threshold`` for other than two classes."""
        classes = {row["label"] for row in splits.train if row.get("label") is not None}
        many = {"tune_threshold": f"there are {len(classes)} classes, and a threshold parts two"}
        return super().idle(splits) | (many if len(classes) != 2 else {})

    def data_options(self) -> dict[str, Any]:
        """``map_labels`` as former class → new name; whether ``synonyms`` are renamed too."""
        is_auto, rest = split_auto(self.map_labels)
        return {"map_labels": label_map(rest), "synonyms": is_auto}

    def columns(self) -> dict[str, str]:
        """Role → column, for the columns of a table that were given."""
        named = {"text": self.text_column, "label": self.label_column}
        return {role: column for role, column in named.items() if column}


def with_default(name: str, default: Any) -> Any:
    """A field of :class:`ClassificationConfig` with another default."""
    metadata = ClassificationConfig.__dataclass_fields__[name].metadata
    return dataclasses.field(default=default, metadata=dict(metadata))


@dataclass(kw_only=True)
class ClassifyOptions(PredictOptions):
    """Options of ``nlpcl predict hate``."""

    chunk_size: int = option(
        1024,
        "Texts read and predicted at once",
        panel="Options",
        at_least=1,
        formerly=("window",),
    )
