"""brat standoff: a text file with its annotations in an ``.ann`` file beside it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Problem
from nlpcl.core.text_files import read_lines, read_text
from nlpcl.data.given_spans import Given, GivenSpans, agrees, span_row

SUFFIX = ".ann"
_ENTITY = re.compile(r"(T\S*)\t(\S+) (\d{1,18} \d{1,18}(?:;\d{1,18} \d{1,18})*)(?:\t(.*))?")


def read_document(text_file: Path, problems: list[Problem], ignored: list[str]) -> list[Example]:
    """A list with one row, a whole document; or an empty one, and a problem, if it has no text.

    Args:
        text_file: the ``.txt``; its ``.ann`` lies beside it.
        problems: gets what is wrong, at its line of the ``.ann``.
        ignored: gets the annotations that are no entities, such as ``R1``.

    Raises:
        UserError: a file cannot be read.
    """
    if is_blank(text_file):
        problems.append(Problem(str(text_file), None, "empty text; document skipped"))
        return []
    text = read_text(text_file)
    annotations = text_file.with_suffix(SUFFIX)
    spans: list[Given] = []
    lines = [] if is_blank(annotations) else read_lines(annotations)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        if found := _ENTITY.fullmatch(line):
            _, kind, places, surface = found.groups()
            start, *_, end = map(int, re.split("[ ;]", places))
            place = {"line": number, "file": str(annotations), "is_parted": ";" in places}
            spans.append(Given(start, end, kind, surface, **place))
        elif not line.startswith("T"):
            ignored.append(line.split("\t")[0])
        else:
            what = "no ID, type, start and end; left out"
            problems.append(Problem(str(annotations), number, what, is_used=True))
    if text_file.read_bytes().startswith(codecs.BOM_UTF8):
        spans = without_mark(text, spans)
    given = GivenSpans(spans, is_inclusive=False)
    return span_row(text, given, text_file.stem, str(text_file), None, problems)


def without_mark(text: str, spans: Sequence[Given]) -> list[Given]:
    """Spans whose offsets count the byte order mark, as those of brat do, without it."""
    moved = [replace(one, start=one.start - 1, end=one.end - 1) for one in spans]
    as_given, as_moved = (sum(agrees(text, one) for one in either) for either in (spans, moved))
    return list(spans) if as_given > as_moved else moved


def is_blank(path: Path) -> bool:
    """Whether a file holds nothing but blanks, as annotations of a text without entities do.

    Raises:
        UserError: it cannot be read.
    """
    try:
        return not path.read_bytes().strip()
    except OSError as error:
        how = f"brat has NAME.txt and NAME{SUFFIX} beside one another."
        raise UserError(f"cannot be read: {error.strerror}", path, how) from error


def documents(folder: Path, problems: list[Problem]) -> list[Path]:
    """The texts of a folder that have annotations; those without are reported, and the reverse."""
    names = {path.stem for path in folder.glob(f"*{SUFFIX}")}
    texts = {path.stem: path for path in sorted(folder.glob("*.txt"))}
    for name in sorted(names - set(texts)):
        what = "no text file beside it; skipped"
        problems.append(Problem(str(folder / f"{name}{SUFFIX}"), None, what))
    for name in sorted(set(texts) - names):
        problems.append(Problem(str(texts[name]), None, f"no {SUFFIX} beside it; skipped"))
    return [path for name, path in texts.items() if name in names]


def read_documents(
    text_files: Sequence[Path], problems: list[Problem], notes: list[str], where: Path
) -> list[Example]:
    """The rows of several documents.

    Args:
        text_files: of the texts.
        problems: gets what is wrong with them.
        notes: gets the name of the format.
        where: the file or folder that was given.

    Raises:
        UserError: a file cannot be read, or there is not one document.
    """
    rows: list[Example] = []
    ignored: list[str] = []
    for path in text_files:
        rows += read_document(path, problems, ignored)
    if not rows:
        raise UserError("no document with text", where, f"brat has NAME.txt and NAME{SUFFIX}.")
    count = "1 document" if len(rows) == 1 else f"{len(rows)} documents"
    more = f"; {len(ignored)} annotations that are no entities not read" if ignored else ""
    notes.append(f"{where.name}: brat standoff, {count}{more}")
    return rows
