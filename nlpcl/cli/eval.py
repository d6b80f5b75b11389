"""``nlpcl eval RUN``."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from nlpcl.cli.groups import single
from nlpcl.cli.options import DataRoot, TableOption
from nlpcl.cli.show import check_format, loading, show_report
from nlpcl.errors import UserError


def command() -> Any:
    """The command."""
    return single(evaluate)


def evaluate(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    data: Annotated[
        str | None, typer.Option(help="Score on this dataset or file. (default: the run's own)")
    ] = None,
    data_root: DataRoot = None,
    source_column: Annotated[str | None, typer.Option(help="Column of the text.")] = None,
    target_column: Annotated[str | None, typer.Option(help="Column of the corrected text.")] = None,
    ignore_de: Annotated[
        bool, typer.Option("--ignore-de", help="Score without predicted 地 and 得.")
    ] = False,
    cases: Annotated[
        bool, typer.Option("--cases", help="List over-corrected, missed and wrongly corrected.")
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(help="Only tables by these groups: speaker,gender,session or other columns."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="File for the report (JSON) with every prediction beside it."),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")] = "auto",
    format: TableOption = "table",
) -> None:
    """Score a run on its own test sets, or on other data."""
    check_format(format)
    loading(quiet=format != "table")
    from nlpcl.files import write_json, write_json_lines
    from nlpcl.run import Run, evaluate, load_splits
    from nlpcl.tasks import task_class

    opened = Run(run, device=device, precision=precision)
    given = {
        "data": data,
        "data_root": str(data_root) if data_root else None,
        "source_column": source_column,
        "target_column": target_column,
        "ignore_de": ignore_de or None,
    }
    config = dataclasses.replace(
        opened.config, **{name: value for name, value in given.items() if value is not None}
    )
    if data is None and opened.is_study:
        report, predictions = opened.evaluate()
    else:
        splits = load_splits(config, as_test=data is not None)
        report, predictions = evaluate(opened.model, opened.task, splits, opened.precision, config)
    if by is not None:
        tables = getattr(task_class(config.task), "grouped", None)
        if tables is None:
            what = f"{config.task} has no groups to score by"
            raise UserError(what, f"--by {by}", "Leave it out.")
        report.tables = tables(predictions, [name.strip() for name in by.split(",")])
    if output is not None:
        write_json(output, report.as_dict())
        write_json_lines(output.with_suffix(".predictions.jsonl"), predictions)
    show_report(report, format, cases=cases)
