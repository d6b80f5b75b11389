"""``nlpcl visualize RUN``: figures of runs and ablations."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nlpcl.cli.groups import single
from nlpcl.cli.show import check_format, loading, show_tables
from nlpcl.core.errors import UserError
from nlpcl.core.files import refuse_new_root
from nlpcl.core.tables import Table

FORMATS = ("html", "png", "svg", "pdf")
REASONS = 3
"""Maximum number of figures whose reasons are given if none can be drawn."""
NAMED = 4
"""Maximum number of runs in the name of a default output folder."""


def command(arguments: Sequence[str] = ()) -> Any:
    """Build ``nlpcl visualize``."""
    return single(visualize)


def visualize(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, or folders of ablations.")],
    list_figures: Annotated[
        bool,
        typer.Option("--list", help="List the figures that can be drawn, and why others cannot."),
    ] = False,
    only: Annotated[
        str | None, typer.Option(help="Figures to draw, comma-separated; see --list.")
    ] = None,
    format: Annotated[
        str, typer.Option(help="html (one report), or png, svg or pdf (one file per figure).")
    ] = "html",
    out: Annotated[
        Path | None,
        typer.Option(
            help="Output folder, or an .html file. (default: RUN/figures; of several runs "
            "figures-RUN-RUN next to the first)"
        ),
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(help="Long sound file to plot in the figure timeline.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed for projections and sampling.")] = 0,
) -> None:
    """Plot runs and ablations: one HTML report with figures, tables and their data."""
    check_format(format, FORMATS)
    wanted = [name.strip() for name in (only or "").split(",") if name.strip()]
    check_place(out, format)
    loading(quiet=list_figures)
    from nlpcl.analysis.figures import registry
    from nlpcl.analysis.figures.kinds import Options
    from nlpcl.analysis.figures.making import listing, make
    from nlpcl.analysis.figures.sources import open_sources
    from nlpcl.analysis.figures.writing import write

    registry.check(wanted)
    sources = open_sources(runs)
    if list_figures:
        rows = [
            [name, source, "yes" if drawn else "no", reason]
            for source, name, drawn, reason in listing(sources)
            if not wanted or name in wanted
        ]
        columns = ["figure", "run", "drawn", "reason"]
        show_tables([Table("figures", columns, rows, title="Figures")])
        return
    if audio is not None and not audio.is_file():
        raise UserError("no such file", f"--audio {audio}", "Give a WAV, FLAC, OGG or MP3 file.")
    made, missing = make(sources, wanted, Options(audio, seed), say)
    say("")
    if not made:
        told = [one for one in missing if wanted or not one.reason.startswith("it is for")]
        reasons = "; ".join(f"{one.name}: {one.reason}" for one in told[:REASONS])
        more = ", …" if len(told) > REASONS else ""
        what = f"no figure can be drawn ({reasons or 'nothing suits it'}{more})"
        raise UserError(what, runs[0], f"See: nlpcl visualize --list {runs[0]}")
    by_reason: dict[str, list[str]] = {}
    for left in missing:
        if not left.reason.startswith("it is for") or wanted:
            by_reason.setdefault(left.reason, []).append(left.name)
    for reason, names in by_reason.items():
        print(f"left out: {', '.join(dict.fromkeys(names))}: {reason}", file=sys.stderr)
    written = write(sources, made, missing, out or own_place(runs), format)
    for path in written[:1] if format == "html" else written:
        print(path)


def own_place(runs: Sequence[Path]) -> Path:
    """Return the default output folder: in the run, or next to the first of several."""
    if len(runs) == 1:
        return runs[0] / "figures"
    names = [folder.resolve().name for folder in runs[:NAMED]]
    more = [f"and-{len(runs) - NAMED}-more"] if len(runs) > NAMED else []
    # The folder "." has no name and is its own parent.
    first = runs[0] if runs[0].name not in {"", ".."} else runs[0].resolve()
    return first.parent / "-".join(["figures", *names, *more])


def check_place(out: Path | None, format: str) -> None:
    """Reject an output path that does not suit the format.

    Raises:
        UserError: a file where a folder is needed, or the other way round.
    """
    if out is None:
        return
    refuse_new_root(out.parent if out.suffix == ".html" else out)
    if format != "html" and out.suffix == ".html":
        raise UserError(f"is no folder for {format} files", f"--out {out}", "Give a folder.")
    if out.is_file() and out.suffix != ".html":
        raise UserError("is a file", f"--out {out}", "Give a folder or a file ending in .html.")
    if out.is_dir() and out.suffix == ".html":
        raise UserError("is a folder", f"--out {out}", "Give a file, or a folder without .html.")


def say(name: str) -> None:
    """Show on a terminal which figure is being drawn; an empty name clears the line."""
    if sys.stderr.isatty():
        print(f"\r\033[K{name}", end="", file=sys.stderr, flush=True)
