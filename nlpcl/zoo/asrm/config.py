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


VARIANTS: dict[str, dict[str, Any]] = {
    "none": {"variant": "none"},
    "original": {"variant": "original"},
    "span": {"variant": "span"},
    "position": {"variant": "position"},
    "contrastive": {"variant": "contrastive"},
    "dcl": {"variant": "none", **DUAL_CONTRASTIVE},
    "dcl+original": {"variant": "original", **DUAL_CONTRASTIVE},
    "dcl+span": {"variant": "span", **DUAL_CONTRASTIVE},
    "dcl+position": {"variant": "position", **DUAL_CONTRASTIVE},
    "dcl+contrastive": {"variant": "contrastive", **DUAL_CONTRASTIVE},
}

BASELINE = "none"
"""The variant an ablation compares the others with."""

PRESETS: dict[str, dict[str, Any]] = {"paper": FULL_SIZE}
