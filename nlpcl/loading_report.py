"""What transformers reports while it loads an encoder, less what is of no use to a reader."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

LOGGER = "transformers.modeling_utils"


class _MissingWeights(logging.Filter):
    """Drops a load report that names no missing weight but a pooler's."""

    def filter(self, record: logging.LogRecord) -> bool:
        report = record.getMessage()
        rows = [line.split("|") for line in report.splitlines() if line.count("|") >= 2]
        missing = [row[0] for row in rows if "UNEXPECTED" not in row[1] and "Status" not in row[1]]
        return "LOAD REPORT" not in report or any("pooler" not in name for name in missing)


@contextlib.contextmanager
def for_states_alone() -> Iterator[None]:
    """Say nothing of heads and poolers: the encoder is loaded for its states.

    A checkpoint with a head is the usual case, and its pooler is made only to be dropped. Missing
    weights of the encoder itself are still reported.
    """
    chosen = _MissingWeights()
    logger = logging.getLogger(LOGGER)
    logger.addFilter(chosen)
    try:
        yield
    finally:
        logger.removeFilter(chosen)
