"""The small set of invented sentences about invented groups; comes with nlpcl."""

from __future__ import annotations

from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.labelled_text import LABELLED_FIELDS, count_labels, of_own_files
from nlpcl.data.optional_columns import OPTIONAL_FIELDS
from nlpcl.data.tables import read_rows

FOLDER = Path(__file__).parent / "samples" / "hate"


def _load(root: Path | None) -> Splits:
    del root  # the files come with the package
    splits = Splits("sample", protocol="its own train, dev and test files")
    parts = {}
    for part in ("train", "dev", "test"):
        parts[part], problems = read_rows(
            FOLDER / f"{part}.tsv", LABELLED_FIELDS, optional=OPTIONAL_FIELDS
        )
        splits.problems += problems
    splits.train, splits.dev, splits.test = parts["train"], parts["dev"], {"sample": parts["test"]}
    return of_own_files(splits)


DATASETS = (
    Dataset(
        name="sample-classification",
        task="classification",
        title="Small invented set, English and Chinese: hateful or not hateful",
        licence="that of nlpcl",
        source="part of nlpcl",
        load=_load,
        count=count_labels,
        warnings=(
            "about groups that do not exist; far too small and simple to tell anything about "
            "quality",
        ),
    ),
)
