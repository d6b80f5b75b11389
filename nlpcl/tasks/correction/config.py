"""Settings common to all spelling correctors; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from nlpcl.core.config import RunConfig, option
from nlpcl.core.needs import OWN_FILE, Need
from nlpcl.tasks.spec import PredictOptions

if TYPE_CHECKING:
    from nlpcl.tasks.correction.dictionaries import Dictionaries
    from nlpcl.tasks.correction.language_model import LanguageModel

NO_LM = "none"
BUILTIN_THRESHOLD = 0.9
"""Minimum probability that a change by the built-in corrector is right: it should rather miss an
error than change correct text."""
LM_WEIGHT = 0.2


@dataclass(kw_only=True)
class CorrectionConfig(RunConfig):
    """Data settings of models that correct spelling."""

    task: ClassVar[str] = "correction"

    source_column: str | None = option(
        None, "Column with the text as written, for --data FILE", panel="Data", needs=OWN_FILE
    )
    target_column: str | None = option(
        None, "Column with the corrected text", panel="Data", needs=OWN_FILE
    )
    ignore_de: bool = option(
        False, "Ignore predicted 地 and 得, as some papers do on SIGHAN13", panel="Data"
    )
    judge: bool = option(
        False,
        "After training fit a judge of changes on the dev set: it knows which characters sound and "
        "look alike, and its probabilities are calibrated",
        panel="Training",
    )

    def columns(self) -> dict[str, str]:
        """Role → column, for the columns of a table that were given."""
        named = {"source": self.source_column, "target": self.target_column}
        return {role: column for role, column in named.items() if column}


@dataclass(kw_only=True)
class CorrectOptions(PredictOptions):
    """Options of ``nlpcl predict spelling``."""

    threshold: float = option(
        0.5,
        "Minimum probability of a change; 0 makes every one, as scoring does; that of the built-in "
        "corrector is calibrated: that the change is right, where one sentence in two holds an "
        f"error; its default is {BUILTIN_THRESHOLD:g}",
        panel="Options",
        at_least=0,
        at_most=1,
    )
    protect: str | None = option(
        None, "File with terms to leave unchanged, one per line", panel="Options"
    )
    confusion: str | None = option(
        None, "File with replacements to make always, one per line: wrong right", panel="Options"
    )
    lm: str = option(
        NO_LM,
        "Language model of characters beside the corrector: an ARPA file or a KenLM binary, for "
        "which the kenlm package must be installed; or none",
        panel="Options",
    )
    lm_weight: float = option(
        LM_WEIGHT,
        "Weight of its log-probabilities beside the corrector's scores",
        panel="Options",
        above=0,
        needs=Need("lm", lambda value: value != NO_LM, "--lm FILE", "./zh.arpa"),
    )
    chunk_size: int = option(
        1024,
        "Texts read and predicted at once",
        panel="Options",
        at_least=1,
        formerly=("window",),
    )

    def check(self) -> Self:
        """Refuse impossible values, and dictionaries that cannot be read."""
        super().check()
        # Read now, so that a mistake is reported at once.
        self.dictionaries  # noqa: B018
        self.language_model  # noqa: B018
        return self

    @cached_property
    def dictionaries(self) -> Dictionaries:
        """The dictionaries in the files of ``--protect`` and ``--confusion``."""
        from nlpcl.tasks.correction.dictionaries import Dictionaries

        files = [None if name is None else Path(name) for name in (self.protect, self.confusion)]
        return Dictionaries.from_files(*files)

    @cached_property
    def language_model(self) -> LanguageModel | None:
        """The language model of ``--lm``."""
        from nlpcl.tasks.correction.language_model import LanguageModel

        return None if self.lm == NO_LM else LanguageModel.read(Path(self.lm), self.lm_weight)
