"""Settings common to all spelling correctors; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from nlpcl.core.config import RunConfig, option


@dataclass(kw_only=True)
class CorrectionConfig(RunConfig):
    """Data settings of models that correct spelling."""

    task: ClassVar[str] = "correction"

    source_column: str | None = option(
        None, "Column with the text as written, for --data FILE", panel="Data"
    )
    target_column: str | None = option(None, "Column with the corrected text", panel="Data")
    ignore_de: bool = option(
        False, "Ignore predicted 地 and 得, as some papers do on SIGHAN13", panel="Data"
    )

    def columns(self) -> dict[str, str]:
        """Role → column, for the columns of a table that were given."""
        named = {"source": self.source_column, "target": self.target_column}
        return {role: column for role, column in named.items() if column}
