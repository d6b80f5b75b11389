"""From names, files and folders to splits, the same way for all corpora.

A corpus's ``load`` returns what its files hold, each row with ``file`` and ``line``; unequal
lengths, overlap and missing dev sets are dealt with here.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nlpcl.core import hub
from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.needs import parts as parts_of
from nlpcl.core.splits import Example, Splits
from nlpcl.data.clips import divided
from nlpcl.data.corpora import data_root, named, names
from nlpcl.data.holdout import assemble
from nlpcl.data.html_entities import decode_or_tell
from nlpcl.data.labelled_text import named_classes
from nlpcl.data.schema import Schema
from nlpcl.data.tables import (
    PARTS,
    SUFFIXES,
    part_files,
    read_rows,
    resolve_columns,
    resolve_optional,
    rows_of,
)


def load(
    data: str,
    schema: Schema,
    *,
    root: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    dev_fraction: float = 0.1,
    seed: int = 0,
    keep_overlap: bool = False,
    as_test: bool = False,
    for_test: bool = False,
    unescape_html: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Splits:
    """Train, dev and test rows of a dataset, of several, or of the user's own files.

    Args:
        data: a dataset name; a file (``.tsv .csv .jsonl .json .txt``); a folder with train, dev
            (valid, validation, val) and test files of these types; ``hf:OWNER/NAME``; or several
            of these joined by commas: their training rows are united, their test sets kept.
        schema: of the task that the rows are for.
        root: the data folder of the named datasets; defaults to NLPCL_DATA.
        columns: field to column of the user's files, e.g. ``{"source": "wrong"}``.
        dev_fraction: fraction of the training rows held out as dev where there is no dev set, and
            as test where one file is all there is. Dev is never made from test.
        seed: chooses the rows held out.
        keep_overlap: keep training and dev rows that also stand in a test set.
        as_test: take files without a split as one test set, nothing held out.
        for_test: only test sets are wanted; files of train and dev that cannot be read are noted.
        unescape_html: decode HTML entities in texts.
        options: which clips of speech, see :func:`nlpcl.data.clips.chosen`. Clips that name their
            ``split`` are divided by it; others are held out by speaker.

    Raises:
        UserError: unknown name, missing or damaged file, or a dataset of another task.
    """
    if not 0 <= dev_fraction < 1:
        raise UserError(
            f"a dev fraction of {dev_fraction} is impossible", how="Give one from 0 to below 1."
        )
    given = parts_of(data)
    if not all(given) or len(set(given)) < len(given):
        raise UserError(f"{data!r} has an empty or repeated part", "--data", "Give each one once.")
    read = functools.partial(load_as_is, schema=schema, root=root, columns=columns)
    tests = for_test or as_test
    chosen = {"options": options, "for_test": tests, "unescape_html": unescape_html}
    parts = [read(part, **chosen) for part in given]
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
        renamed=splits.renamed,
        idle=splits.idle,
    )


def load_as_is(
    data: str,
    schema: Schema,
    *,
    root: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
    for_test: bool = False,
    unescape_html: bool = False,
) -> tuple[Splits, bool]:
    """What one dataset, file or folder holds, nothing dropped or held out.

    ``options`` names classes anew and chooses clips of speech, see
    :func:`nlpcl.data.clips.chosen`; clips are all in ``train``, and those whose sound cannot be
    used are listed as problems. The other arguments are those of :func:`load`.

    Returns:
        The rows as they are, and whether a test set is to be held out of ``train``.
    """
    corpus = named(data, schema.task)
    if corpus is None:
        splits = _own(data, schema, columns)
    elif corpus.task == schema.task:
        splits = corpus.load(data_root(root))
    elif corpus.task in schema.adopts:
        splits = schema.adopts[corpus.task](corpus.load(data_root(root)))
    else:
        how = f"Datasets for {schema.task}: {', '.join(names(schema.task)) or 'none'}."
        what = f"{data} is a dataset for {corpus.task}, not for {schema.task}"
        raise UserError(what, "--data", how)
    splits = schema.finish(splits, corpus, options or {})
    has_test = splits.test or any(row.get("split") == "test" for row in splits.train)
    if for_test and has_test:
        splits.forgive()
    splits.need()
    decode_or_tell(splits, asked=unescape_html)
    holds_out = corpus is None or schema.holds_test_out
    return splits, holds_out and not has_test and bool(splits.train)


def _own(data: str, schema: Schema, columns: Mapping[str, str] | None) -> Splits:
    """The user's own file, folder or dataset of the hub."""
    path = Path(data).expanduser()
    is_there = os.path.isdir(path) or looks_like_file(path, data)
    if schema.read is not None:
        if data.startswith("hf:"):
            what = f"no dataset of the hub is read for {schema.task}"
            raise UserError(what, f"--data {data}", f"Give {schema.expects}.")
        if is_there:
            return schema.read(path, columns)
    elif data.startswith("hf:"):
        return _from_hub(data.removeprefix("hf:"), schema, columns or {})
    elif is_there:
        is_folder = os.path.isdir(path)
        splits = Splits(path.resolve().name if is_folder else path.stem)

        def read(file: Path) -> list[Example]:
            rows, problems = read_rows(
                file, schema.fields, columns=columns, optional=schema.optional, notes=splits.notes
            )
            splits.problems += problems
            return rows

        if is_folder:
            return _from_folder(path, splits, read)
        splits.train = read(path)
        return splits
    how = f"Or give {schema.expects}."
    raise unknown_name("dataset", data, names(schema.task), how=how)


