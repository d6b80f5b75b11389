"""The user's own files of marked spans: a file, or a folder of them; formats are recognised."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from nlpcl.core.errors import UserError
from nlpcl.core.json_files import BrokenJson, parsed
from nlpcl.core.splits import Example, Splits
from nlpcl.core.text_files import read_text
from nlpcl.data import standoff
from nlpcl.data.json_records import SUFFIXES as JSON
from nlpcl.data.span_records import SPAN_FIELDS, check_columns, read_records
from nlpcl.data.tables import PARTS
from nlpcl.data.tagged_columns import read_columns

SUFFIXES = (
    *JSON, ".ann", ".bio", ".bioes", ".bmes", ".conll", ".conllu", ".iob", ".iob2", ".tags", ".tsv",
    ".txt",
)  # fmt: skip
"""What files of a folder end in; a file that is given by itself may end in anything."""
COLUMNS = ("token", "tag")
"""The fields of columns, named by their numbers."""
IDLE = {
    **dict.fromkeys((f"{field}_column" for field in SPAN_FIELDS), "no file of JSON was read"),
    **dict.fromkeys((f"{field}_column" for field in COLUMNS), "no file of columns was read"),
}
"""Why names of fields change nothing, as long as no file with such fields was read."""
EXPECTS = (
    "a file of entities (JSON lines, CoNLL columns, brat, exports of doccano or Label Studio), or "
    "a folder with train, dev and test files"
)


def read_own(path: Path, columns: Mapping[str, str] | None) -> Splits:
    """The rows of the user's own file or folder, spans as they stand (``GivenSpans``).

    A file is JSON where its ending or its beginning says so, brat where an ``.ann`` lies beside
    it, else CoNLL columns. A folder holds a file or a folder of brat documents for each of train,
    dev and test, or brat documents itself.

    Args:
        path: of the file or folder.
        columns: the keys ``text`` and ``entities`` of JSON, or the numbers of the columns
            ``token`` and ``tag``, where they are others than usual.

    Raises:
        UserError: nothing there can be read.
    """
    check_columns(columns or {}, (*SPAN_FIELDS, *COLUMNS), path)
    if not os.path.isdir(path):
        splits = Splits(path.stem, idle=dict(IDLE))
        splits.train = read_file(path, columns or {}, splits)
        return splits
    splits = Splits(path.resolve().name, idle=dict(IDLE))
    parts = part_places(path)
    if parts:
        for part, place in parts.items():
            _read_part(part, place, columns or {}, splits)
        splits.protocol = f"its own {', '.join(parts)}"
        return splits
    if not any(path.glob(f"*{standoff.SUFFIX}")):
        how = "Name the files train, dev and test, or give one file."
        raise UserError(f"no train, dev or test file ({' '.join(SUFFIXES)})", path, how)
    splits.train = _documents(path, splits)
    return splits


def _read_part(part: str, place: Path, columns: Mapping[str, str], splits: Splits) -> None:
    def read() -> list[Example]:
        is_folder = os.path.isdir(place)
        return _documents(place, splits) if is_folder else read_file(place, columns, splits)

    if part == "test":
        splits.test = {splits.name: read()}
    elif part == "train":
        splits.train = splits.part(part, read)
    else:
        splits.dev = splits.part(part, read)


def _documents(folder: Path, splits: Splits) -> list[Example]:
    found = standoff.documents(folder, splits.problems)
    return standoff.read_documents(found, splits.problems, splits.notes, folder)


def read_file(path: Path, columns: Mapping[str, str], splits: Splits) -> list[Example]:
    """The rows of one file; its problems, and a note on its format, go to the splits.

    Raises:
        UserError: it cannot be read, or not one row in it.
    """
    if path.suffix == standoff.SUFFIX or _has_annotations(path):
        text_file = path.with_suffix(".txt")
        return standoff.read_documents([text_file], splits.problems, splits.notes, path)
    text = read_text(path)
    suffix = path.suffix.lower()
    if suffix in JSON or _is_json(text):
        suffix = suffix if suffix in JSON else ".jsonl"
        rows, problems = read_records(path, text, suffix, columns, splits.notes)
        used = tuple(SPAN_FIELDS)
    else:
        rows, problems = read_columns(path, text, columns, splits.notes)
        used = COLUMNS
    for field in used:
        splits.idle.pop(f"{field}_column", None)
    problems.sort(key=lambda problem: problem.line or 0)
    splits.problems += problems
    if not rows:
        first = f"First problem, line {problems[0].line}: {problems[0].what}." if problems else ""
        raise UserError("no usable row", path, first or "It holds no rows.")
    return rows


def _has_annotations(path: Path) -> bool:
    return path.suffix == ".txt" and os.path.isfile(path.with_suffix(standoff.SUFFIX))


def _is_json(text: str) -> bool:
    """Whether a file of another name begins like JSON lines or a list of records."""
    begun = text.lstrip()
    if begun[:1] not in ("{", "["):
        return False
    try:
        parsed(begun.split("\n", 1)[0])
    except BrokenJson:
        return bool(re.match(r"\[\s*[\[{]", begun))
    return True


def part_places(folder: Path) -> dict[str, Path]:
    """The file, or folder of brat documents, of each part; named exactly so, or with more words.

    ``train.json`` stands before ``zh_gsd-ud-train.iob2``, which stands before nothing.

    Raises:
        UserError: several for one part.
    """
    exact: dict[str, list[Path]] = {part: [] for part in PARTS}
    others: dict[str, list[Path]] = {part: [] for part in PARTS}
    for path in sorted(folder.iterdir()):
        if not _may_be_part(path):
            continue
        words = re.split(r"[\W_]+", path.name.lower())
        for part, names in PARTS.items():
            if path.stem.lower() in names:
                exact[part].append(path)
            elif set(words) & set(names):
                others[part].append(path)
    found: dict[str, Path] = {}
    for part in PARTS:
        named = exact[part] or others[part]
        if len(named) > 1:
            listed = ", ".join(path.name for path in named)
            raise UserError(f"several files for {part}: {listed}", folder, "Keep one of them.")
        if named:
            found[part] = named[0]
    return found


def _may_be_part(path: Path) -> bool:
    if os.path.isdir(path):
        return any(path.glob(f"*{standoff.SUFFIX}"))
    endings = (*SUFFIXES, *(f".{name}" for names in PARTS.values() for name in names))
    return path.suffix.lower() in endings and path.suffix != standoff.SUFFIX
