"""Settings of ASRM; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nlpcl.tasks.classification.config import ClassificationConfig, Variant, with_default
from nlpcl.zoo.dcl.config import DUAL_CONTRASTIVE, FULL_SIZE


@dataclass(kw_only=True)
class Config(ClassificationConfig):
    """Text classification with states calibrated by a gate: per channel, span or position."""

    variant: Variant = with_default("variant", "original")


AS_WRITTEN: dict[str, Any] = {"gate_init": "half", "gate_lr_factor": 1.0}
"""The gates of the source: they halve the states of a new model, and learn as fast as the rest."""

VARIANTS: dict[str, dict[str, Any]] = {
    "none": {"variant": "none"},
    "constant": {"variant": "constant"},
    "original": {"variant": "original"},
    "span": {"variant": "span"},
    "position": {"variant": "position"},
    "contrastive": {"variant": "contrastive"},
    "constant-half": {"variant": "constant", **AS_WRITTEN},
    "original-half": {"variant": "original", **AS_WRITTEN},
    "dcl": {"variant": "none", **DUAL_CONTRASTIVE},
    "dcl+constant": {"variant": "constant", **DUAL_CONTRASTIVE},
    "dcl+original": {"variant": "original", **DUAL_CONTRASTIVE},
    "dcl+span": {"variant": "span", **DUAL_CONTRASTIVE},
    "dcl+position": {"variant": "position", **DUAL_CONTRASTIVE},
    "dcl+contrastive": {"variant": "contrastive", **DUAL_CONTRASTIVE},
}

"""``constant`` is the control of the gates: learned numbers that do not depend on the text."""

BASELINE = "none"
"""The variant an ablation compares the others with."""

PRESETS: dict[str, dict[str, Any]] = {"paper": FULL_SIZE}
