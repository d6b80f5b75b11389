"""``nlpcl predict NOUN``: one command per task, built from its spec."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import tee
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlpcl import tasks, zoo
from nlpcl.cli.groups import lazy_group, single
from nlpcl.cli.options import Device, Output, Precision, Quiet, SafeCsv, with_fields
from nlpcl.cli.show import check_format, check_output
from nlpcl.cli.text_input import (
    TEXT_FORMATS,
    Column,
    Input,
    InputFormat,
    TextFormat,
    check_flags,
    records,
)
from nlpcl.core.characters import visible
from nlpcl.core.errors import UserError, unknown_name
from nlpcl.data.html_entities import entities, unescape
from nlpcl.tasks.spec import Prediction, TaskSpec
from nlpcl.text.words import METHODS

if TYPE_CHECKING:
    from nlpcl.runs.predictor import Predictor
    from nlpcl.text.records import Record


Checkpoint = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        "--model",
        help="Run folder, saved model, hub id or builtin. (default: the newest finished run, else "
        "the built-in model, if any)",
    ),
]


def command(arguments: Sequence[str] = ()) -> Any:
    """Build the group ``nlpcl predict``, one subcommand per task."""
    return lazy_group(
        "predict",
        "Predict with a trained model, from text, sound files or standard input. The task may also "
        "be the path of your own model folder.",
        nouns,
        lambda noun: single(predictor_of(noun)),
        lambda noun: task_of(noun).summary,
    )


def nouns() -> list[str]:
    """Return the nouns of the tasks that predict, sorted."""
    specs = [tasks.spec(name) for name in tasks.names()]
    return sorted(spec.noun for spec in specs if spec.prediction is not None)


def task_of(noun: str) -> TaskSpec:
    """Return the task of a noun, or of a user's own model folder.

    Raises:
        UserError: no task of that name, or one that does not predict.
    """
    if zoo.is_path(noun):
        spec = zoo.entry(noun).task
        if spec.prediction is None:
            raise UserError(f"its task {spec.name} predicts nothing", noun)
        return spec
    found = tasks.by_noun(noun)
    if found is None:
        raise unknown_name("task", noun, nouns())
    return found


def predictor_of(noun: str) -> Callable[..., None]:
    """Build the function behind ``nlpcl predict NOUN``."""
    spec = task_of(noun)
    prediction = spec.prediction
    assert prediction is not None
    function = about_sound if spec.input == "speech" else about_text
    own = zoo.entry(noun) if zoo.is_path(noun) else None

    def predict(given: dict[str, Any], **values: Any) -> None:
        function(spec, prediction, own, given, **values)

    predict.__signature__ = signature(function, spec, prediction)  # type: ignore[attr-defined]
    return with_fields(predict, prediction.options, spec.summary)


def signature(function: Callable[..., None], spec: TaskSpec, prediction: Prediction) -> Any:
    """Return the signature of a function with the formats, without what a task does not use."""
    import inspect

    left_out = {"spec", "prediction", "own", "given"}
    left_out |= set() if prediction.wraps_encoders else {"assume_tuned"}
    left_out |= set() if "words" in spec.analyses else {"explain", "method"}
    found = dict(inspect.signature(function, eval_str=True).parameters)
    if prediction.formats:
        known = ", ".join([*TEXT_FORMATS, *prediction.formats])
        found["format"] = found["format"].replace(
            annotation=Annotated[str, typer.Option("--format", help=f"{known}.")]
        )
    return inspect.Signature([one for name, one in found.items() if name not in left_out])


def about_text(
    spec: TaskSpec,
    prediction: Prediction,
    own: zoo.Entry | None,
    given: dict[str, Any],
    texts: Annotated[list[str] | None, typer.Argument(help="Texts, or use --input.")] = None,
    source: Input = None,
    input_format: InputFormat = "auto",
    column: Column = None,
    format: TextFormat = "table",
    safe_csv: SafeCsv = False,
    output: Output = None,
    checkpoint: Checkpoint = None,
    assume_tuned: Annotated[
        bool,
        typer.Option(
            "--assume-tuned",
            help="Accept a checkpoint that nlpcl did not train as fine-tuned for the task.",
        ),
    ] = False,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Add the attribution of each word to the predicted label."),
    ] = False,
    method: Annotated[
        str, typer.Option(help="Attribution method of --explain: gradients or leave-one-out.")
    ] = "gradients",
    unescape_html: Annotated[
        bool | None,
        typer.Option(
            "--unescape-html/--no-unescape-html",
            help="Decode HTML entities such as &amp; first. (default: as in training)",
            show_default=False,
        ),
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    quiet: Quiet = False,
) -> None:
    """Predictions for texts, one result a text; exit code 1 where a row could not be read."""
    name = f"predict {prediction.noun}"
    example = f"nlpcl {name} {prediction.example}"
    check_format(format, (*TEXT_FORMATS, *prediction.formats), safe_csv=safe_csv)
    check_flags(texts, source, input_format, command=name, example=example)
    check_output(output)
    if method not in METHODS:
        raise unknown_name("method", method, METHODS, where="--method")
    prediction.options(**given).check()
    from nlpcl.runs.opening import open_checkpoint
    from nlpcl.tasks.protocol import new_notes
    from nlpcl.text.reading import format_of
    from nlpcl.text.writing import ResultWriter

    opened = open_checkpoint(
        checkpoint, spec, device=device, precision=precision, assume_tuned=assume_tuned, own=own
    )
    say_who(opened, prediction, quiet)
    is_decoded = opened.task.config.unescape_html if unescape_html is None else unescape_html
    counts = Counts()
    told = counts.of(records(texts, source, input_format, column), decode=is_decoded)
    kept, read = tee(told)
    notes = new_notes()
    rows = opened.stream((record.text for record in read if not record.error), notes=notes, **given)
    if explain:
        from nlpcl.analysis.attribution import explained

        rows = explained(opened, rows, method=method)
    layout = opened.task.layout(explained=explain)
    errors = source is not None and format_of(source, input_format) != "txt"  # type: ignore[arg-type]
    with ResultWriter(format, output, layout, errors=errors, safe_csv=safe_csv) as writer:  # type: ignore[arg-type]
        for record in kept:
            if record.error:
                writer.write_error(record)
            else:
                writer.write(record, next(rows))
    if not quiet:
        say_lines([*opened.task.remarks(notes), *counts.remarks(is_decoded)])
    if counts.errors:
        raise typer.Exit(1)


@dataclasses.dataclass
class Counts:
    """What is told of the records at the end.

    Args:
        all: how many there were.
        errors: of them could not be read.
        entities: of them hold HTML entities.
        first: the first error.
    """

    all: int = 0
    errors: int = 0
    entities: int = 0
    first: str = ""

    def of(self, records: Iterable[Record], *, decode: bool) -> Iterator[Record]:
        """The records, counted, with their entities decoded if that is wanted."""
        for record in records:
            self.all += 1
            self.errors += bool(record.error)
            self.first = self.first or record.error
            if entities(record.text):
                self.entities += 1
                record = (
                    dataclasses.replace(record, text=unescape(record.text)) if decode else record
                )
            yield record

    def remarks(self, is_decoded: bool) -> Iterator[str]:
        """Lines for people."""
        if self.entities and not is_decoded:
            what = f"{self.entities} of {self.all} texts hold HTML entities such as &amp;"
            yield f"{what}; --unescape-html decodes them"
        if self.errors:
            yield f"{self.errors} of {self.all} rows could not be read; the first: {self.first}"


def about_sound(
    spec: TaskSpec,
    prediction: Prediction,
    own: zoo.Entry | None,
    given: dict[str, Any],
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            help="Sound files, folders, patterns such as 'a/*.wav', or - to read a list from "
            "standard input."
        ),
    ] = None,
    format: Annotated[str, typer.Option("--format", help="table, jsonl or csv.")] = "table",
    safe_csv: SafeCsv = False,
    output: Output = None,
    checkpoint: Checkpoint = None,
    device: Device = "auto",
    precision: Precision = "auto",
    quiet: Quiet = False,
) -> None:
    """Predictions for sound files, whole or in windows; exit code 1 where one was unreadable."""
    name = f"predict {prediction.noun}"
    check_format(format, ("table", "jsonl", "csv"), safe_csv=safe_csv)
    check_output(output)
    if not paths:
        how = f"For example: nlpcl {name} {prediction.example}"
        raise UserError("needs sound files, folders or patterns", name, how)
    prediction.options(**given).check()
    from nlpcl.audio.paths import sound_paths
    from nlpcl.runs.opening import open_checkpoint
    from nlpcl.tasks.protocol import new_notes
    from nlpcl.text.reading import Record
    from nlpcl.text.writing import ResultWriter

    skipped: list[str] = []
    files = sound_paths(paths, skipped)
    opened = open_checkpoint(checkpoint, spec, device=device, precision=precision, own=own)
    say_who(opened, prediction, quiet)
    say_lines(skipped)
    notes = new_notes()
    written = failed = 0
    layout = opened.task.layout()
    with ResultWriter(format, output, layout, errors=True, safe_csv=safe_csv) as writer:  # type: ignore[arg-type]
        for row in opened.stream(files, notes=notes, **given):
            if "error" in row:
                failed += 1
                writer.write_error(Record("", error=row["error"]), {"path": row["path"]})
            else:
                writer.write(Record(row["path"]), row)
                written += 1
    say_lines(opened.task.remarks(notes))
    if failed and not written:
        raise UserError("no file could be read", name, "See the lines above.")
    if failed:
        raise typer.Exit(1)


def say_who(opened: Predictor, prediction: Prediction, quiet: bool) -> None:
    """Print on stderr which model predicts."""
    if not quiet:
        say_lines([f"{prediction.done} by {opened.description}"])


def say_lines(lines: Iterable[str]) -> None:
    """Print remarks on stderr."""
    for line in lines:
        print(f"nlpcl: {visible(line)}", file=sys.stderr)
