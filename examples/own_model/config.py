"""Settings of a corrector that also learns to detect errors."""

from dataclasses import dataclass

from nlpcl.core.config import option
from nlpcl.tasks.correction.config import CorrectionConfig


@dataclass(kw_only=True)
class Config(CorrectionConfig):
    """A masked language model that corrects, with a second head that detects."""

    detection: float = option(0.3, "Weight of the detection loss", at_least=0)


VARIANTS = {"joint": {}, "correction-only": {"detection": 0.0}}
