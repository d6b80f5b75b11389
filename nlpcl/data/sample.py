"""The small set of invented sentences that comes with nlpcl; no data folder is needed."""

from __future__ import annotations

from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.pairs import count_pairs, read_pairs

FOLDER = Path(__file__).parent / "samples" / "spelling"


def _load(root: Path | None) -> Splits:
    del root  # the files come with the package
    splits = Splits("sample", protocol="its own train, dev and test files")
    splits.train, splits.dev, test = (
        read_pairs([FOLDER / f"{part}.tsv"], splits.problems) for part in ("train", "dev", "test")
    )
    splits.test = {"sample": test}
    return splits


DATASETS = (
    Dataset(
        name="sample",
        task="correction",
        title="Small invented set that comes with nlpcl, to try things out",
        licence="that of nlpcl",
        source="part of nlpcl",
        load=_load,
        count=count_pairs,
        warnings=("far too small and simple to tell anything about quality",),
    ),
)
