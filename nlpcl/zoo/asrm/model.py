"""ASRM: the states of a text encoder pass a gate before they are pooled and classified.

The gates are in :mod:`nlpcl.nn.layers.calibration_gates`. The name and the original gate, which is
that of squeeze-and-excitation networks, come from a public analysis of hate speech detection; no
paper defines them. Where we differ from it: padding takes part nowhere; the span gate accepts a
mask; no variant moves states by their labels, which would be there in training and not in use: the
contrastive one adds a term to the loss.
"""

from __future__ import annotations

from nlpcl.zoo.asrm.config import Config
from nlpcl.zoo.text_classifier import TextClassifier


class ASRM(TextClassifier):
    """A text encoder with calibrated states."""

    name = "asrm"
    settings = Config
    options: Config
