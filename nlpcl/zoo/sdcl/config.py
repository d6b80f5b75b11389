"""Settings of SDCL; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from nlpcl.core.config import option
from nlpcl.tasks.correction.config import CorrectionConfig


@dataclass(kw_only=True)
class Config(CorrectionConfig):
    """Chinese spelling correction by token-level self-distillation contrastive learning."""

    paper: ClassVar[str] = "arXiv 2210.17168"

    alpha: float = option(1.0, "Weight α of L_y, copying the correct sentence", at_least=0)
    beta: float = option(0.5, "Weight β of the contrastive loss L_c", at_least=0)
    temperature: float = option(0.9, "Softmax temperature τ of L_c", above=0)
    negatives: Literal["teacher", "student", "batch"] = option(
        "teacher",
        "What a wrong character is pushed from: the correct sentence's characters (teacher), the "
        "wrong sentence's (student), or the batch's unchanged ones (batch)",
    )
    output_layer: Literal["tied", "elementwise"] = option(
        "tied",
        "tied: transform(h)·Wᵀ+b, as in the paper; elementwise: (h ⊙ w) before it, a misreading "
        "kept for comparison",
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
"""What an ablation compares the other variants with."""

PRESETS: dict[str, dict[str, Any]] = {
    "paper": {
        "backbone": "hfl/chinese-macbert-base",
        "batch_size": 48,
        "lr": 7e-5,
        "epochs": 20,
    },
}
