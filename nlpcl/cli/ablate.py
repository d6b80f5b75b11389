"""``nlpcl ablate``: not there yet."""

from __future__ import annotations

from typing import Any

import typer

from nlpcl.cli.groups import single
from nlpcl.errors import UserError

ANYTHING = {"allow_extra_args": True, "ignore_unknown_options": True}


def command() -> Any:
    """The command."""
    return single(ablate, ANYTHING)


def ablate(context: typer.Context) -> None:
    """Compare variants of a model (not available yet)."""
    raise UserError(
        "is not available in this version", "ablate", "Train each variant with nlpcl train."
    )
