"""``nlpcl visualize``: not there yet."""

from __future__ import annotations

from typing import Any

import typer

from nlpcl.cli.groups import single
from nlpcl.errors import UserError

ANYTHING = {"allow_extra_args": True, "ignore_unknown_options": True}


def command() -> Any:
    """The command."""
    return single(visualize, ANYTHING)


def visualize(context: typer.Context) -> None:
    """Draw a run (not available yet)."""
    raise UserError(
        "is not available in this version",
        "visualize",
        "Read history.csv and report.json in the run folder.",
    )
