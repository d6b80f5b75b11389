"""Free Chinese prose for pretraining: one piece of text a line, in files compressed with xz."""

from __future__ import annotations

import lzma
from collections.abc import Sequence
from pathlib import Path

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Dataset, Example, Splits
from nlpcl.data.locate import missing, scan

SUFFIX = ".txt.xz"
EVERYDAY = (
    "tatoeba",
    "kdconv",
    "crosswoz",
    "gaokao",
    "cmrc2019",
    "g2pm",
    "udgsd",
    "howtocook",
)
"""Files of everyday text and stories; the others are technical, or law."""


def read_packed(path: Path) -> list[str]:
    """The lines of a text compressed with xz, blank ones left out.

    Raises:
        UserError: the file is cut off, or no such text.
    """
    try:
        with lzma.open(path, "rt", encoding="utf-8") as file:
            return [line.strip() for line in file if line.strip()]
    except (lzma.LZMAError, EOFError, UnicodeDecodeError) as error:
        what = "is damaged, or no text compressed with xz"
        raise UserError(what, path, "Get an undamaged copy.") from error


def _load(names: Sequence[str], root: Path | None) -> Splits:
    paths = [path for path in scan(root, "zh_text") if path.name.endswith(SUFFIX)]
    paths = [path for path in paths if path.parent.name == "zh_text" or path.parent == root]
    paths = [path for path in paths if not names or path.name.removesuffix(SUFFIX) in names]
    if not paths:
        raise missing("zh_text", root, f"zh_text/*{SUFFIX}")
    splits = Splits("zh_text", protocol="train only")
    for path in paths:
        splits.train += [
            _row(path, number, line) for number, line in enumerate(read_packed(path), start=1)
        ]
    return splits


def _row(path: Path, number: int, line: str) -> Example:
    return {"id": f"{path.name}:{number}", "text": line, "file": str(path), "line": number}


def _dataset(name: str, names: Sequence[str], title: str, rows: int) -> Dataset:
    return Dataset(
        name=name,
        task="masked_lm",
        title=title,
        licence="by file: Apache-2.0, MIT, CC BY, CC BY-SA, Unlicense; statutes are free",
        source="19 public repositories and corpora",
        load=lambda root: _load(names, root),
        expected={"train": rows},
        count=lambda splits: {"train": len(splits.train)},
        warnings=(
            "technical text outweighs everyday text; a part of it is translated by machine",
            "tatoeba and a little of the rest is in traditional script",
        ),
    )


DATASETS = (
    _dataset("zh-text", (), "Free Chinese prose, 18 M Han characters", 438857),
    _dataset("zh-text-everyday", EVERYDAY, "Its everyday part, 2.8 M Han characters", 124405),
)
