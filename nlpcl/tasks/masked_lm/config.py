"""Settings common to all masked language models; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nlpcl.core.config import RunConfig, option
from nlpcl.core.needs import OWN_FILE, above, below


@dataclass(kw_only=True)
class MaskedLMConfig(RunConfig):
    """Data and noise of models that restore noised text."""

    task: ClassVar[str] = "masked_lm"

    text_column: str | None = option(
        None, "Column with the text, for --data FILE", panel="Data", needs=OWN_FILE
    )

    confusion: str | None = option(
        None,
        "Folder with the PLOME confusion sets; without it the mask token is used instead",
        panel="Noise",
    )
    observed: str | None = option(
        None,
        "File with sentence pairs, whose edits --observed-fraction makes again",
        panel="Noise",
    )
    mlm_probability: float = option(
        0.15,
        "Fraction of the characters selected for prediction in a text",
        panel="Noise",
        above=0,
        below=1,
        formerly=("rate",),
        needs=below("light_fraction", 1),
    )
    light_fraction: float = option(
        0.5,
        "Fraction of the texts with few errors, whatever --mlm-probability",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("light",),
    )
    light_errors: float = option(
        0.5,
        "Mean number of errors in a text with few errors",
        panel="Noise",
        at_least=0,
        needs=above("light_fraction", 0),
    )
    light_mask_probability: float = option(
        0.0,
        "Fraction of the characters masked in a text with few errors",
        panel="Noise",
        needs=above("light_fraction", 0),
        at_least=0,
        below=1,
    )
    mask_fraction: float = option(
        0.2,
        "Fraction of the selected characters replaced by the mask token",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("mask_share",),
    )
    pinyin_fraction: float = option(
        0.4,
        "Fraction replaced by a character of the same sound",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("pinyin_share",),
    )
    near_pinyin_fraction: float = option(
        0.15,
        "Fraction replaced by a character of a similar sound",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("near_pinyin_share",),
    )
    shape_fraction: float = option(
        0.1,
        "Fraction replaced by a character of a similar shape",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("shape_share",),
    )
    word_fraction: float = option(
        0.0,
        "Fraction at which a word of the training text is replaced by another of its sound",
        panel="Noise",
        at_least=0,
        at_most=1,
    )
    observed_fraction: float = option(
        0.0,
        "Fraction replaced as in the sentence pairs of --observed",
        panel="Noise",
        at_least=0,
        at_most=1,
    )
    random_fraction: float = option(
        0.05,
        "Fraction replaced by a random character; the remaining ones are left unchanged",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("random_share",),
    )
    copy_fraction: float = option(
        0.15,
        "Fraction of the characters not selected that are predicted too, so as to be copied",
        panel="Noise",
        at_least=0,
        at_most=1,
        formerly=("copied",),
    )

    def columns(self) -> dict[str, str]:
        """Role → column, for the columns of a table that were given."""
        return {"text": self.text_column} if self.text_column else {}
