"""Settings of SDCL; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from nlpcl.core.config import option
from nlpcl.core.needs import above
from nlpcl.tasks.correction.config import CorrectionConfig


@dataclass(kw_only=True)
class Config(CorrectionConfig):
    """Chinese spelling correction by token-level self-distillation contrastive learning."""

    paper: ClassVar[str] = "arXiv 2210.17168"

    alpha: float = option(
        1.0, "Weight α of L_y, the loss of copying the correct sentence", at_least=0
    )
    beta: float = option(0.5, "Weight β of the contrastive loss L_c", at_least=0)
    temperature: float = option(0.9, "Temperature τ of L_c", above=0, needs=above("beta", 0))
    negatives: Literal["teacher", "student", "batch"] = option(
        "teacher",
        "Negatives of a wrong character: the characters of the correct sentence (teacher), of the "
        "wrong sentence (student), or the unchanged ones of the whole batch (batch)",
        needs=above("beta", 0),
    )
    output_layer: Literal["tied", "elementwise"] = option(
        "tied",
        "tied: transform(h)·Wᵀ+b, as in the paper; elementwise: h ⊙ w before it, a misreading of "
        "the paper kept for comparison",
    )


VARIANTS: dict[str, dict[str, Any]] = {
    "sdcl": {},
    "no-contrast": {"beta": 0.0},
    "no-copy": {"alpha": 0.0},
    "plain": {"alpha": 0.0, "beta": 0.0},
    "student-negatives": {"negatives": "student"},
    "batch-negatives": {"negatives": "batch"},
    "elementwise": {"output_layer": "elementwise"},
}

BASELINE = "sdcl"
"""The variant an ablation compares the others with."""

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "backbone": "hfl/chinese-macbert-base",
        "batch_size": 48,
        "lr": 7e-5,
        "epochs": 20,
    },
}
