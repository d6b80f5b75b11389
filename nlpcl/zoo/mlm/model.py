"""Masked language modelling on noised text (BERT, PLOME).

The loss has two terms: ``changed``, the cross-entropy at characters that were replaced, and
``kept``, that at characters left as they were. Most characters of real text are correct, so copying
must be learned as well.
"""

from __future__ import annotations

from nlpcl.zoo.masked_lm import RestoringModel
from nlpcl.zoo.mlm.config import Config


class MaskedLanguageModel(RestoringModel):
    """An encoder and its language-modelling head, trained to restore noised text."""

    name = "mlm"
    settings = Config
    options: Config
