"""``nlpcl eval RUN``: scores, scores by group or module, and measures of explanations."""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nlpcl import tasks
from nlpcl.cli.groups import single
from nlpcl.cli.options import (
    DataRoot,
    Device,
    Precision,
    TableOption,
    config_parameters,
    with_parameters,
)
from nlpcl.cli.show import check_format, check_output, loading, show_report
from nlpcl.core.config import RunConfig, flag
from nlpcl.core.errors import UserError
from nlpcl.core.tables import Report
from nlpcl.runs.evaluation import marked
from nlpcl.runs.rows import load_splits
from nlpcl.runs.run import Run
from nlpcl.tasks.spec import TaskSpec

SUMMARY = "Evaluate a run on its own test sets or on other data."
MODULE = "module"
"""The name in ``--by`` that stands for the parts of the model."""


def command(arguments: Sequence[str] = ()) -> Any:
    """Build ``nlpcl eval``, with the settings that evaluation may change in any known task."""
    specs = [tasks.spec(name) for name in tasks.names()]
    specs += [spec for spec in run_specs(arguments) if spec not in specs]
    return single(with_parameters(evaluate, setting_parameters(specs), SUMMARY))


def run_specs(arguments: Sequence[str]) -> list[TaskSpec]:
    """Return the tasks of the run folders among the arguments, which may be the user's own."""
    found = []
    for argument in arguments:
        if (Path(argument) / "run.json").is_file():
            with contextlib.suppress(UserError):  # reported when the run is opened
                found.append(Run(argument).spec)
    return found


def setting_parameters(specs: Sequence[TaskSpec]) -> list[inspect.Parameter]:
    """Return one parameter per setting; tasks with a setting in common have one flag for it."""
    found: dict[str, inspect.Parameter] = {}
    for spec in specs:
        if spec.eval_settings:
            for parameter in config_parameters(spec.settings, spec.eval_settings):
                found.setdefault(parameter.name, parameter)
    return list(found.values())


def evaluate(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    given: dict[str, Any],
    data: Annotated[
        str | None,
        typer.Option(help="Dataset or file to evaluate on. (default: the run's own test sets)"),
    ] = None,
    data_root: DataRoot = None,
    cases: Annotated[
        bool,
        typer.Option("--cases", help="List over-corrected, missed and miscorrected sentences."),
    ] = False,
    by: Annotated[
        str | None,
        typer.Option(
            help="Scores by group, comma-separated: target, language, speaker, gender, session or "
            "another column; or module: the drop in score when each module is bypassed."
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Text classifiers: faithfulness of explanations, agreement with marked words.",
        ),
    ] = False,
    explain_rows: Annotated[
        int, typer.Option(help="Number of test rows with marked words for --explain.", min=1)
    ] = 200,
    identity: Annotated[
        bool,
        typer.Option(
            "--identity", help="Text classifiers: false positives on harmless template sentences."
        ),
    ] = False,
    neutral: Annotated[
        str | None,
        typer.Option(help="The harmless class, for --identity. (default: inferred from its name)"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="JSON file to write the report to; the predictions go beside it, as JSON Lines."
        ),
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    format: TableOption = "table",
) -> None:
    """Print the scores that the flags ask for, and write them to ``--output``."""
    check_format(format)
    check_output(output)
    groups = checked_groups(by, explain=explain, identity=identity, neutral=neutral)
    loading(quiet=format != "table")
    from nlpcl.core.files import write_json, write_json_lines

    opened = Run(run, device=device, precision=precision)
    for asked, analysis in ((explain, "words"), (identity, "identity")):
        if asked and analysis not in opened.spec.analyses:
            what = f"is for classifiers of text; {opened.record['model']} is none"
            flags = {"words": "--explain", "identity": "--identity"}
            raise UserError(what, flags[analysis], "Leave it out.")
    chosen = {"data": data, "data_root": str(data_root) if data_root else None}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    config = changed(opened, chosen | given)
    if identity:
        from nlpcl.analysis.identity_terms import identity_report

        report, predictions = identity_report(opened.predictor, neutral)
    else:
        report, predictions = scored(
            opened, config, groups, explain_rows if explain else 0, other_data=data is not None
        )
    report = marked(report, opened.remark)
    if output is not None:
        write_json(output, report.as_dict())
        write_json_lines(output.with_suffix(".predictions.jsonl"), predictions)
    show_report(report, format, cases=cases)


def checked_groups(
    by: str | None, *, explain: bool, identity: bool, neutral: str | None
) -> list[str]:
    """Return the names in ``--by``, and reject flags that exclude each other."""
    groups = [] if by is None else [name.strip() for name in by.split(",")]
    asked = [
        name
        for name, is_asked in (("--by", groups), ("--explain", explain), ("--identity", identity))
        if is_asked
    ]
    if len(asked) > 1:
        raise UserError("stand for different tables", " and ".join(asked), "Give one of them.")
    if MODULE in groups and len(groups) > 1:
        raise UserError("module stands alone", f"--by {by}", "Give --by module.")
    if neutral is not None and not identity:
        raise UserError("belongs to --identity", "--neutral", "Give both.")
    return groups


def changed(run: Run, given: Mapping[str, Any]) -> RunConfig:
    """Return the run's settings, overridden by the flags given."""
    known = {field.name for field in dataclasses.fields(run.config)}
    for name in given:
        if name not in known:
            what = f"{run.record['model']} has no such setting"
            raise UserError(what, flag(name), "Leave it out.")
    return dataclasses.replace(run.config, **given)


def scored(
    run: Run, config: RunConfig, groups: Sequence[str], explained: int, *, other_data: bool
) -> tuple[Report, list[dict[str, Any]]]:
    """Evaluate test rows: scores, scores by group or module, or explanations.

    Args:
        run: the run.
        config: its settings, overridden by the flags given.
        groups: the names in ``--by``.
        explained: number of rows to explain; 0 for none.
        other_data: whether ``--data`` was given; a study then answers with its one model.
    """
    own_folds = run.is_study and not other_data
    splits = None if own_folds else load_splits(config, as_test=other_data)
    if groups == [MODULE]:
        from nlpcl.analysis.bypass import module_report

        return module_report(run, splits, config)
    if explained:
        from nlpcl.analysis.rationales import rationale_report

        rows = splits or load_splits(config)
        return rationale_report(run, rows, rows=explained, seed=config.seed)
    if groups and "groups" not in run.spec.analyses:
        what = f"{run.spec.name} has no groups to score by"
        raise UserError(what, f"--by {','.join(groups)}", "Leave it out.")
    report, predictions = run.evaluate() if splits is None else run.test(splits, config)
    if groups:
        report.tables = tasks.task_class(run.spec.name).grouped(predictions, groups)
    return report, predictions
