"""Flags, checks and reading common to all commands that take text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nlpcl.core.errors import UserError, unknown_name

if TYPE_CHECKING:
    from nlpcl.text.reading import Record

Input = Annotated[
    str | None,
    typer.Option("--input", help="Input file (txt, jsonl or csv), or - for standard input."),
]
InputFormat = Annotated[str, typer.Option(help="auto (by file extension), txt, jsonl or csv.")]
Column = Annotated[str | None, typer.Option(help="Field with the text, in jsonl or csv input.")]
TEXT_FORMATS = ("table", "text", "jsonl", "csv")
TextFormat = Annotated[str, typer.Option("--format", help="table, text, jsonl or csv.")]


def check_flags(
    texts: Sequence[str] | None,
    source: str | None,
    input_format: str,
    *,
    command: str,
    example: str,
) -> None:
    """Reject invalid flags before a model is loaded.

    Args:
        texts: those given as arguments.
        source: the value of ``--input``.
        input_format: of the source.
        command: name of the command, such as ``predict hate``.
        example: a valid call, for the message.
    """
    known = ("auto", "txt", "jsonl", "csv")
    if input_format not in known:
        raise unknown_name("format", input_format, known, where="--input-format")
    if bool(texts) == bool(source):
        raise UserError(
            "needs text: arguments or --input, one of the two", command, f"For example: {example}"
        )
    if source in (None, "-"):
        return
    path, where = Path(str(source)), f"--input {source}"
    if path.is_dir():
        raise UserError("a folder, not a file", where, "Give a file; - reads stdin.")
    if not path.exists():
        raise UserError("no such file", where, "Check the name; - reads stdin.")


def records(
    texts: Sequence[str] | None, source: str | None, input_format: str, column: str | None
) -> Iterable[Record]:
    """Iterate over the texts given as arguments or in ``source``."""
    from nlpcl.text.reading import from_arguments, read_texts

    if texts:
        return from_arguments(texts)
    return read_texts(str(source), input_format, column)  # type: ignore[arg-type]
