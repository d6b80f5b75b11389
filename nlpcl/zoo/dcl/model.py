"""DCL-style dual contrastive learning with focal loss.

``L = focal + a · InfoNCE of two dropout views + b · supervised contrast of the classes``.

After Lu et al. 2023 (arXiv 2307.05578), who publish the kinds of the losses, but no code and none
of the weights, temperatures and views. What is missing is taken from the methods it builds on:
SimCSE for the views (arXiv 2104.08821), L_out of supervised contrastive learning (arXiv
2004.11362), the focal loss (arXiv 1708.02002). So this is DCL-style and reproduces no table.
"""

from __future__ import annotations

from nlpcl.zoo.dcl.config import Config
from nlpcl.zoo.text_classifier import TextClassifier


class DCL(TextClassifier):
    """A text classifier trained with two contrastive losses besides the focal loss."""

    name = "dcl"
    settings = Config
    options: Config