def looks_like_file(path: Path, data: str) -> bool:
    """Whether a table file is meant, be it there or not."""
    return os.path.isfile(path) or path.suffix.lower() in SUFFIXES or os.sep in data


def _from_folder(folder: Path, splits: Splits, read: Callable[[Path], list[Example]]) -> Splits:
    rows: dict[str, list[dict[str, Any]]] = {}
    for part, file in part_files(folder).items():
        get = functools.partial(read, file)
        rows[part] = get() if part == "test" else splits.part(part, get)
    if not rows:
        how = "A corpus that nlpcl knows is given by its name: --data NAME --data-root DIR."
        types = " ".join(SUFFIXES)
        raise UserError(f"no train, dev or test file ({types})", folder, how)
    return _filled(splits, rows)


def _filled(splits: Splits, rows: dict[str, list[dict[str, Any]]]) -> Splits:
    splits.protocol = f"its own {', '.join(rows)}"
    splits.train, splits.dev = rows.get("train", []), rows.get("dev", [])
    if "test" in rows:
        splits.test = {splits.name: rows["test"]}
    return splits


def _from_hub(name: str, schema: Schema, columns: Mapping[str, str]) -> Splits:
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
        loaded: Any = load_dataset(name, trust_remote_code=False)
    except Exception as error:  # the library raises dozens of types, most of them undocumented
        hub.refuse_code(error, where)
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        how = "Check the name and the network, or download the files and give their path."
        raise UserError(f"cannot be loaded ({reason})", where, how) from error
    splits = Splits(name.split("/")[-1])
    rows: dict[str, list[dict[str, Any]]] = {}
    for split, aliases in PARTS.items():
        for alias in aliases:
            if alias in loaded and split not in rows:
                table = loaded[alias]
                header, place = list(table.column_names), f"{where}/{alias}"
                chosen = resolve_columns(header, schema.fields, columns, where)
                more = resolve_optional(header, schema.optional, columns, where)
                records = enumerate(named_classes(table, chosen.get("label")), start=1)
                rows[split], problems = rows_of(records, chosen, alias, place, more)
                splits.problems += problems
    if not rows:
        listed = ", ".join(loaded)
        raise UserError("no train, dev or test split", where, f"It has: {listed}.")
    return _filled(splits, rows)
