"""``nlpcl predict hate``."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import tee
from pathlib import Path
from typing import Annotated

import typer

from nlpcl.cli.predict_spelling import check_input_format
from nlpcl.cli.show import check_format
from nlpcl.errors import UserError, unknown_name

SUMMARY = "Recognise hate speech in text."
METHODS = ("gradients", "leave-one-out")


def predict(
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to classify.")] = None,
    input: Annotated[
        str | None, typer.Option(help="A txt, jsonl or csv file, or - for standard input.")
    ] = None,
    input_format: Annotated[
        str, typer.Option(help="auto (by the file's name), txt, jsonl or csv.")
    ] = "auto",
    column: Annotated[
        str | None, typer.Option(help="Field of the text in jsonl or csv input.")
    ] = None,
    format: Annotated[str, typer.Option("--format", help="table, text, jsonl or csv.")] = "table",
    output: Annotated[Path | None, typer.Option(help="File to write instead of stdout.")] = None,
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
    window: Annotated[int, typer.Option(help="Texts held in memory together.", min=1)] = 1024,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="Nothing on stderr.")] = False,
) -> None:
    """Label texts with class probabilities, one result a text; longer texts are cut and flagged."""
    check_format(format, ("table", "text", "jsonl", "csv"))
    check_input_format(input_format)
    if method not in METHODS:
        raise unknown_name("method", method, METHODS, where="--method")
    if bool(texts) == bool(input):
        raise UserError(
            "needs text: arguments or --input, one of the two",
            "predict hate",
            "For example: nlpcl predict hate 'a text' 'another text'",
        )
    if input not in (None, "-") and not Path(str(input)).is_file():
        raise UserError("no such file", f"--input {input}", "Check the name; - reads stdin.")
    from nlpcl.checkpoints import open_checkpoint
    from nlpcl.encoders import BUILTIN
    from nlpcl.results import ResultWriter
    from nlpcl.run import RUNS, newest_run
    from nlpcl.streams import from_arguments, read_texts
    from nlpcl.tasks.classification_output import layout

    how = "Train one first: nlpcl train asrm; or give --checkpoint RUN."
    if checkpoint == BUILTIN:
        raise UserError("there is no built-in model of hate speech", "predict hate", how)
    if checkpoint is None and newest_run("classification") is None:
        raise UserError(f"no trained model: no finished run in {RUNS}/", "predict hate", how)
    predictor = open_checkpoint(checkpoint, "classification", device=device, precision=precision)
    if not quiet:
        print(f"nlpcl: classified by {predictor.description}", file=sys.stderr)
    records = (
        from_arguments(texts) if texts else read_texts(str(input), input_format, column)  # type: ignore[arg-type]
    )
    kept, read = tee(records)
    counts: Counter[str] = Counter()
    rows = predictor.stream(
        (record.text for record in read),
        explain=method if explain else None,
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
