"""Printing of tables and reports, in the formats that ``--format`` names."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.files import refuse_new_root
from nlpcl.core.tables import Report, Table

FORMATS = ("table", "json", "csv", "markdown", "latex")


def loading(quiet: bool = False) -> None:
    """Tell on a terminal that the heavy libraries are being imported."""
    if not quiet and sys.stderr.isatty():
        print("loading…", file=sys.stderr)


def check_format(name: str, known: Sequence[str] = FORMATS, *, safe_csv: bool = False) -> str:
    """Return a known ``--format``; reject any other, and ``--safe-csv`` without CSV."""
    if name not in known:
        raise unknown_name("format", name, known, where="--format")
    if safe_csv and name != "csv":
        raise UserError(f"has no effect with --format {name}", "--safe-csv", "Leave it out.")
    return name


def check_output(path: Path | None) -> None:
    """Refuse a file that cannot be made, before any work is done for it.

    Raises:
        UserError: it is a folder, or a folder would have to be made at the root for it.
    """
    if path is None or str(path) == "-":
        return
    refuse_new_root(path.parent)
    if path.is_dir():
        raise UserError("is a folder", f"--output {path}", "Give the name of a file.")


def show_tables(tables: Sequence[Table], format: str = "table", *, safe_csv: bool = False) -> None:
    """Print tables on stdout in the given format; see ``--safe-csv``."""
    if format == "table":
        from rich.console import Console

        console = Console(highlight=False)
        for table in tables:
            console.print(table.as_rich())
        return
    forms = {
        "csv": lambda table: f"# {table.name}\n{table.as_csv(safe=safe_csv)}",
        "markdown": Table.as_markdown,
        "latex": Table.as_latex,
    }
    print("\n".join(forms[format](table) for table in tables), end="")


def show_report(
    report: Report, format: str = "table", *, cases: bool = False, safe_csv: bool = False
) -> None:
    """Print a report; tables of single mistakes are printed only if ``cases``."""
    if format == "json":
        print(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
        return
    chosen = [table for table in report.tables if cases or "cases_" not in table.name]
    show_tables(chosen, format, safe_csv=safe_csv)


def show_run(run: Any) -> None:
    """Print the result of ``nlpcl train``: the tables, the run folder, size and duration."""
    record = run.record
    costs = [record["costs"]] if "costs" in record else []
    tables = [Table.from_dict(table) for table in [*run.report["tables"], *costs]]
    show_report(Report(tables=tables))
    epoch = record.get("seconds_per_epoch")
    print(
        f"{run.folder}: {record['parameters'] / 1e6:.1f} M parameters, {record['precision']} on "
        f"{record['device']}, {record['seconds']:.0f} s"
        + (f", {epoch:.3g} s an epoch" if epoch else "")
    )
    show_warnings(record.get("warnings", ()))


def show_warnings(warnings: Sequence[str]) -> None:
    """Print warnings on stderr, one line each, after what they are of."""
    for one in warnings:
        print(f"nlpcl: {one}", file=sys.stderr)
