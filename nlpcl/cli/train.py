"""``nlpcl train MODEL``: train a model, or resume an interrupted run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nlpcl import zoo
from nlpcl.cli.groups import lazy_group, single
from nlpcl.cli.options import configured, preset_values, with_fields
from nlpcl.core.config import flag
from nlpcl.core.errors import UserError

AUTO = "auto"
"""The value of --resume that names no folder: a scheduler may repeat the same command."""


def command(arguments: Sequence[str] = ()) -> Any:
    """Build the group ``nlpcl train``, one subcommand per model."""
    return lazy_group(
        "train",
        "Train a model and evaluate it on its test sets. MODEL may also be the path of your own "
        "model folder.",
        zoo.names,
        model_command,
        lambda name: zoo.entry(name).summary,
    )


def run_option(help: str, *declarations: str) -> Any:
    """Return an option listed under the heading Run."""
    return typer.Option(*declarations, help=help, rich_help_panel="Run")


def model_command(name: str) -> Any:
    """Build the command that trains one model."""
    entry = zoo.entry(name)

    def train(
        *,
        preset: Annotated[
            str | None,
            run_option("Named settings (see nlpcl models), such as paper; flags override them."),
        ] = None,
        out: Annotated[
            Path | None, run_option("Run folder to create. (default: runs/MODEL-TIME)")
        ] = None,
        resume: Annotated[
            str | None,
            run_option(
                "Resume an interrupted run folder. auto: the one in --out, else the newest one in "
                "runs/ with these settings; if there is none, start a new run."
            ),
        ] = None,
        quiet: Annotated[bool, run_option("No progress display.", "--quiet")] = False,
        no_baseline: Annotated[
            bool,
            run_option(
                "Do not report a plain baseline, fitted to the same rows, beside the model.",
                "--no-baseline",
            ),
        ] = False,
        given: dict[str, Any],
    ) -> None:
        if resume == AUTO:
            settings = {**preset_values(entry.presets, preset), **given}
            if found := to_go_on_with(entry, settings, out):
                # Found, not named: its copy of a user's code is not run.
                go_on(entry.name, found, quiet, entry, baseline=not no_baseline)
                return
        elif resume is not None:
            named = [*given, *(["preset"] if preset else []), *(["out"] if out else [])]
            if named:
                raise UserError(
                    f"a resumed run keeps its settings, but {', '.join(named)} was given",
                    "--resume",
                    "Give --resume alone, or start a new run.",
                )
            go_on(entry.name, Path(resume), quiet, baseline=not no_baseline)
            return
        config = configured(entry.config_class, entry.presets, preset, given)
        start(config, out, quiet, baseline=not no_baseline)

    return single(with_fields(train, entry.config_class, entry.summary))


def to_go_on_with(entry: zoo.Entry, settings: Mapping[str, Any], out: Path | None) -> Path | None:
    """Find the run that ``--resume auto`` stands for; None if a new one is to be started.

    Raises:
        UserError: the run in ``out`` is of another model or has other settings.
    """
    from nlpcl.core.progress import say
    from nlpcl.runs.folder import differing_setting, read_record, unfinished_run

    if out is None:
        found, passed = unfinished_run(entry, settings)
        if passed:
            say(
                f"--resume auto: passes over {passed}, which brings or names Python code; if you "
                f"trust it: --resume {passed}"
            )
    else:
        found = out if (out / "run.json").is_file() else None
        if found and (name := differing_setting(entry, read_record(found), settings)):
            how = "Leave it out, or choose another --out."
            raise UserError("was begun with another value", f"{flag(name)} of {out}", how)
    if found is None:
        say(f"--resume auto: no unfinished run of {entry.name} to resume; a new one starts.")
        return None
    say(f"--resume auto: resumes {found}.")
    return found


def start(config: Any, out: Path | None, quiet: bool, *, baseline: bool = True) -> None:
    """Start a new run, and print its report; without ``baseline`` there is none in it."""
    from nlpcl.cli.show import loading, show_run

    loading(quiet)
    from nlpcl.runs.fit import fit

    if not baseline:
        refuse_without_baseline(config.task)
    show_run(fit(config, out=out, quiet=quiet, baseline=baseline))


def refuse_without_baseline(task: str) -> None:
    """Refuse to leave out the baseline of a task that has none.

    Raises:
        UserError: it has none.
    """
    from nlpcl.tasks import task_class
    from nlpcl.tasks.protocol import Task

    if task_class(task).baseline is Task.baseline:
        what = f"has no effect: {task} has no plain baseline"
        raise UserError(what, "--no-baseline", "Leave it out.")


def go_on(
    name: str,
    folder: Path,
    quiet: bool,
    entry: zoo.Entry | None = None,
    *,
    baseline: bool = True,
) -> None:
    """Resume a run, by its copy of the code or by that of ``entry``, and print its report."""
    from nlpcl.cli.show import loading, show_run

    loading(quiet)
    from nlpcl.runs.fit import resume

    show_run(resume(folder, model=name, quiet=quiet, entry=entry, baseline=baseline))
