"""``nlpcl predict spelling``."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import tee
from pathlib import Path
from typing import Annotated

import typer

from nlpcl.cli.options import Device, Output, Precision, Quiet
from nlpcl.cli.text_input import (
    Column,
    Input,
    InputFormat,
    TextFormat,
    Window,
    check_flags,
    records,
)

SUMMARY = "Correct Chinese spelling."


def predict(
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to correct.")] = None,
    source: Input = None,
    input_format: InputFormat = "auto",
    column: Column = None,
    format: TextFormat = "table",
    output: Output = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            help="Run, saved model or hub id. (default: the newest finished run, else builtin)"
        ),
    ] = None,
    assume_tuned: Annotated[
        bool,
        typer.Option(
            "--assume-tuned", help="The checkpoint is a corrector although nlpcl did not train it."
        ),
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Lowest probability of a change; 0 takes every one, as scoring does. "
            "(default: 0.5; 0.9 for the built-in corrector)",
            min=0.0,
            max=1.0,
        ),
    ] = None,
    protect: Annotated[
        Path | None, typer.Option(help="File of terms to leave alone, one a line.")
    ] = None,
    confusion: Annotated[
        Path | None, typer.Option(help="File of pairs to replace always: wrong right.")
    ] = None,
    window: Window = 1024,
    device: Device = "auto",
    precision: Precision = "auto",
    quiet: Quiet = False,
) -> None:
    """Correct Chinese spelling; the text's length and all its other characters stay as they are."""
    from nlpcl.tasks.correction.dictionaries import Dictionaries
    from nlpcl.tasks.correction.output import LAYOUT
    from nlpcl.text.writing import ResultWriter

    example = "nlpcl predict spelling 我每天都吃旱饭"
    check_flags(texts, source, input_format, format, command="predict spelling", example=example)
    words = Dictionaries.from_files(protect, confusion)
    from nlpcl.runs.predictor import open_checkpoint

    predictor = open_checkpoint(
        checkpoint,
        "correction",
        device=device,
        precision=precision,
        assume_tuned=assume_tuned,
    )
    if not quiet:
        print(f"nlpcl: corrected by {predictor.description}", file=sys.stderr)
    kept, read = tee(records(texts, source, input_format, column))
    limit = {} if threshold is None else {"threshold": threshold}
    unknown: Counter[str] = Counter()
    rows = predictor.stream(
        (record.text for record in read),
        dictionaries=words,
        window=window,
        unknown=unknown,
        **limit,
    )
    with ResultWriter(format, output, LAYOUT) as writer:  # type: ignore[arg-type]
        for record, row in zip(kept, rows, strict=True):
            writer.write(record, row)
    if unknown and not quiet:
        shown = " ".join(character for character, _ in unknown.most_common(10))
        print(
            f"nlpcl: {unknown.total()} characters outside the model's vocabulary were left as "
            f"they are ({shown}{' …' if len(unknown) > 10 else ''})",
            file=sys.stderr,
        )
