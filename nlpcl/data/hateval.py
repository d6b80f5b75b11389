"""HatEval: hate against immigrants and women in English tweets (SemEval-2019 task 5).

The organisers' files go about as ``hateval2019_en_{train,dev,test}.csv`` (or ``.tsv``), and as
``train_en.tsv``, ``dev_en.tsv``, ``test_en.tsv`` and ``reference_test_en/en.tsv``; the columns are
``id text HS TR AG``. Copies that a spreadsheet has damaged are refused, not repaired: their labels
have slid into other columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Dataset, Example, Problem, Splits
from nlpcl.core.text_files import read_text
from nlpcl.data.labelled_text import count_labels, csv_records, finished, labelled
from nlpcl.data.locate import missing, scan

CLASSES = {"0": "not hateful", "1": "hateful"}
COLUMNS = ("id", "text", "HS")
FLAGS = ("HS", "TR", "AG")
_HEADLESS = ("id", "text", *FLAGS)
_FILE = r"hateval2019_en_{0}\.(tsv|csv)|{0}_en\.tsv"
_REFERENCE = "reference_test_en/en.tsv"


def _load(root: Path | None) -> Splits:
    files = scan(root, "hateval")
    splits = Splits("hateval", protocol="the organisers' split")
    found = {part: _file_of(files, part) for part in ("train", "dev", "test")}
    if not any(found.values()):
        textless = [path for part in found for path in _candidates(files, part)]
        if textless:
            how = "Ask the organisers of SemEval-2019 task 5 for the files with the tweets."
            raise UserError("ids and labels without the texts", textless[0], how)
        wanted = (
            "hateval2019_en_train.csv, _dev and _test, or train_en.tsv, dev_en.tsv, test_en.tsv"
        )
        raise missing("hateval", root, wanted)
    for part, path in found.items():
        read = partial(_rows, path, splits.problems) if path else list
        if part == "test":
            splits.test = {"hateval": rows} if (rows := read()) else {}
        else:
            setattr(splits, part, splits.part(part, read))
    absent = [part for part, path in found.items() if path is None]
    if absent:
        splits.notes.append(f"hateval: no file with texts and labels for {', '.join(absent)}")
    return finished(splits)


def _candidates(files: Sequence[Path], part: str) -> list[Path]:
    pattern = re.compile(_FILE.format(part), re.IGNORECASE)
    named = [path for path in files if pattern.fullmatch(path.name)]
    if part == "test":
        named += [path for path in files if path.as_posix().endswith(_REFERENCE)]
    return named


def _file_of(files: Sequence[Path], part: str) -> Path | None:
    """The first file of a part that has texts and labels."""
    return next((path for path in _candidates(files, part) if _header(path)), None)


def _header(path: Path) -> list[str]:
    """The columns of a file with texts and labels; without a header, those of its cells.

    Empty for other files, such as one of ids and labels or a test set without labels.
    """
    first = read_text(path).split("\n", 1)[0].rstrip("\r")
    cells = [cell.strip().strip('"') for cell in first.split(_delimiter(first))]
    if cells[0].isdecimal() and len(cells) == len(_HEADLESS):
        return list(_HEADLESS)
    return cells if set(COLUMNS) <= set(cells) else []


def _delimiter(line: str) -> str:
    return "\t" if "\t" in line else ","


def _rows(path: Path, problems: list[Problem]) -> list[Example]:
    """The rows of a file.

    Raises:
        UserError: a row lacks columns of the header, or has a flag that is not 0 or 1.
    """
    rows: list[Example] = []
    damaged: list[tuple[int, str]] = []
    header = _header(path)
    for line, record in _records(path):
        if what := _damage(record, header):
            damaged.append((line, what))
            continue
        label, identifier = CLASSES[record["HS"].strip()], record["id"].strip()
        more = {"identifier": identifier, "language": "en"}
        rows += labelled(path, line, record["text"], label, problems, **more)
    if damaged:
        line, what = damaged[0]
        count = "1 damaged row" if len(damaged) == 1 else f"{len(damaged)} damaged rows"
        how = "Get the organisers' files; the columns of this copy have slid."
        raise UserError(f"{count}, first in line {line} ({what})", path, how)
    return rows


def _records(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows with their lines; quotes have no meaning in a tab-separated file."""
    text = read_text(path)
    first = text.split("\n", 1)[0]
    if _delimiter(first) == ",":
        yield from csv_records(path, COLUMNS)
    elif first.split("\t", 1)[0].strip().isdecimal():
        for line, content in enumerate(text.split("\n"), start=1):
            if content.strip():
                cells = content.rstrip("\r").split("\t")
                surplus = {"": ""} if len(cells) > len(_HEADLESS) else {}
                yield line, dict(zip(_HEADLESS, cells, strict=False)) | surplus
    else:
        yield from csv_records(path, COLUMNS, delimiter="\t", is_quoted=False)


def _damage(record: dict[str, str], header: Sequence[str]) -> str:
    """What is wrong with a row; empty for an intact one."""
    if not record.get("id", "").strip().isdecimal():
        return "its id is no number"
    if any(column not in record for column in header):
        return "fewer cells than columns"
    for flag in (name for name in FLAGS if name in header):
        if record[flag].strip() not in CLASSES:
            return f"{flag} is neither 0 nor 1" if record[flag].strip() else f"{flag} is empty"
    return "more cells than columns" if "" in record and "" not in header else ""


DATASETS = (
    Dataset(
        name="hateval",
        task="classification",
        title="HatEval (SemEval-2019 task 5), English tweets: hateful or not",
        licence="given out by the organisers on request",
        source="the organisers of SemEval-2019 task 5",
        load=_load,
        expected={
            "train": 9000,
            "train_labels": {"hateful": 3783, "not hateful": 5217},
            "dev": 1000,
            "dev_labels": {"hateful": 427, "not hateful": 573},
            "test": 3000,
            "test_labels": {"hateful": 1260, "not hateful": 1740},
        },
        count=count_labels,
        warnings=(
            "the test set differs from the others: strong models reach a macro-F1 of 49 to 58 "
            "there, much less than on dev",
        ),
    ),
)
