"""``nlpcl predict hate``."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial
from itertools import tee
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
from nlpcl.core.errors import UserError, unknown_name

SUMMARY = "Recognise hate speech in text."
METHODS = ("gradients", "leave-one-out")


def predict(
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to classify.")] = None,
    source: Input = None,
    input_format: InputFormat = "auto",
    column: Column = None,
    format: TextFormat = "table",
    output: Output = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            "--checkpoint",
            "--model",
            help="Run, saved model or hub id. (default: the newest finished run)",
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Add the words with their weight for the label.")
    ] = False,
    method: Annotated[
        str, typer.Option(help="How --explain weighs words: gradients or leave-one-out.")
    ] = "gradients",
    window: Window = 1024,
    device: Device = "auto",
    precision: Precision = "auto",
    quiet: Quiet = False,
) -> None:
    """Label texts with class probabilities, one result a text; longer texts are cut and flagged."""
    example = "nlpcl predict hate 'a text' 'another text'"
    check_flags(texts, source, input_format, format, command="predict hate", example=example)
    if method not in METHODS:
        raise unknown_name("method", method, METHODS, where="--method")
    from nlpcl.analysis.attribution import word_attributions
    from nlpcl.runs.predictor import open_checkpoint
    from nlpcl.runs.run import RUNS, newest_run
    from nlpcl.tasks.classification.output import layout
    from nlpcl.text.encoders import BUILTIN
    from nlpcl.text.writing import ResultWriter

    how = "Train one first: nlpcl train asrm; or give --checkpoint RUN."
    if checkpoint == BUILTIN:
        raise UserError("there is no built-in model of hate speech", "predict hate", how)
    if checkpoint is None and newest_run("classification") is None:
        raise UserError(f"no trained model: no finished run in {RUNS}/", "predict hate", how)
    predictor = open_checkpoint(checkpoint, "classification", device=device, precision=precision)
    if not quiet:
        print(f"nlpcl: classified by {predictor.description}", file=sys.stderr)
    kept, read = tee(records(texts, source, input_format, column))
    counts: Counter[str] = Counter()
    rows = predictor.stream(
        (record.text for record in read),
        explain=partial(word_attributions, method=method) if explain else None,
        window=window,
        counts=counts,
    )
    labels = predictor.task.adopt(predictor.model).labels
    with ResultWriter(format, output, layout(labels, explained=explain)) as writer:  # type: ignore[arg-type]
        for record, row in zip(kept, rows, strict=True):
            writer.write(record, row)
    if not quiet:
        for remark in remarks(counts, predictor.task.limit):
            print(f"nlpcl: {remark}", file=sys.stderr)


def remarks(counts: Counter[str], limit: int) -> list[str]:
    """What a user must know about texts that were not read whole."""
    found = []
    if counts["truncated"]:
        found.append(
            f"{counts['truncated']} of {counts['texts']} texts are longer than {limit} tokens: "
            "only their beginning was read"
        )
    if counts["empty"]:
        found.append(f"{counts['empty']} of {counts['texts']} texts are empty and have no label")
    return found
