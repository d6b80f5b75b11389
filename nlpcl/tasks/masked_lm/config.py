"""Settings common to all masked language models; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nlpcl.core.config import RunConfig, option


@dataclass(kw_only=True)
class MaskedLMConfig(RunConfig):
    """Data settings of models that restore noised text."""

    task: ClassVar[str] = "masked_lm"

    text_column: str | None = option(None, "Column with the text, for --data FILE", panel="Data")

    def columns(self) -> dict[str, str]:
        """Role → column, for the columns of a table that were given."""
        return {"text": self.text_column} if self.text_column else {}
