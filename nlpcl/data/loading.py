"""Datasets: one adapter module a corpus; ``load`` turns names, files and folders into splits.

An adapter is a module of this package with ``DATASETS: tuple[Dataset, ...]``; it is found by
listing the folder. Its ``load`` returns what the files hold, each row with ``file`` and ``line``;
unequal lengths, overlap and missing dev sets are dealt with here, the same way for all.
"""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nlpcl import data as corpora
from nlpcl.core import hub
from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.clips import chosen, divided, with_usable
from nlpcl.data.holdout import assemble
from nlpcl.data.labelled_text import LABELLED_FIELDS, OPTIONAL_FIELDS, named_classes, of_own_files
from nlpcl.data.manifest import CLIP_FIELDS, load_folder, load_manifest
from nlpcl.data.pairs import PAIR_FIELDS
from nlpcl.data.tables import (
    SUFFIXES,
    Fields,
    read_rows,
    resolve_columns,
    resolve_optional,
    rows_of,
)

_TEXT = "text TEXT tweet content correct_text target sentence"
TEXT_FIELDS: Fields = {"text": tuple(_TEXT.split())}
"""The field of plain texts and the column names it is known by."""

FIELDS: dict[str, Fields] = {
    "correction": PAIR_FIELDS,
    "masked_lm": TEXT_FIELDS,
    "emotion": CLIP_FIELDS,
    "classification": LABELLED_FIELDS,
}
"""The fields of the tasks whose data can be given as table files."""

OPTIONAL: dict[str, Fields] = {"classification": OPTIONAL_FIELDS}
"""Further fields of a task, read where a file has them."""

_SPLITS = {
    "train": ("train",),
    "dev": ("dev", "valid", "validation", "val"),
    "test": ("test",),
}


@functools.cache
def _datasets() -> dict[str, Dataset]:
    found: dict[str, Dataset] = {}
    for module in pkgutil.iter_modules(corpora.__path__):
        if f"{corpora.__name__}.{module.name}" == __name__:
            continue
        adapter = importlib.import_module(f"{corpora.__name__}.{module.name}")
        for entry in getattr(adapter, "DATASETS", ()):
            if entry.name in found:
                raise ValueError(f"two datasets are named {entry.name!r}")
            found[entry.name] = entry
    return found


def names(task: str | None = None) -> list[str]:
    """The names of all datasets, or of those for one task, sorted."""
    return sorted(name for name, entry in _datasets().items() if task in (None, entry.task))


def dataset(name: str) -> Dataset:
    """The dataset of a name.

    Raises:
        UserError: there is none; the known names are listed.
    """
    if name not in _datasets():
        raise unknown_name("dataset", name, names())
    return _datasets()[name]


def data_root(root: str | Path | None) -> Path | None:
    """The data folder: as given, else the environment variable NLPCL_DATA, else None."""
    given = root or os.environ.get("NLPCL_DATA")
    return Path(given).expanduser() if given else None


