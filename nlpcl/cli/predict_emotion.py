"""``nlpcl predict emotion``."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from nlpcl.cli.options import Device, Output, Precision, Quiet
from nlpcl.cli.show import check_format
from nlpcl.core.errors import UserError

SUMMARY = "Recognise emotion in speech."


def predict(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Sound files, folders of them, patterns such as 'a/*.wav'; - reads."),
    ] = None,
    window: Annotated[
        float, typer.Option(help="Seconds a prediction; 0 takes each file whole.", min=0.0)
    ] = 0.0,
    hop: Annotated[
        float | None, typer.Option(help="Seconds from window to window. (default: the window)")
    ] = None,
    format: Annotated[str, typer.Option("--format", help="table, jsonl or csv.")] = "table",
    output: Output = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(help="Run folder. (default: the newest finished run, else builtin)"),
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    quiet: Quiet = False,
) -> None:
    """Name the emotion of speech and its probabilities, of whole files or of windows in time."""
    from nlpcl.audio.paths import sound_paths
    from nlpcl.tasks.emotion.output import LAYOUT
    from nlpcl.text.reading import Record
    from nlpcl.text.writing import ResultWriter

    check_format(format, ("table", "jsonl", "csv"))
    if not paths:
        raise UserError(
            "needs sound files, folders or patterns",
            "predict emotion",
            "For example: nlpcl predict emotion file.wav",
        )
    if hop is not None and (not window or not 0 < hop <= window):
        raise UserError(
            f"a step of {hop:g} s does not suit windows of {window:g} s",
            "--hop",
            "Give --window too, and a step above 0 that is no longer than it.",
        )
    files = sound_paths(paths)
    from nlpcl.runs.predictor import open_checkpoint

    predictor = open_checkpoint(checkpoint, "emotion", device=device, precision=precision)
    if not quiet:
        print(f"nlpcl: recognised by {predictor.description}", file=sys.stderr)
    skipped: list[str] = []
    rows = predictor.stream(files, window=window, hop=hop or window, skipped=skipped)
    with ResultWriter(format, output, LAYOUT) as writer:  # type: ignore[arg-type]
        for row in rows:
            writer.write(Record(row["path"]), row)
    for line in skipped:
        print(f"nlpcl: skipped: {line}", file=sys.stderr)
    if skipped and len(skipped) == len(files):
        raise UserError("no file could be read", "predict emotion", "See the lines above.")
