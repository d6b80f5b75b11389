"""Settings of dual contrastive learning; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from nlpcl.tasks.classification.config import ClassificationConfig, with_default

DUAL_CONTRASTIVE: dict[str, Any] = {
    "loss": "focal",
    "self_supervised_weight": 0.1,
    "supervised_weight": 0.1,
}
"""The objective that makes a classifier DCL-style. The paper's weights are not published."""

FULL_SIZE: dict[str, Any] = {
    "backbone": "bert-base-uncased",
    "lr": 2e-5,
    "batch_size": 16,
    "epochs": 5,
    "max_length": 128,
}
"""BERT-base, trained as in the source of ASRM. DCL's own hyperparameters are not published, so the
preset gives a DCL-style model, not a reproduction."""


@dataclass(kw_only=True)
class Config(ClassificationConfig):
    """Text classification by dual contrastive learning (DCL-style) with focal loss."""

    paper: ClassVar[str] = "after arXiv 2307.05578"

    loss: Literal["ce", "focal"] = with_default("loss", DUAL_CONTRASTIVE["loss"])
    self_supervised_weight: float = with_default(
        "self_supervised_weight", DUAL_CONTRASTIVE["self_supervised_weight"]
    )
    supervised_weight: float = with_default(
        "supervised_weight", DUAL_CONTRASTIVE["supervised_weight"]
    )


VARIANTS: dict[str, dict[str, Any]] = {
    "dcl": {},
    "no-self-supervised": {"self_supervised_weight": 0.0},
    "no-supervised": {"supervised_weight": 0.0},
    "no-focal": {"loss": "ce"},
    "constant": {"variant": "constant"},
    "original": {"variant": "original"},
    "span": {"variant": "span"},
    "position": {"variant": "position"},
    "contrastive": {"variant": "contrastive"},
    "baseline": {"loss": "ce", "self_supervised_weight": 0.0, "supervised_weight": 0.0},
}

BASELINE = "dcl"
"""The variant an ablation compares the others with."""

PRESETS: dict[str, dict[str, Any]] = {"paper": FULL_SIZE}
