"""The content of ``report.json``, as its files hold it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

from nlpcl.core.errors import UserError
from nlpcl.core.json_files import DAMAGED, read_json
from nlpcl.core.tables import Cell


class _Table(TypedDict):
    name: str
    columns: list[str]
    rows: list[list[Cell]]


class TableRecord(_Table, total=False):
    """A table as :meth:`nlpcl.core.tables.Table.as_dict` gives it."""

    title: str
    note: str
    digits: int


class ReportRecord(TypedDict):
    """A report as :meth:`nlpcl.core.tables.Report.as_dict` gives it."""

    metrics: dict[str, float]
    tables: list[TableRecord]


def read_report(path: Path) -> dict[str, Any]:
    """The content of a ``report.json``.

    Raises:
        UserError: it is missing or damaged.
    """
    report = read_json(path, ReportRecord)
    for table in report["tables"]:
        check_table(table, path)
    return dict(report)


def check_table(table: TableRecord, path: Path) -> None:
    """Refuse a table whose rows are not as long as its headings.

    Raises:
        UserError: naming the table.
    """
    width = len(table["columns"])
    if any(len(row) != width for row in table["rows"]):
        raise UserError(f"a row of table {table['name']!r} has not {width} cells", path, DAMAGED)
    if not 0 <= table.get("digits", 0) <= 20:
        what = f"table {table['name']!r} has {table.get('digits')} digits after the point"
        raise UserError(what, path, DAMAGED)
