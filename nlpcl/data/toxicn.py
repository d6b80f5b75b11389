"""ToxiCN: Chinese posts, not toxic, offensive or hate, with the kind of group (Lu et al. 2023)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from nlpcl.core.errors import UserError
from nlpcl.core.json_files import BrokenJson, parsed
from nlpcl.core.splits import Dataset, Example, Problem, Splits
from nlpcl.core.text_files import read_text
from nlpcl.data.labelled_text import count_labels, csv_records, finished, labelled
from nlpcl.data.locate import copies_note, missing, of_corpus, scan, together

CLASSES = {"0": "non-toxic", "1": "offensive", "2": "hate"}
"""By ``toxic_type``."""
TARGETS = ("LGBTQ", "region", "sexism", "racism", "others")
"""By place in the list ``target``; a sixth place says that the text is no hate."""
COLUMNS = ("content", "toxic", "toxic_type")


def _load(root: Path | None) -> Splits:
    files = scan(root, "toxicn")
    splits = Splits("toxicn")
    paths, others = together(of_corpus(files, root, "toxicn"), [r"train\.json", r"test\.json"])
    if paths:
        splits.protocol = "its authors' split"
        train, test = (partial(_json_rows, path, splits.problems) for path in paths)
        splits.train, splits.test["toxicn"] = splits.part("train", train), test()
    else:
        paths, others = together(files, [r"toxicn_1\.0\.csv"])
        if not paths:
            raise missing("toxicn", root, "ToxiCN/train.json and test.json, or ToxiCN_1.0.csv")
        splits.protocol = "no official split in this copy"
        splits.train = _rows(paths[0], csv_records(paths[0], COLUMNS), splits.problems)
    splits.notes += copies_note("toxicn", paths[0].parent, others)
    return finished(splits)


def _json_rows(path: Path, problems: list[Problem]) -> list[Example]:
    try:
        listed = parsed(read_text(path))
    except BrokenJson as error:
        raise UserError(f"broken JSON ({error})", path, "Get an undamaged copy.") from error
    if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
        raise UserError("not a list of objects", path, "Get an undamaged copy of the corpus.")
    return [
        # An item has a number, not a line.
        {**row, "id": f"{path.name}:{row['line']}", "line": None}
        for row in _rows(path, enumerate(listed, start=1), problems)
    ]


def _rows(
    path: Path, records: Iterable[tuple[int, dict[str, Any]]], problems: list[Problem]
) -> list[Example]:
    rows: list[Example] = []
    for line, record in records:
        toxic, kind = (str(record.get(name, "")).strip() for name in ("toxic", "toxic_type"))
        label = CLASSES.get(kind)
        if label and toxic in ("0", "1") and (toxic == "1") != (kind != "0"):
            what = f"toxic is {toxic} but toxic_type {kind}, which is taken"
            problems.append(Problem(str(path), line, what, is_used=True))
        more = {"language": "zh", "targets": _targets(record.get("target"))}
        text = record.get("content")
        text = text if isinstance(text, str) else None
        rows += labelled(path, line, text, label, problems, **more)
    return rows


def _targets(value: Any) -> list[str]:
    """The target groups whose entry is 1; the list may be encoded as JSON text."""
    if isinstance(value, str):
        try:
            value = parsed(value)
        except BrokenJson:
            return []
    if not isinstance(value, list):
        return []
    return [name for name, flag in zip(TARGETS, value, strict=False) if flag == 1]


DATASETS = (
    Dataset(
        name="toxicn",
        task="classification",
        title="ToxiCN, Chinese posts: non-toxic, offensive, hate",
        licence="CC BY-NC-ND 4.0, for research only",
        source="github.com/DUT-lujunyu/ToxiCN",
        load=_load,
        count=count_labels,
        warnings=("read as its authors describe it; its counts were not compared with a copy",),
    ),
)
