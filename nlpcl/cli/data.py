"""``nlpcl data list``, ``nlpcl data check`` and ``nlpcl data cache``."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from nlpcl import tasks, zoo
from nlpcl.cli.groups import CONTEXT
from nlpcl.cli.options import DataRoot, TableOption
from nlpcl.cli.show import check_format, show_report, show_tables
from nlpcl.core.tables import Report, Table
from nlpcl.data import corpora


def command(arguments: Sequence[str] = ()) -> Any:
    """Build the group ``nlpcl data``."""
    application = typer.Typer(
        name="data",
        help="List the datasets, check copies of them, show the cache of speech features.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings=CONTEXT,
    )
    application.command("list", context_settings=CONTEXT)(list_datasets)
    application.command("check", context_settings=CONTEXT)(check)
    application.command("cache", context_settings=CONTEXT)(cache)
    return typer.main.get_command(application)


def list_datasets(format: TableOption = "table") -> None:
    """List every dataset with its task, licence and where to get it."""
    check_format(format)
    rows = []
    for name in corpora.names():
        found = corpora.dataset(name)
        rows.append([name, found.task, found.title, found.licence, found.source])
    columns = ["dataset", "task", "title", "licence", "source"]
    note = "Nothing is downloaded: get a corpus from its source and give its folder as --data-root."
    show_report(Report(tables=[Table("datasets", columns, rows, "Datasets", note)]), format)


def check(
    name: Annotated[str, typer.Argument(help="A dataset's name, or a file.")],
    data_root: DataRoot = None,
    task: Annotated[
        str,
        typer.Option(
            help=f"What a file of your own is for: {', '.join(tasks.names())}, or a model folder "
            "of your own.",
        ),
    ] = "correction",
    format: TableOption = "table",
) -> None:
    """Compare a copy with the known counts; list damaged rows, duplicates and overlap."""
    check_format(format)
    from nlpcl.data.check import check as checked

    corpus = corpora.named(name, "")
    if corpus is not None:
        spec = tasks.spec(corpus.task)
    else:
        spec = zoo.entry(task).task if zoo.is_path(task) else tasks.spec(task, "--task")
    result = checked(name, spec.schema, data_root)
    if format == "json":
        print(json.dumps(result.as_dict(), ensure_ascii=False, indent=2))
    else:
        show_tables(result.tables(), format)


def cache(
    name: Annotated[
        str | None, typer.Argument(help="A front end's name; all of them without one.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove instead of showing.")] = False,
    format: TableOption = "table",
) -> None:
    """Show the cached speech features (below the variable NLPCL_CACHE), or remove them."""
    check_format(format)
    from nlpcl.audio.features.cache import chosen_entries, clear_cache
    from nlpcl.audio.features.files import cache_root

    entries = clear_cache(name) if clear else chosen_entries(name)
    columns = ["front end", "weights", "states", "precision", "clips", "MB", "last used"]
    rows = []
    for entry in entries:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.last_used))
        facts = [entry.name, entry.code, entry.selection, entry.precision, entry.clips]
        rows.append([*facts, entry.size / 1e6, used])
    total = sum(entry.size for entry in entries) / 1e6
    title = f"{'Removed' if clear else 'Cached'} speech features, {total:.1f} MB"
    table = Table("cache", columns, rows, title, f"In {cache_root()}.")
    show_report(Report(tables=[table]), format)