def load(
    data: str,
    *,
    task: str,
    root: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    dev_fraction: float = 0.1,
    seed: int = 0,
    keep_overlap: bool = False,
    as_test: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Splits:
    """Train, dev and test rows of a dataset, of several, or of the user's own files.

    Args:
        data: a dataset name; a file (``.tsv .csv .jsonl .json .txt``); a folder with train, dev
            (valid, validation, val) and test files of these types; ``hf:OWNER/NAME``; or several
            of these joined by commas: their training rows are united, their test sets kept.
        task: the task the rows are for, e.g. ``"correction"``.
        root: the data folder of the named datasets; defaults to NLPCL_DATA.
        columns: field to column of the user's files, e.g. ``{"source": "wrong"}``.
        dev_fraction: share of the training rows held out as dev where there is no dev set, and
            as test where one file is all there is. Dev is never made from test.
        seed: chooses the rows held out.
        keep_overlap: keep training and dev rows that also stand in a test set.
        as_test: take files without a split as one test set, nothing held out.
        options: which clips of speech, see :func:`nlpcl.data.clips.chosen`. Clips that name their
            ``split`` are divided by it; others are held out by speaker.

    Raises:
        UserError: unknown name, missing or damaged file, or a dataset of another task.
    """
    if not 0 <= dev_fraction < 1:
        raise UserError(
            f"a dev share of {dev_fraction} is impossible", how="Give one from 0 to below 1."
        )
    given = [data] if os.path.exists(data) else [part.strip() for part in data.split(",")]
    if not all(given) or len(set(given)) < len(given):
        raise UserError(f"{data!r} has an empty or repeated part", "--data", "Give each one once.")
    parts = [
        load_as_is(part, task=task, root=root, columns=columns, options=options) for part in given
    ]
    parts = [(divided(splits), is_unsplit) for splits, is_unsplit in parts]
    if as_test:
        parts = [
            (_as_test(splits), False) if is_unsplit and not splits.dev else (splits, is_unsplit)
            for splits, is_unsplit in parts
        ]
    return assemble(parts, dev_fraction=dev_fraction, seed=seed, keep_overlap=keep_overlap)


def _as_test(splits: Splits) -> Splits:
    return Splits(
        splits.name,
        test={splits.name: splits.train},
        protocol="all rows are the test set",
        problems=splits.problems,
        notes=splits.notes,
    )


def load_as_is(
    data: str,
    *,
    task: str,
    root: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Splits, bool]:
    """What one dataset, file or folder holds, nothing dropped or held out.

    ``options`` chooses clips of speech, see :func:`nlpcl.data.clips.chosen`; clips are all in
    ``train``, and those whose sound cannot be used are listed as problems. The other arguments are
    those of :func:`load`.

    Returns:
        The rows as they are, and whether a test set is to be held out of ``train``: the user's
        own file or folder without one, a corpus of labelled texts without one, or of clips.
    """
    splits, is_unsplit = _as_it_stands(data, task, root, columns)
    if task == "classification":
        is_own = own_name(data, task) not in _datasets()
        return of_own_files(splits) if is_own else splits, is_unsplit or not splits.test
    if task != "emotion":
        return splits, is_unsplit
    name = own_name(data, task)
    usual = dataset(name).labels if name in _datasets() else ()
    splits = with_usable(chosen(splits, usual=usual, **(options or {})))
    return splits, not any(row.get("split") == "test" for row in splits.train)


def own_name(data: str, task: str) -> str:
    """The dataset of that name for a task: ``sample`` of emotion is ``sample-emotion``."""
    return f"{data}-{task}" if f"{data}-{task}" in _datasets() else data


def _as_it_stands(
    data: str, task: str, root: str | Path | None, columns: Mapping[str, str] | None
) -> tuple[Splits, bool]:
    data = own_name(data, task)
    if data in _datasets():
        entry = dataset(data)
        if task == "masked_lm" and entry.task == "correction":
            return as_texts(entry.load(data_root(root))), False
        if entry.task != task:
            how = f"Datasets for {task}: {', '.join(names(task)) or 'none'}."
            raise UserError(f"{data} is a dataset for {entry.task}, not for {task}", "--data", how)
        return entry.load(data_root(root)), False
    if task not in FIELDS:
        raise unknown_name("task", task, FIELDS, where="--task")
    fields, optional = FIELDS[task], OPTIONAL.get(task, {})
    path = Path(data).expanduser()
    if task == "emotion" and (os.path.isdir(path) or looks_like_file(path, data)):
        read = load_folder if os.path.isdir(path) else load_manifest
        return read(path, columns=columns), True
    if data.startswith("hf:") and task != "emotion":
        return _from_hub(data.removeprefix("hf:"), fields, optional, columns or {})
    read = functools.partial(read_rows, fields=fields, columns=columns, optional=optional)
    if os.path.isdir(path):
        return _from_folder(path, read)
    if looks_like_file(path, data):
        rows, problems = read(path)
        return Splits(path.stem, train=rows, problems=problems), True
    how = "Or give a file, a folder with train, dev and test files, or hf:OWNER/NAME."
    if task == "emotion":
        how = "Or give a table with path, label and speaker of clips, or a folder with one."
    raise unknown_name("dataset", data, names(task), how=how)


def looks_like_file(path: Path, data: str) -> bool:
    """Whether a table file is meant, be it there or not."""
    return os.path.isfile(path) or path.suffix.lower() in SUFFIXES or os.sep in data


def as_texts(splits: Splits) -> Splits:
    """Sentence pairs as plain texts: the right sentences."""

    def texts(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{"text": row["target"], **row} for row in rows]

    return replace(
        splits,
        train=texts(splits.train),
        dev=texts(splits.dev),
        test={name: texts(rows) for name, rows in splits.test.items()},
    )


def _from_folder(folder: Path, read: Callable[[Path], Any]) -> tuple[Splits, bool]:
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES]
    splits = Splits(folder.resolve().name)
    rows: dict[str, list[dict[str, Any]]] = {}
    for split, stems in _SPLITS.items():
        found = [path for path in files if path.stem.lower() in stems]
        if len(found) > 1:
            listed = ", ".join(path.name for path in found)
            raise UserError(f"several {split} files: {listed}", folder, "Keep one of them.")
        if found:
            rows[split], problems = read(found[0])
            splits.problems += problems
    if not rows:
        how = "A corpus that nlpcl knows is given by its name: --data NAME --data-root DIR."
        types = " ".join(SUFFIXES)
        raise UserError(f"no train, dev or test file ({types})", folder, how)
    return _filled(splits, rows)


def _filled(splits: Splits, rows: dict[str, list[dict[str, Any]]]) -> tuple[Splits, bool]:
    splits.protocol = f"its own {', '.join(rows)}"
    splits.train, splits.dev = rows.get("train", []), rows.get("dev", [])
    if "test" in rows:
        splits.test = {splits.name: rows["test"]}
    return splits, not splits.test and bool(splits.train)


def _from_hub(
    name: str, fields: Fields, optional: Fields, columns: Mapping[str, str]
) -> tuple[Splits, bool]:
    """A dataset of the Hugging Face hub or its local cache."""
    where = f"hf:{name}"
    try:
        from datasets import load_dataset
    except ImportError as error:
        how = "Install it with: pip install datasets"
        raise UserError("the library datasets is not installed", where, how) from error
    how = "Check the network, or download the files and give their path."
    hub.require(name, where, kind="datasets", how=how)
    try:
        loaded: Any = load_dataset(name)
    except Exception as error:  # the library raises dozens of types, most of them undocumented
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        how = "Check the name and the network, or download the files and give their path."
        raise UserError(f"cannot be loaded ({reason})", where, how) from error
    splits = Splits(name.split("/")[-1])
    rows: dict[str, list[dict[str, Any]]] = {}
    for split, aliases in _SPLITS.items():
        for alias in aliases:
            if alias in loaded and split not in rows:
                table = loaded[alias]
                header, place = list(table.column_names), f"{where}/{alias}"
                chosen = resolve_columns(header, fields, columns, where)
                more = resolve_optional(header, optional, columns, where)
                records = enumerate(named_classes(table, chosen.get("label")), start=1)
                rows[split], problems = rows_of(records, chosen, alias, place, more)
                splits.problems += problems
    if not rows:
        listed = ", ".join(loaded)
        raise UserError("no train, dev or test split", where, f"It has: {listed}.")
    return _filled(splits, rows)
