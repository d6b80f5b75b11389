"""Common code of labelled text corpora: fields, CSV reading, checks across splits, counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nlpcl.core.delimited import Dialect, cells_of
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Dataset, Example, Problem, Splits
from nlpcl.core.text_files import read_text
from nlpcl.data.classes import listed, rename
from nlpcl.data.holdout import text_key
from nlpcl.data.optional_columns import OPTIONAL_FIELDS, typed
from nlpcl.data.schema import Schema
from nlpcl.data.synonyms import with_synonyms
from nlpcl.data.tables import CONTROL, Fields

LABELLED_FIELDS: Fields = {
    "text": ("text", "tweet", "sentence", "content", "comment", "post", "message"),
    "label": ("label", "labels", "class", "category", "gold"),
}
"""The fields of text classification and the column names recognised for them."""


def csv_records(
    path: Path, columns: Sequence[str], *, delimiter: str = ",", is_quoted: bool = True
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table with a header, each with the line at which it begins.

    A row with too few cells lacks the last columns; surplus cells are under the key ``""``.

    Args:
        path: a UTF-8 file, with or without a byte order mark.
        columns: required columns.
        delimiter: between cells.
        is_quoted: whether cells may be quoted; else quotes are literal.

    Raises:
        UserError: the file cannot be read, lacks a column, or a quote is never closed.
    """
    header: list[str] = []
    for line, cells in cells_of(path, read_text(path), Dialect(delimiter, is_quoted)):
        if not header:
            header = [cell.strip() for cell in cells]
            require_columns(path, header, columns)
        elif any(cell.strip() for cell in cells):
            record = dict(zip(header, cells, strict=False))
            if len(cells) > len(header):
                record[""] = delimiter.join(cells[len(header) :])
            yield line, record


