"""The small set of invented sentences with people, places and organisations; comes with nlpcl."""

from __future__ import annotations

from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.span_files import read_file
from nlpcl.data.spans import count_spans, finished

FOLDER = Path(__file__).parent / "samples" / "entities"


def _load(root: Path | None) -> Splits:
    del root  # the files come with the package
    splits = Splits("sample", protocol="its own train, dev and test files")
    splits.train, splits.dev, test = (
        read_file(FOLDER / f"{part}.jsonl", {}, splits) for part in ("train", "dev", "test")
    )
    splits.test = {"sample": test}
    splits.notes = []  # nobody asks what format they are in
    return finished(splits)


DATASETS = (
    Dataset(
        name="sample-entities",
        task="entities",
        title="Small invented set, Chinese and English: people, places, organisations, some nested",
        licence="that of nlpcl",
        source="part of nlpcl",
        load=_load,
        count=count_spans,
        warnings=("far too small and simple to tell anything about quality",),
    ),
)
