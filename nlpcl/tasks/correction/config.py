"""Settings that all spelling correctors share; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nlpcl.core.config import RunConfig, option


@dataclass(kw_only=True)
class CorrectionConfig(RunConfig):
    """Data settings of models that correct spelling."""

    task: ClassVar[str] = "correction"

    source_column: str | None = option(
        None, "Column of the text as written, for --data FILE", panel="Data"
    )
    target_column: str | None = option(None, "Column of the corrected text", panel="Data")
    ignore_de: bool = option(
        False, "Leave predicted 地 and 得 out, as some SIGHAN13 papers do", panel="Data"
    )

    def columns(self) -> dict[str, str]:
        """The columns that were named."""
        named = {"source": self.source_column, "target": self.target_column}
        return {role: column for role, column in named.items() if column}
