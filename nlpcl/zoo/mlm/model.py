"""Masked language modelling on noised text (BERT, PLOME).

Two terms: ``changed``, the cross-entropy at characters that were replaced, and ``kept``, at
characters that stand as they were. Real text is mostly right, so copying must be learned as well.
"""

from __future__ import annotations

from nlpcl.zoo.masked_lm import RestoringModel
from nlpcl.zoo.mlm.config import Config


class MaskedLanguageModel(RestoringModel):
    """An encoder with its masked-language-model head."""

    name = "mlm"
    settings = Config
    options: Config
