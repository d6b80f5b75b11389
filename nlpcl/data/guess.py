"""Which task a file of the user's own is for, by its columns and its ending."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from nlpcl.core.delimited import expected_dialect, first_row, sniff
from nlpcl.core.errors import UserError
from nlpcl.core.text_files import read_text
from nlpcl.data.json_records import SUFFIXES as JSON
from nlpcl.data.json_records import json_records
from nlpcl.data.labelled_text import LABELLED_FIELDS
from nlpcl.data.manifest import CLIP_FIELDS, MANIFESTS, REQUIRED
from nlpcl.data.optional_columns import OPTIONAL_FIELDS
from nlpcl.data.pairs import PAIR_FIELDS
from nlpcl.data.span_files import COLUMNS
from nlpcl.data.span_records import SPAN_FIELDS
from nlpcl.data.tables import PARTS, SUFFIXES, Fields

TAGGED = (".ann", ".bio", ".bioes", ".bmes", ".conll", ".conllu", ".iob", ".iob2", ".tags")
"""Endings of files of entities alone."""


class Kind(NamedTuple):
    """What tells a task.

    Args:
        required: fields whose columns must be there, with the names they are known by.
        roles: fields whose columns can be named.
    """

    required: Fields
    roles: Collection[str]


_TEXT_KEYS = ("entities", "spans", "annotations")
KINDS: Mapping[str, Kind] = {
    "emotion": Kind({name: CLIP_FIELDS[name] for name in REQUIRED}, CLIP_FIELDS),
    "entities": Kind(
        {"text": SPAN_FIELDS["text"], "entities": _TEXT_KEYS}, (*SPAN_FIELDS, *COLUMNS)
    ),
    "classification": Kind(LABELLED_FIELDS, (*LABELLED_FIELDS, *OPTIONAL_FIELDS)),
    "correction": Kind(PAIR_FIELDS, PAIR_FIELDS),
}
"""By task; where the columns of several are there, the first."""


def task_of(path: Path, columns: Mapping[str, str]) -> str | None:
    """The task that a file or folder is for; None where it does not tell.

    Args:
        path: of the file, or of a folder with train, dev or test files or a manifest.
        columns: field → column, as the user named them; they exclude tasks without such a field.
    """
    possible = {name: kind for name, kind in KINDS.items() if columns.keys() <= {*kind.roles}}
    if len(possible) == 1:
        return next(iter(possible))
    file = first_table(path) if os.path.isdir(path) else path
    if file is None:
        return None
    if file.suffix.lower() in TAGGED:
        return "entities" if "entities" in possible else None
    try:
        header = {name.strip() for name in header_of(file)}
    except UserError:  # said when it is read
        return None
    folded = {name.casefold() for name in header}
    for task, kind in possible.items():
        if all(
            columns[field] in header if field in columns else folded.intersection(names)
            for field, names in kind.required.items()
        ):
            return task
    return None


def first_table(folder: Path) -> Path | None:
    """The table of a folder that tells most: its manifest, or its train, dev or test file."""
    names = [*MANIFESTS, *(name for names in PARTS.values() for name in names)]
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES + TAGGED]
    ranked = [path for name in names for path in files if path.stem.lower() == name]
    return next(iter(ranked), None)


def header_of(file: Path) -> list[str]:
    """The names of the columns of a table, or the keys of its records.

    Raises:
        UserError: it cannot be read.
    """
    notes: list[str] = []
    text, suffix = read_text(file, notes=notes), file.suffix.lower()
    if suffix in JSON:
        records, _ = json_records(file, text, suffix)
        return list(dict.fromkeys(key for _, values in records[:100] for key in values))
    expected = expected_dialect(suffix)
    return first_row(text, sniff(text, expected, lambda row: len(row)))
