"""``nlpcl ablate MODEL``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nlpcl import zoo
from nlpcl.cli.groups import lazy_group, single
from nlpcl.cli.options import TableOption, preset_values, with_fields
from nlpcl.cli.show import check_format, loading, show_report


def command(arguments: Sequence[str] = ()) -> Any:
    """The group of models whose variants can be compared."""
    return lazy_group(
        "ablate",
        "Train variants of a model at several seeds and compare them. A folder works like a name.",
        zoo.names,
        model_command,
        lambda name: zoo.entry(name).summary,
    )


def study_option(help: str, *declarations: str) -> Any:
    """An option under the heading Ablation."""
    return typer.Option(*declarations, help=help, rich_help_panel="Ablation")


def model_command(name: str) -> Any:
    """The command that compares the variants of one model."""
    entry = zoo.entry(name)

    def ablate(
        *,
        variants: Annotated[
            str | None,
            study_option("Names joined by commas. (default: all; with --sweep the model as it is)"),
        ] = None,
        sweep: Annotated[
            list[str] | None,
            study_option("A setting and its values, as lr=1e-5,1e-4; several make a grid."),
        ] = None,
        seeds: Annotated[int, study_option("How many training seeds, counted up from --seed.")] = 3,
        baseline: Annotated[
            str | None,
            study_option(
                "Variant to compare with. (default: the model's own baseline, else the first)"
            ),
        ] = None,
        metric: Annotated[
            str | None,
            study_option("Metrics to compare, joined by commas. (default: that of the task)"),
        ] = None,
        jobs: Annotated[
            int, study_option("Trainings at a time; processor threads are shared out.")
        ] = 1,
        preset: Annotated[
            str | None,
            study_option("Named settings (see nlpcl models); flags and variants override them."),
        ] = None,
        out: Annotated[
            Path | None,
            study_option(
                "Folder of the ablation; given again, it goes on with what is not finished. "
                "(default: runs/ablate-MODEL-TIME)"
            ),
        ] = None,
        reuse_other_code: Annotated[
            bool,
            study_option(
                "Keep trainings in --out that other code has made, and mark them. "
                "(default: they are trained anew)",
                "--reuse-other-code",
            ),
        ] = False,
        quiet: Annotated[bool, study_option("No progress display.", "--quiet")] = False,
        format: TableOption = "table",
        given: dict[str, Any],
    ) -> None:
        check_format(format)
        from nlpcl.runs.ablation.plan import make_plan

        plan = make_plan(
            entry,
            given,
            preset=preset_values(entry.presets, preset),
            variants=listed(variants),
            sweeps=sweep or (),
            seeds=seeds,
            baseline=baseline,
        )
        metrics = plan.task.measures.check(listed(metric))
        loading(quiet)
        from nlpcl.runs.ablation.study import ablate as compare_variants

        study = compare_variants(
            plan,
            out=out,
            metrics=metrics,
            jobs=jobs,
            quiet=quiet,
            reuse_other_code=reuse_other_code,
        )
        show_report(study.report, format)
        if format == "table":
            print(f"{study.folder}: ablation.json, report.json, and a run folder for each training")
        if study.failed:
            raise typer.Exit(1)

    return single(with_fields(ablate, entry.config_class, summary(entry)))


def summary(entry: zoo.Entry) -> str:
    """What the command's help says of a model."""
    declared = ", ".join(entry.variants) or "none declared; use --sweep"
    return f"Compare variants of {entry.name}. {entry.summary} Variants: {declared}."


def listed(names: str | None) -> list[str]:
    """``"a, b"`` → ``["a", "b"]``."""
    return [name.strip() for name in (names or "").split(",") if name.strip()]
