"""``nlpcl train MODEL``: train a model, or resume an interrupted run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nlpcl import zoo
from nlpcl.cli.groups import lazy_group, single
from nlpcl.cli.options import configured, with_fields
from nlpcl.core.errors import UserError


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
        resume: Annotated[Path | None, run_option("Resume an interrupted run folder.")] = None,
        quiet: Annotated[bool, run_option("No progress display.", "--quiet")] = False,
        given: dict[str, Any],
    ) -> None:
        if resume is None:
            start(configured(entry.config_class, entry.presets, preset, given), out, quiet)
            return
        named = [*given, *(["preset"] if preset else []), *(["out"] if out else [])]
        if named:
            raise UserError(
                f"a resumed run keeps its settings, but {', '.join(named)} was given",
                "--resume",
                "Give --resume alone, or start a new run.",
            )
        go_on(entry.name, resume, quiet)

    return single(with_fields(train, entry.config_class, entry.summary))


def start(config: Any, out: Path | None, quiet: bool) -> None:
    """Start a new run, and print its report."""
    from nlpcl.cli.show import loading, show_run

    loading(quiet)
    from nlpcl.runs.fit import fit

    show_run(fit(config, out=out, quiet=quiet))


def go_on(name: str, folder: Path, quiet: bool) -> None:
    """Resume a run, and print its report."""
    from nlpcl.cli.show import loading, show_run

    loading(quiet)
    from nlpcl.runs.fit import resume

    show_run(resume(folder, model=name, quiet=quiet))
