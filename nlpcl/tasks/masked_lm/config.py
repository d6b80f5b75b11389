"""Settings that all models of masked language modelling share; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nlpcl.core.config import RunConfig, option


@dataclass(kw_only=True)
class MaskedLMConfig(RunConfig):
    """Data settings of models that restore noised text."""

    task: ClassVar[str] = "masked_lm"

    text_column: str | None = option(None, "Column of the text, for --data FILE", panel="Data")

    def columns(self) -> dict[str, str]:
        """The columns that were named."""
        return {"text": self.text_column} if self.text_column else {}
