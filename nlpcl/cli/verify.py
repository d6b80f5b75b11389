"""``nlpcl verify RUN``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nlpcl.cli.groups import single
from nlpcl.cli.options import SafeCsv, TableOption
from nlpcl.cli.show import check_format, loading, show_report
from nlpcl.core.tables import Report


def command(arguments: Sequence[str] = ()) -> Any:
    """Build ``nlpcl verify``."""
    return single(verify)


def verify(
    run: Annotated[Path, typer.Argument(help="Folder of a run or an ablation.")],
    again: Annotated[
        bool, typer.Option("--again", help="Also predict the test sets again and compare.")
    ] = False,
    format: TableOption = "table",
    safe_csv: SafeCsv = False,
) -> None:
    """Verify a run: weights, data, predictions, report, code. Exit code 1 if one does not hold."""
    check_format(format, safe_csv=safe_csv)
    loading(quiet=format != "table")
    from nlpcl.runs.verification import holds
    from nlpcl.runs.verification import verify as verified

    table = verified(run, again=again)
    show_report(Report(tables=[table]), format, safe_csv=safe_csv)
    if not holds(table):
        raise typer.Exit(1)