def require_columns(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    """Refuse a table without one of the columns."""
    missing = [column for column in columns if column not in header]
    if missing:
        there = ", ".join(repr(name) for name in header[:12])
        what = f"no column {' or '.join(repr(name) for name in missing)} among {there}"
        raise UserError(what, path, "Get an undamaged copy of the corpus.")


def labelled(
    path: Path,
    line: int,
    text: str | None,
    label: str | None,
    problems: list[Problem],
    *,
    identifier: str = "",
    **more: Any,
) -> list[Example]:
    """A list with one row; or an empty one, and a problem, if the text or the label is missing.

    A text with control characters is kept unchanged and reported.

    Args:
        path: the file it was read from.
        line: its line there.
        text: the text, unchanged.
        label: its class; None for an unknown code.
        problems: problems are added to it.
        identifier: its own id; by default file and line.
        more: further fields.
    """
    if not (text or "").strip() or not label:
        what = "no text" if label else "no known label"
        problems.append(Problem(str(path), line, f"{what}; row skipped"))
        return []
    assert text is not None
    if found := CONTROL.search(text):
        what = f"control character U+{ord(found.group()):04X}, kept"
        problems.append(Problem(str(path), line, what, is_used=True))
    return [
        {
            "id": identifier or f"{path.name}:{line}",
            "text": text,
            "label": label,
            **more,
            "file": str(path),
            "line": line,
        }
    ]


def parts_of(splits: Splits) -> dict[str, list[Example]]:
    """Rows by split: ``train``, ``dev`` and ``test``, or ``test:NAME`` if there are several."""
    single = len(splits.test) == 1
    tests = {"test" if single else f"test:{name}": rows for name, rows in splits.test.items()}
    return {"train": splits.train, "dev": splits.dev, **tests}


def count_labels(splits: Splits) -> dict[str, Any]:
    """Number of rows, and of rows by label, per split; keys ``train``, ``train_labels``, ...

    Rows with ``rationale`` and with ``targets`` are counted too, if there are any.
    """
    counts: dict[str, Any] = {}
    for name, rows in parts_of(splits).items():
        if rows:
            counts[name] = len(rows)
            counts[f"{name}_labels"] = dict(sorted(Counter(row["label"] for row in rows).items()))
            for field in ("rationale", "targets"):
                if number := sum(bool(row.get(field)) for row in rows):
                    counts[f"{name}_with_{field}"] = number
    return counts


def finished(splits: Splits) -> Splits:
    """Make ids unique in each split, and note what may distort scores.

    Notes are made of ids that occur more than once and of texts that occur with several labels,
    compared by :func:`nlpcl.data.holdout.text_key`.
    """
    make_ids_unique(splits)
    labels: dict[str, set[str]] = {}
    for row in _all_rows(splits):
        labels.setdefault(text_key(row["text"]), set()).add(row["label"])
    conflicts = sum(len(found) > 1 for found in labels.values())
    if conflicts:
        texts = "1 text stands" if conflicts == 1 else f"{conflicts} texts stand"
        splits.notes.append(f"{splits.name}: {texts} with several labels")
    return splits


def _all_rows(splits: Splits) -> list[Example]:
    return [row for rows in parts_of(splits).values() for row in rows]


def make_ids_unique(splits: Splits) -> None:
    """Append a number to ids that stand twice in a split, and note it."""
    for name, rows in parts_of(splits).items():
        repeated = _make_unique(rows)
        if repeated:
            what = f"{repeated} {name} rows repeat an id; #2, #3, ... was added to it"
            splits.notes.append(f"{splits.name}: {what}")


def _make_unique(rows: Sequence[Example]) -> int:
    """Append a number to repeated ids; returns how many there are."""
    taken = {row["id"] for row in rows}
    seen: Counter[str] = Counter()
    repeated = 0
    for row in rows:
        identifier = row["id"]
        seen[identifier] += 1
        if seen[identifier] == 1:
            continue
        repeated += 1
        while (unused := f"{identifier}#{seen[identifier]}") in taken:
            seen[identifier] += 1
        taken.add(unused)
        row["id"] = unused
    return repeated


def of_own_files(splits: Splits, mapping: Mapping[str, str] | None = None) -> Splits:
    """Convert the optional columns of the user's own rows, and rename their classes.

    ``id``, ``language`` and ``group`` become text. ``targets`` are the target groups: a JSON list,
    or text separated by ``|``. ``rationale`` is a list of ``[start, end]``, the spans of characters
    that annotators marked, or the same as JSON text. Other values are dropped and reported as
    problems. Blanks around labels are stripped.

    Raises:
        UserError: the dev or a test set has a label that the training set lacks.
    """
    for row in _all_rows(splits):
        row["label"] = row["label"].strip()
    rename(splits, mapping or {})
    for row in _all_rows(splits):
        for field in OPTIONAL_FIELDS:
            if field not in row:
                continue
            try:
                row[field] = typed(field, row[field], row["text"])
            except ValueError as error:
                what = f"{error}; left out"
                splits.problems.append(Problem(row["file"], row["line"], what, is_used=True))
                if field == "id":
                    row["id"] = f"{Path(row['file']).name}:{row['line']}"
                else:
                    del row[field]
    _check_labels(splits)
    return finished(splits)


def _check_labels(splits: Splits) -> None:
    """Refuse labels that are missing in train; note those that are missing in another split."""
    learnt = {row["label"] for row in splits.train}
    for name, rows in parts_of(splits).items():
        own = {row["label"] for row in rows}
        if not learnt or not own:
            continue
        if unknown := own - learnt:
            what = f"labels of {name} that train does not have: {listed(unknown)}"
            how = f"Train has {listed(learnt)}. Use the same label names in all splits."
            raise UserError(what, splits.name, how)
        if unseen := learnt - own:
            splits.notes.append(f"{splits.name}: no {name} row has the label {listed(unseen)}")


def named_classes(table: Any, column: str | None) -> Iterator[dict[str, Any]]:
    """The rows of a dataset from the hub, with class numbers replaced by class names.

    A class of -1, an unlabelled row, becomes None.
    """
    names = getattr(getattr(table, "features", {}).get(column), "names", None)
    for row in table:
        if names and column and isinstance(number := row[column], int):
            row = {**row, column: names[number] if 0 <= number < len(names) else None}
        yield row


def finish_labelled(splits: Splits, corpus: Dataset | None, options: Mapping[str, Any]) -> Splits:
    """Classes under the names that were asked for, and the user's own columns converted."""
    mapping = options.get("map_labels", {})
    if options.get("synonyms"):
        mapping = with_synonyms({row["label"].strip() for row in _all_rows(splits)}, mapping)
    return rename(splits, mapping) if corpus else of_own_files(splits, mapping)


LABELLED = Schema(
    task="classification",
    fields=LABELLED_FIELDS,
    optional=OPTIONAL_FIELDS,
    count=count_labels,
    finish=finish_labelled,
    holds_test_out=True,
)
"""Rows ``{"id", "text", "label"}``, if known with ``language``, ``targets``, ``group``."""
