"""ASRM: the states of a text encoder are gated before they are pooled and classified.

The gates are in :mod:`nlpcl.nn.layers.calibration_gates`. The name and the original gate, which is
that of squeeze-and-excitation networks, come from a public analysis of hate speech detection; no
paper defines them. Differences from it: padding is masked everywhere; the span gate accepts a mask;
no variant moves states by their labels, which are known in training but not in use. The contrastive
variant adds a term to the loss instead. A new gate is near 1 and has a higher learning rate than
the rest: as written there (``--gate-init half --gate-lr-factor 1``) it begins near 1/2, which
halves the states, and hardly moves from it.
"""

from __future__ import annotations

from nlpcl.zoo.asrm.config import Config
from nlpcl.zoo.text_classifier import TextClassifier


class ASRM(TextClassifier):
    """A text classifier whose encoder states are multiplied by gates."""

    name = "asrm"
    settings = Config
    options: Config
