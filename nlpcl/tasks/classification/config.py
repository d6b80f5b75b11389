"""Settings that all classifiers of text share; imports nothing heavy."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from nlpcl.core.config import RunConfig, option
from nlpcl.core.errors import UserError
from nlpcl.tasks.spec import PredictOptions

Variant = Literal["none", "original", "span", "position", "contrastive"]


@dataclass(kw_only=True)
class ClassificationConfig(RunConfig):
    """Data, calibration, objective and training settings of classifiers of text."""

    task: ClassVar[str] = "classification"

    text_column: str | None = option(None, "Column of the text, for --data FILE", panel="Data")
    label_column: str | None = option(None, "Column of the label", panel="Data")
    max_length: int = option(
        128,
        "Longest input; the rest of a longer text is left out and the text counted",
        panel="Encoder",
        unit="tokens",
        at_least=8,
    )
    variant: Variant = option(
        "none",
        "ASRM: none, a gate per channel (original), a gate per token from its span or position, "
        "or original with a contrastive term on the calibrated states",
    )
    residual: bool = option(
        False, "Mix the calibrated states with those before, in a learned proportion"
    )
    reduction: int = option(
        16,
        "The networks of the gates are so many times narrower than the encoder, 8 at least",
        at_least=1,
    )
    windows: str = option(
        "1,3,5", "Widths of the spans of --variant span, odd, joined by commas or +", unit="tokens"
    )
    pooling: Literal["mean", "cls"] = option(
        "mean", "One vector a text: the mean of its tokens, or the first token's"
    )
    dropout: float = option(
        0.1,
        "Share of the pooled vector that is dropped before the head; with the encoder's own "
        "dropout it makes the two views of --self-supervised",
        at_least=0,
        below=1,
    )
    loss: Literal["ce", "focal"] = option("ce", "Cross-entropy or focal loss", panel="Objective")
    focal_gamma: float = option(2.0, "γ of the focal loss", at_least=0, panel="Objective")
    class_weights: Literal["none", "balanced"] = option(
        "none",
        "balanced: rare classes weigh as much as frequent ones, by inverse frequency",
        panel="Objective",
    )
    self_supervised: float = option(
        0.0,
        "Weight of the contrast between two dropout views of a text and the batch's other texts "
        "(InfoNCE); 0 reads each text once",
        at_least=0,
        panel="Objective",
    )
    temperature: float = option(
        0.05, "Softmax temperature τ of --self-supervised", above=0, panel="Objective"
    )
    supervised: float = option(
        0.0,
        "Weight of the contrast between texts of one class and of others (supervised, L_out)",
        at_least=0,
        panel="Objective",
    )
    supervised_temperature: float = option(
        0.07,
        "Softmax temperature τ of --supervised and of --variant contrastive",
        above=0,
        panel="Objective",
    )
    calibration_weight: float = option(
        0.1,
        "Weight of the contrastive term of --variant contrastive: classes pulled together, "
        "others pushed apart",
        above=0,
        panel="Objective",
    )
    tune_threshold: bool = option(
        False,
        "With two classes, choose the threshold on the dev set instead of 0.5",
        panel="Training",
    )
    epochs: int = option(5, "Passes over the training data", panel="Training", at_least=1)
    batch_size: int = option(16, "Rows a forward pass", panel="Training", unit="rows", at_least=1)
    lr: float = option(3e-4, "Peak learning rate (AdamW)", panel="Training", above=0)

    def check(self) -> Self:
        """Refuse impossible values and combinations before anything is loaded."""
        super().check()
        self.window_widths()
        if self.pooling == "cls" and self.variant in {"span", "position"}:
            raise UserError(
                f"a gate per token ({self.variant}) reaches the first token alone",
                "--pooling cls",
                "Use --pooling mean.",
            )
        return self

    def model_options(self) -> dict[str, Any]:
        """The fields under Model and Objective: a saved model can repeat its loss."""
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

    def columns(self) -> dict[str, str]:
        """The columns of a table that were named."""
        named = {"text": self.text_column, "label": self.label_column}
        return {role: column for role, column in named.items() if column}


def with_default(name: str, default: Any) -> Any:
    """A field of :class:`ClassificationConfig` with another default."""
    metadata = ClassificationConfig.__dataclass_fields__[name].metadata
    return dataclasses.field(default=default, metadata=dict(metadata))


@dataclass(kw_only=True)
class ClassifyOptions(PredictOptions):
    """Options of ``nlpcl predict hate``."""

    window: int = option(1024, "Texts held in memory together", panel="Options", at_least=1)
