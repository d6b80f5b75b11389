"""Clips listed in the user's own table: one per line, with emotion and speaker."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nlpcl.core.delimited import (
    Dialect,
    cells_of,
    described,
    expected_dialect,
    sniff,
    without_empty_end,
)
from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.splits import Dataset, Example, Problem, Splits, by_use
from nlpcl.core.text_files import read_text
from nlpcl.data.clip_check import clip_findings
from nlpcl.data.clips import (
    chosen,
    clip,
    count_clips,
    usable,
    with_usable,
    without_missing,
)
from nlpcl.data.json_records import SUFFIXES as JSON
from nlpcl.data.json_records import Record, json_records
from nlpcl.data.schema import Schema
from nlpcl.data.tables import PARTS, SUFFIXES, Fields, part_files, resolve_columns

CLIP_FIELDS: Fields = {
    "path": ("path", "file", "filename", "filepath", "audio", "wav", "sound"),
    "label": ("label", "emotion", "class", "category"),
    "speaker": ("speaker", "speaker_id", "spk", "actor", "subject"),
    "session": ("session", "session_id"),
    "gender": ("gender", "sex"),
    "text": ("text", "transcript", "transcription", "sentence"),
    "start": ("start", "begin", "start_time"),
    "end": ("end", "stop", "end_time"),
    "kind": ("kind",),
    "split": ("split", "subset", "fold_split"),
    "id": ("id",),
}
"""Columns and the names they are known by; ``path`` and ``label`` must be there."""
REQUIRED = ("path", "label")
GENDERS = {"f": "female", "w": "female", "m": "male"}
NAMELESS = frozenset({"nan", "none", "null", "n/a", "<na>"})
"""Speakers and sessions that are none. (``NA`` may be somebody's initials.)"""
MANIFEST = "manifest"
MANIFESTS = (MANIFEST, "metadata", "meta")
"""Names of the one table of a folder without train, dev and test tables."""


def load_manifest(path: Path, *, columns: Mapping[str, str] | None = None) -> Splits:
    """Every clip of a table, all in ``train``; the files themselves are not opened.

    Paths are taken from the folder of the table unless they are absolute. Emotions are put in
    lower case. Rows that cannot be used become problems; columns that nobody reads, a note.

    Args:
        path: ``.csv``, ``.tsv`` (or ``.txt``) with a header, ``.jsonl`` or ``.json``.
        columns: field to column, as the user named them.

    Raises:
        UserError: an unreadable file, a missing column, or not one usable row.
    """
    for field in columns or {}:
        if field not in CLIP_FIELDS:
            raise unknown_name("field", field, CLIP_FIELDS, where=str(path))
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"unknown file type {path.suffix!r}", path, f"Known: {' '.join(SUFFIXES)}.")
    splits = Splits(path.stem)
    records = _records(path, splits)
    header = list(dict.fromkeys(key for _, values in records for key in values))
    if not records:
        raise UserError("lists no clip", path, "Give columns path, label and speaker.")
    fields = {
        field: names
        for field, names in CLIP_FIELDS.items()
        if field in REQUIRED or field in (columns or {}) or _is_known(names, header)
    }
    chosen = resolve_columns(header, fields, columns or {}, path)
    unread = [repr(name) for name in header if name and name not in chosen.values()]
    if unread:
        splits.notes.append(f"{splits.name}: columns not read: {', '.join(unread)}")
    seen: dict[tuple[Any, ...], int] = {}
    for line, values in records:
        try:
            row = _row(path, line, {field: values.get(name) for field, name in chosen.items()})
        except ValueError as error:
            splits.problems.append(Problem(str(path), line, f"{error}; row skipped"))
            continue
        first = seen.setdefault((row["path"], row["start"], row["end"]), line)
        if first != line:
            what = f"the same clip as line {first}; row skipped"
            splits.problems.append(Problem(str(path), line, what))
        else:
            splits.train.append(row)
    if not splits.train:
        first_problem = splits.problems[0]
        raise UserError("no usable row", path, f"The first problem: {first_problem}.")
    _note_speakers(splits)
    return splits


def load_folder(folder: Path, *, columns: Mapping[str, str] | None = None) -> Splits:
    """The tables train, dev and test of a folder, or its one ``manifest``, ``metadata``, ``meta``.

    All clips are in ``train``; those of train, dev and test tables have it as their ``split``.

    Raises:
        UserError: no such table, or several for one part.
    """
    splits = Splits(folder.resolve().name)
    for part, table in part_files(folder, {**PARTS, MANIFEST: MANIFESTS}).items():
        if part == MANIFEST and splits.train:
            continue
        read = functools.partial(_clips_of, splits, table, columns)
        given = {"split": part} if part in PARTS else {}
        rows = splits.part(part, read) if part in ("train", "dev") else read()
        splits.train += [row | given | {"corpus": splits.name} for row in rows]
    if not splits.train:
        splits.need()
        how = "A corpus that nlpcl knows is given by its name: --data NAME --data-root DIR."
        raise UserError("no manifest, train or test table of clips", folder, how)
    return splits


