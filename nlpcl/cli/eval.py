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
from nlpcl.cli.eval_checks import (
    MODULE,
    check_runs,
    checked_groups,
    names,
    refuse_for_folds,
    refuse_for_identity,
    refuse_for_others,
)
from nlpcl.cli.groups import single
from nlpcl.cli.options import (
    DataRoot,
    Device,
    Precision,
    SafeCsv,
    TableOption,
    config_parameters,
    with_parameters,
)
from nlpcl.cli.show import check_format, check_output, loading, show_report, show_warnings
from nlpcl.core.config import RunConfig, flag
from nlpcl.core.errors import UserError
from nlpcl.core.needs import parts, refuse_without_effect
from nlpcl.core.splits import Splits
from nlpcl.core.tables import Report
from nlpcl.runs.evaluation import classes_of, marked
from nlpcl.runs.learnt import load_new
from nlpcl.runs.rows import check_mapping, load_splits, refuse_idle
from nlpcl.runs.run import Run
from nlpcl.tasks.spec import TaskSpec

SUMMARY = "Score a run on its own test sets or on other data, or several runs on several corpora."
EXPLAINED = 200
"""Rows that ``--explain`` looks at."""


def command(arguments: Sequence[str] = ()) -> Any:
    """Build ``nlpcl eval``, with the settings that evaluation may change in any known task."""
    specs = [tasks.spec(name) for name in tasks.names()]
    specs += [spec for spec in run_specs(arguments, specs) if spec not in specs]
    return single(with_parameters(evaluate, setting_parameters(specs), SUMMARY))


def run_specs(arguments: Sequence[str], specs: Sequence[TaskSpec]) -> list[TaskSpec]:
    """Return the tasks of the run folders among the arguments, which may be the user's own.

    To read the task of a run executes its code, so the values of flags, such as a folder of data,
    are not taken for runs.

    Args:
        arguments: after the verb.
        specs: the tasks whose settings are known.
    """
    parser = single(
        with_parameters(evaluate, setting_parameters(specs), SUMMARY),
        {"ignore_unknown_options": True},
    )
    parsed = parser.make_context("eval", list(arguments), resilient_parsing=True)
    found = []
    for folder in parsed.params["runs"] or ():
        if (Path(folder) / "run.json").is_file():  # no Path yet in older releases of typer
            with contextlib.suppress(UserError):  # reported when the run is opened
                found.append(Run(folder).spec)
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
    runs: Annotated[list[Path], typer.Argument(help="Run folder; several with --cross.")],
    given: dict[str, Any],
    data: Annotated[
        str | None,
        typer.Option(help="Dataset or file to evaluate on. (default: the run's own test sets)"),
    ] = None,
    data_root: DataRoot = None,
    cases: Annotated[
        bool,
        typer.Option(
            "--cases",
            help="List single errors too: over-corrected, missed and miscorrected sentences; "
            "missed and invented entities, wrong types and edges.",
        ),
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
        int | None,
        typer.Option(
            help="Number of test rows with marked words for --explain. (default: 200)", min=1
        ),
    ] = None,
    identity: Annotated[
        bool,
        typer.Option(
            "--identity", help="Text classifiers: false positives on harmless template sentences."
        ),
    ] = False,
    cross: Annotated[
        bool,
        typer.Option(
            "--cross", help="A table of the runs on the corpora of --data, all on the same rows."
        ),
    ] = False,
    robustness: Annotated[
        bool,
        typer.Option(
            "--robustness",
            help="Speech: scores and changed answers under gain, noise, telephone band, room, "
            "mp3, and silence around the clip.",
        ),
    ] = False,
    neutral: Annotated[
        str | None,
        typer.Option(help="The harmless class, for --identity. (default: inferred from its name)"),
    ] = None,
    keep_overlap: Annotated[
        bool,
        typer.Option(
            "--keep-overlap",
            help="Also score rows of --data that a run was trained or selected on.",
        ),
    ] = False,
    no_baseline: Annotated[
        bool,
        typer.Option(
            "--no-baseline", help="Leave out the plain baseline that the run was trained beside."
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            help="JSON file to write the report to; the predictions go beside it, as JSON Lines."
        ),
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    format: TableOption = "table",
    safe_csv: SafeCsv = False,
) -> None:
    """Print the scores that the flags ask for, and write them to ``--output``."""
    check_format(format, safe_csv=safe_csv)
    check_output(output)
    groups = checked_groups(
        by,
        explain=explain,
        identity=identity,
        neutral=neutral,
        cross=cross,
        robustness=robustness,
    )
    if explain_rows is not None and not explain:
        raise UserError("belongs to --explain", "--explain-rows", "Give both.")
    check_runs(runs, data, cross=cross, keep=keep_overlap)
    loading(quiet=format != "table")
    from nlpcl.core.files import write_json, write_json_lines

    opened, *others = [Run(run, device=device, precision=precision) for run in runs]
    refuse_for_others(opened, explain=explain, identity=identity, robustness=robustness)
    if data_root:
        given = given | {"data_root": str(data_root)}
    config = changed(opened, given, data)
    if identity:
        refuse_for_identity(given, data)
    elif opened.is_study and data is None:
        # --by module and --robustness read the clips again.
        reads = groups == [MODULE] or robustness
        refuse_for_folds(name for name in given if not reads or name != "data_root")
    refuse_without_effect(config, given)
    if cross:
        from nlpcl.analysis.crossing import cross_report

        report, predictions = cross_report(
            [opened, *others],
            parts(str(data)),
            lambda run, part: changed(run, given, part),
            names(given, (run.model for run in (opened, *others))),
            keep=keep_overlap,
        )
    elif identity:
        from nlpcl.analysis.identity_terms import identity_report

        report, predictions = identity_report(opened.predictor, neutral)
    else:
        report, predictions = scored(
            opened,
            config,
            groups,
            (explain_rows or EXPLAINED) if explain else 0,
            other_data=data is not None,
            given=given,
            keep=keep_overlap,
            baseline=not no_baseline,
            robustness=robustness,
        )
    report = marked(report, opened.remark)
    if output is not None:
        write_json(output, report.as_dict())
        write_json_lines(output.with_suffix(".predictions.jsonl"), predictions)
    show_report(report, format, cases=cases, safe_csv=safe_csv)


