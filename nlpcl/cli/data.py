"""``nlpcl data list`` and ``nlpcl data check``."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from nlpcl import data as datasets
from nlpcl.cli.groups import CONTEXT
from nlpcl.cli.options import DataRoot, TableOption
from nlpcl.cli.show import check_format, show_report, show_tables
from nlpcl.report import Report, Table


def command() -> Any:
    """The group."""
    application = typer.Typer(
        name="data",
        help="List the datasets and check copies of them.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings=CONTEXT,
    )
    application.command("list", context_settings=CONTEXT)(list_datasets)
    application.command("check", context_settings=CONTEXT)(check)
    return typer.main.get_command(application)


def list_datasets(format: TableOption = "table") -> None:
    """List every dataset with its task, licence and where to get it."""
    check_format(format)
    rows = []
    for name in datasets.names():
        found = datasets.dataset(name)
        rows.append([name, found.task, found.title, found.licence, found.source])
    columns = ["dataset", "task", "title", "licence", "source"]
    note = "Nothing is downloaded: get a corpus from its source and give its folder as --data-root."
    show_report(Report(tables=[Table("datasets", columns, rows, "Datasets", note)]), format)


def check(
    name: Annotated[str, typer.Argument(help="A dataset's name, or a file.")],
    data_root: DataRoot = None,
    format: TableOption = "table",
) -> None:
    """Compare a copy with the known counts; list damaged rows, duplicates and overlap."""
    check_format(format)
    from nlpcl.data.check import check as checked

    result = checked(name, data_root)
    if format == "json":
        print(json.dumps(result.as_dict(), ensure_ascii=False, indent=2))
    else:
        show_tables(result.tables(), format)
