"""DCL-style dual contrastive learning with focal loss.

``L = focal + a · InfoNCE of two dropout views + b · supervised contrast of the classes``.

After Lu et al. 2023 (arXiv 2307.05578), of which the kinds of the losses are known, but neither
their weights, temperatures and views nor any code. What is open is taken from the methods it builds
on: SimCSE for the views (arXiv 2104.08821), L_out of supervised contrastive learning (arXiv
2004.11362), the focal loss (arXiv 1708.02002). So this is DCL-style and reproduces no table.
"""

from __future__ import annotations

from nlpcl.zoo.dcl.config import Config
from nlpcl.zoo.text_classifier import TextClassifier


class DCL(TextClassifier):
    """A text encoder trained by two contrastive losses beside the focal one."""

    name = "dcl"
    settings = Config
    options: Config