def tested(run: Run, config: RunConfig, *, other_data: bool, keep: bool) -> Splits:
    """The test rows of the run's own data, or of other data without those it has learnt."""
    if other_data:
        return load_new(run, config, keep=keep)
    return load_splits(config, for_test=True)


def changed(run: Run, given: Mapping[str, Any], data: str | None) -> RunConfig:
    """The run's settings with the flags that were given.

    The classes of other data are not called as those of the training data were: a mapping of these
    is forgotten.
    """
    fields = {f.name: f for f in dataclasses.fields(run.config) if "help" in f.metadata}
    for name in given:
        if name not in fields:
            what = f"{run.record['model']} has no such setting"
            raise UserError(what, flag(name), "Leave it out.")
    other: dict[str, Any] = {}
    if data is not None:
        other["data"] = data
        if data != run.config.data and "map_labels" in fields:
            other["map_labels"] = fields["map_labels"].default
    return dataclasses.replace(run.config, **(other | dict(given)))


def scored(
    run: Run,
    config: RunConfig,
    groups: Sequence[str],
    explained: int,
    *,
    other_data: bool,
    given: Mapping[str, Any],
    keep: bool,
    baseline: bool = True,
    robustness: bool,
) -> tuple[Report, list[dict[str, Any]]]:
    """Evaluate test rows: scores, scores by group, module or condition, or explanations.

    Args:
        run: the run.
        config: its settings, overridden by the flags given.
        groups: the names in ``--by``.
        explained: number of rows to explain; 0 for none.
        other_data: whether ``--data`` was given; a study then answers with its one model.
        given: the flags among these settings.
        keep: also score rows of other data that the run has learnt.
        baseline: report the run's plain baseline too, if it has one.
        robustness: score changed recordings.
    """
    own_folds = run.is_study and not other_data
    splits = None if own_folds else tested(run, config, other_data=other_data, keep=keep)
    renamed = names(given, (one.model for one in (run,)))
    if splits is not None:
        refuse_idle(config, splits, given)
        check_mapping(config, splits, classes_of(run.model) if renamed else (), run.config)
    if groups == [MODULE]:
        from nlpcl.analysis.bypass import module_report

        return module_report(run, splits, config, renamed)
    if robustness:
        from nlpcl.analysis.robustness import robustness_report

        return robustness_report(run, splits, config, renamed)
    if explained:
        from nlpcl.analysis.rationales import rationale_report

        rows = splits or load_splits(config, for_test=True)
        return rationale_report(run, rows, rows=explained, seed=config.seed)
    if groups and "groups" not in run.spec.analyses:
        what = f"the task {run.spec.name} has no groups to score by"
        raise UserError(what, f"--by {','.join(groups)}", "Leave it out.")
    report, predictions = run.evaluate() if splits is None else run.test(splits, config, renamed)
    if groups:
        report.tables = tasks.task_class(run.spec.name).grouped(predictions, groups)
    elif baseline:
        from nlpcl.runs.baseline_again import add_to_evaluation

        others = splits if other_data else None
        show_warnings(add_to_evaluation(run, config, report, predictions, others, renamed))
    return report, predictions
