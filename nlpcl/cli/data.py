"""``nlpcl data list``, ``check`` and ``cache``: corpora and cached speech features."""

from __future__ import annotations

import dataclasses
import inspect
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nlpcl import tasks, zoo
from nlpcl.cli.groups import CONTEXT
from nlpcl.cli.options import (
    DataRoot,
    SafeCsv,
    TableOption,
    config_parameters,
    with_parameters,
)
from nlpcl.cli.show import check_format, show_report, show_tables
from nlpcl.core.config import flag
from nlpcl.core.errors import UserError
from nlpcl.core.tables import Report, Table
from nlpcl.data import corpora
from nlpcl.tasks.spec import TaskSpec


def command(arguments: Sequence[str] = ()) -> Any:
    """Build the group ``nlpcl data``."""
    application = typer.Typer(
        name="data",
        help="List the datasets, verify local copies, and manage cached speech features.",
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings=CONTEXT,
    )
    application.command("list", context_settings=CONTEXT)(list_datasets)
    checked = with_parameters(check, column_parameters(), str(check.__doc__))
    application.command("check", context_settings=CONTEXT)(checked)
    application.command("cache", context_settings=CONTEXT)(cache)
    return typer.main.get_command(application)


def list_datasets(format: TableOption = "table", safe_csv: SafeCsv = False) -> None:
    """List the datasets with task, licence and source."""
    check_format(format, safe_csv=safe_csv)
    rows = []
    for name in corpora.names():
        found = corpora.dataset(name)
        rows.append([name, found.task, found.title, found.licence, found.source])
    columns = ["dataset", "task", "title", "licence", "source"]
    note = "Nothing is downloaded: get a corpus from its source and give its folder as --data-root."
    table = Table("datasets", columns, rows, "Datasets", note)
    show_report(Report(tables=[table]), format, safe_csv=safe_csv)


def check(
    name: Annotated[str, typer.Argument(help="Name of a dataset, a file or a folder.")],
    given: dict[str, Any],
    data_root: DataRoot = None,
    task: Annotated[
        str | None,
        typer.Option(
            help=f"Task of a file of your own: {', '.join(tasks.names())}, or your own model "
            "folder. (default: the one that its columns fit, else correction)",
        ),
    ] = None,
    inclusive_ends: Annotated[
        bool,
        typer.Option(
            "--inclusive-ends",
            help="Ends of spans in a file of entities are their last characters.",
        ),
    ] = False,
    format: TableOption = "table",
    safe_csv: SafeCsv = False,
) -> None:
    """Check a local copy: counts, damaged rows, duplicates, overlap."""
    check_format(format, safe_csv=safe_csv)
    from nlpcl.data.check import check as checked

    corpus = corpora.named(name, "")
    columns = {field.removesuffix("_column"): column for field, column in given.items()}
    is_assumed = False
    if corpus is not None:
        spec = tasks.spec(corpus.task)
    else:
        spec, is_assumed = own_spec(name, task, columns)
    if corpus is not None and given:
        what = f"has no effect: {name} is a corpus, whose columns are known"
        raise UserError(what, flag(next(iter(given))), "Leave it out.")
    if inclusive_ends and (corpus is not None or spec.answers != "entities"):
        how = "Leave it out, or give a file of entities and --task entities."
        raise UserError("is for a file of entities of your own", "--inclusive-ends", how)
    options = {"inclusive_ends": True} if inclusive_ends else {}
    try:
        result = checked(name, spec.schema, data_root, columns=columns, options=options)
    except UserError as error:
        if not is_assumed:
            raise
        hint = f"It was read for the task {spec.name}; --task names another."
        raise UserError(error.what, error.where, f"{error.how} {hint}".strip()) from error
    if format == "json":
        print(json.dumps(result.as_dict(), ensure_ascii=False, indent=2))
    else:
        show_tables(result.tables(), format, safe_csv=safe_csv)


def column_parameters() -> list[inspect.Parameter]:
    """Return a parameter for each column that a task lets its users name."""
    found: dict[str, inspect.Parameter] = {}
    for spec in map(tasks.spec, tasks.names()):
        fields = dataclasses.fields(spec.settings)
        names = [one.name for one in fields if one.name.endswith("_column")]
        for parameter in config_parameters(spec.settings, names) if names else ():
            found.setdefault(parameter.name, parameter)
    return list(found.values())


def own_spec(name: str, task: str | None, columns: Mapping[str, str]) -> tuple[TaskSpec, bool]:
    """Return the task of a user's own file: as named, else the one that its columns fit.

    With it comes whether the file is there and neither tells the task.
    """
    if task is not None:
        return zoo.entry(task).task if zoo.is_path(task) else tasks.spec(task, "--task"), False
    from nlpcl.data.guess import task_of

    is_there = os.path.exists(name)
    guessed = task_of(Path(name).expanduser(), columns) if is_there else None
    if guessed is not None:
        print(f"nlpcl: checked as a file for {guessed} (else name another --task)", file=sys.stderr)
    return tasks.spec(guessed or "correction"), is_there and guessed is None


def cache(
    name: Annotated[str | None, typer.Argument(help="Name of a front end. (default: all)")] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove them instead of listing them.")
    ] = False,
    format: TableOption = "table",
    safe_csv: SafeCsv = False,
) -> None:
    """List the cached speech features (in $NLPCL_CACHE), or remove them."""
    check_format(format, safe_csv=safe_csv)
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
    show_report(Report(tables=[table]), format, safe_csv=safe_csv)