def _clips_of(splits: Splits, table: Path, columns: Mapping[str, str] | None) -> list[Example]:
    read = load_manifest(table, columns=columns)
    splits.problems += read.problems
    splits.notes += read.notes
    return read.train


def _is_known(names: Iterable[str], header: Iterable[str]) -> bool:
    return not {name.strip().casefold() for name in header}.isdisjoint(names)


def _records(path: Path, splits: Splits) -> list[Record]:
    text, suffix = read_text(path, notes=splits.notes), path.suffix.lower()
    if suffix in JSON:
        records, problems = json_records(path, text, suffix)
        splits.problems += problems
        # The items of a list may share a line; they are named by their number.
        return (
            list(enumerate((values for _, values in records), 1)) if suffix == ".json" else records
        )
    expected = expected_dialect(suffix)
    dialect = sniff(text, expected, _known_names)
    if what := described(dialect, expected):
        splits.notes.append(f"{path.name}: {what}")
    return list(_named_cells(path, text, dialect, splits.problems))


def _known_names(row: Sequence[str]) -> int:
    return sum(_is_known(names, row) for names in CLIP_FIELDS.values())


def _named_cells(
    path: Path, text: str, dialect: Dialect, problems: list[Problem]
) -> Iterator[Record]:
    header: list[str] = []
    for line, cells in cells_of(path, text, dialect):
        if not any(cell.strip() for cell in cells):
            continue
        row = without_empty_end(cells, len(header) or len(cells))
        if not header:
            header = [cell.strip() for cell in row]
        elif len(row) > len(header):
            what = f"{len(row)} cells for {len(header)} columns; row skipped"
            problems.append(Problem(str(path), line, what))
        else:
            # A short row lacks its last columns.
            yield line, dict(zip(header, row, strict=False))


def _row(table: Path, line: int, values: Mapping[str, Any]) -> Example:
    """One clip.

    Raises:
        ValueError: what is wrong with it.
    """
    texts = {field: _text(field, value) for field, value in values.items()}
    for field in REQUIRED:
        if not texts[field]:
            raise ValueError(f"no {field}")
    # Made absolute, so that a run can be gone on with from another folder.
    path = (table.parent / os.path.expanduser(texts["path"])).absolute()
    if not os.path.exists(path):
        raise ValueError(f"no such file as {texts['path']!r}")
    gender = texts.get("gender", "")
    for field in ("speaker", "session"):
        if texts.get(field, "").casefold() in NAMELESS:
            texts[field] = ""
    row = clip(path, texts["label"].lower(), texts.get("speaker", ""), table.stem)
    row |= {
        "id": texts.get("id") or f"{table.stem}:{line}",
        "session": texts.get("session", ""),
        "gender": GENDERS.get(gender[:1].lower(), ""),
        "start": _seconds("start", texts.get("start", "")),
        "end": _seconds("end", texts.get("end", "")),
    }
    if row["end"] is not None and row["end"] <= (row["start"] or 0):
        raise ValueError(f"ends at {row['end']:g} s, not after its start")
    row |= {field: texts[field] for field in ("text", "kind") if texts.get(field)}
    if texts.get("split"):
        given = texts["split"].lower()
        part = next((part for part, names in PARTS.items() if given in names), None)
        if part is None:
            raise ValueError(f"unknown split {texts['split']!r} (train, dev or test)")
        row["split"] = part
    return row


def _text(field: str, value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value).strip()
    raise ValueError(f"{field} is not text")


def _seconds(field: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{field} {text!r} is no number of seconds") from None
    if not 0 <= value < math.inf:
        raise ValueError(f"{field} {text!r} is no number of seconds")
    return value


def _note_speakers(splits: Splits) -> None:
    nameless = sum(not row["speaker"] for row in splits.train)
    if nameless:
        what = f"{nameless} of {len(splits.train)} clips name no speaker"
        splits.notes.append(f"{splits.name}: {what}")


def read_own(path: Path, columns: Mapping[str, str] | None) -> Splits:
    """Clips of the user's own table, or of the tables in a folder."""
    read = load_folder if os.path.isdir(path) else load_manifest
    return read(path, columns=columns)


def finish_clips(splits: Splits, corpus: Dataset | None, options: Mapping[str, Any]) -> Splits:
    """The clips that were asked for and can be used, under their new names."""
    if corpus is None:
        meant = {*(options.get("labels") or ()), *options.get("map_labels", ())}
        return with_usable(chosen(without_missing(splits, meant), **options))
    return with_usable(chosen(splits, usual=corpus.labels, **options))


def find_in_clips(splits: Splits) -> dict[str, list[Problem]]:
    """What is wrong with clips; every one is read."""
    skipped = list(splits.problems)
    rows = usable(splits.train, skipped)
    return by_use(skipped) | clip_findings(rows)


CLIPS = Schema(
    task="emotion",
    fields=CLIP_FIELDS,
    count=count_clips,
    read=read_own,
    expects="a table with path, label and speaker of clips, or a folder with one",
    finish=finish_clips,
    holds_test_out=True,
    find=find_in_clips,
)
"""Rows of clips, see :func:`nlpcl.data.clips.clip`."""
