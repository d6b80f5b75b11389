"""``nlpcl predict spelling``."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import tee
from pathlib import Path
from typing import Annotated

import typer

from nlpcl.cli.show import check_format
from nlpcl.errors import UserError, unknown_name

SUMMARY = "Correct Chinese spelling."


def predict(
    texts: Annotated[list[str] | None, typer.Argument(help="Texts to correct.")] = None,
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
    window: Annotated[int, typer.Option(help="Texts held in memory together.", min=1)] = 1024,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or fp16.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", help="Nothing on stderr.")] = False,
) -> None:
    """Correct Chinese spelling; the text's length and all its other characters stay as they are."""
    from nlpcl.results import ResultWriter
    from nlpcl.streams import from_arguments, read_texts
    from nlpcl.tasks.correction_output import LAYOUT
    from nlpcl.tasks.dictionaries import Dictionaries

    check_format(format, ("table", "text", "jsonl", "csv"))
    check_input_format(input_format)
    if bool(texts) == bool(input):
        raise UserError(
            "needs text: arguments or --input, one of the two",
            "predict spelling",
            "For example: nlpcl predict spelling 我每天都吃旱饭",
        )
    if input not in (None, "-") and not Path(str(input)).is_file():
        raise UserError("no such file", f"--input {input}", "Check the name; - reads stdin.")
    words = Dictionaries.from_files(protect, confusion)
    from nlpcl.checkpoints import open_checkpoint

    predictor = open_checkpoint(
        checkpoint,
        "correction",
        device=device,
        precision=precision,
        assume_tuned=assume_tuned,
    )
    if not quiet:
        print(f"nlpcl: corrected by {predictor.description}", file=sys.stderr)
    records = (
        from_arguments(texts) if texts else read_texts(str(input), input_format, column)  # type: ignore[arg-type]
    )
    kept, read = tee(records)
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


def check_input_format(name: str) -> None:
    """Refuse an unknown ``--input-format``."""
    known = ("auto", "txt", "jsonl", "csv")
    if name not in known:
        raise unknown_name("format", name, known, where="--input-format")
