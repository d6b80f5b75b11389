"""``nlpcl ablate MODEL``: train variants of a model and compare them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nlpcl import zoo
from nlpcl.cli.groups import lazy_group, single
from nlpcl.cli.options import SafeCsv, TableOption, preset_values, with_fields
from nlpcl.cli.show import check_format, loading, show_report


def command(arguments: Sequence[str] = ()) -> Any:
    """Build the group ``nlpcl ablate``, one subcommand per model."""
    return lazy_group(
        "ablate",
        "Train variants of a model with several seeds and compare them. MODEL may also be the path "
        "of your own model folder.",
        zoo.names,
        model_command,
        lambda name: zoo.entry(name).summary,
    )


def study_option(help: str, *declarations: str, metavar: str | None = None) -> Any:
    """Return an option listed under the heading Ablation."""
    return typer.Option(*declarations, help=help, metavar=metavar, rich_help_panel="Ablation")


def model_command(name: str) -> Any:
    """Build the command that compares the variants of one model."""
    entry = zoo.entry(name)

    def ablate(
        *,
        variants: Annotated[
            str | None,
            study_option("Variants, comma-separated. (default: all; with --sweep, none)"),
        ] = None,
        sweep: Annotated[
            list[str] | None,
            study_option(
                "A setting and its values, e.g. lr=1e-5,1e-4; may be repeated, for a grid."
            ),
        ] = None,
        seeds: Annotated[int, study_option("Number of training seeds, starting from --seed.")] = 3,
        baseline: Annotated[
            str | None,
            study_option(
                "Variant to compare against. (default: the model's baseline, else the first)"
            ),
        ] = None,
        metric: Annotated[
            str | None,
            study_option(
                "Metrics to compare, comma-separated. (default: the task's headline metric)"
            ),
        ] = None,
        jobs: Annotated[
            int, study_option("Trainings in parallel; CPU threads are divided among them.")
        ] = 1,
        preset: Annotated[
            str | None,
            study_option("Named settings (see nlpcl models); flags and variants override them."),
        ] = None,
        out: Annotated[
            Path | None,
            study_option(
                "Folder of the ablation; an existing one is resumed, keeping what is finished. "
                "(default: runs/ablate-MODEL-TIME)"
            ),
        ] = None,
        reuse_other_code: Annotated[
            bool,
            study_option(
                "Keep finished trainings in --out that ran other code, and mark them. "
                "(default: retrain them)",
                "--reuse-other-code",
            ),
        ] = False,
        plan_points: Annotated[
            float | None,
            study_option(
                "Train nothing: from what is finished in --out, how many seeds or test items would "
                "detect a difference of so many points.",
                "--plan",
                metavar="POINTS",
            ),
        ] = None,
        no_baseline: Annotated[
            bool,
            study_option(
                "Do not report a plain baseline, which is no variant, beside the variants.",
                "--no-baseline",
            ),
        ] = False,
        quiet: Annotated[bool, study_option("No progress display.", "--quiet")] = False,
        format: TableOption = "table",
        safe_csv: SafeCsv = False,
        given: dict[str, Any],
    ) -> None:
        check_format(format, safe_csv=safe_csv)
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
        if plan_points is not None:
            from nlpcl.runs.ablation.planning import plan_report

            show_report(plan_report(plan, out, metrics, plan_points), format, safe_csv=safe_csv)
            return
        from nlpcl.runs.ablation.study import ablate as compare_variants

        study = compare_variants(
            plan,
            out=out,
            metrics=metrics,
            jobs=jobs,
            quiet=quiet,
            reuse_other_code=reuse_other_code,
            with_plain=not no_baseline,
        )
        show_report(study.report, format, safe_csv=safe_csv)
        if format == "table":
            print(f"{study.folder}: ablation.json, report.json, and a run folder for each training")
        if study.failed:
            raise typer.Exit(1)

    return single(with_fields(ablate, entry.config_class, summary(entry)))


def summary(entry: zoo.Entry) -> str:
    """Return the help text of a model's command, listing its variants."""
    declared = ", ".join(entry.variants) or "none declared; use --sweep"
    return f"Compare variants of {entry.name}. {entry.summary} Variants: {declared}."


def listed(names: str | None) -> list[str]:
    """Split a comma-separated option: ``"a, b"`` → ``["a", "b"]``."""
    return [name.strip() for name in (names or "").split(",") if name.strip()]
