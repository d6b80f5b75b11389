"""COLD: Chinese offensive language about race, region and gender (Deng et al. 2022)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from nlpcl.core.splits import Dataset, Example, Problem, Splits
from nlpcl.data.labelled_text import count_labels, csv_records, finished, labelled
from nlpcl.data.locate import copies_note, missing, of_corpus, scan, together

CLASSES = {"0": "not offensive", "1": "offensive"}
FINE = {
    "0": "other not offensive",
    "1": "attack on a person",
    "2": "attack on a group",
    "3": "against prejudice",
}
"""The finer classes of the test set, as ``fine_label``."""


def _load(root: Path | None) -> Splits:
    files = scan(root, "cold")
    named = of_corpus(files, root, "cold")
    paths, others = together(named, [r"train\.csv", r"dev\.csv", r"test\.csv"])
    if not paths:
        raise missing("cold", root, "COLDataset/train.csv, dev.csv and test.csv")
    splits = Splits("cold", protocol="its authors' split")
    train, dev, test = (partial(_rows, path, splits.problems) for path in paths)
    splits.train, splits.dev = splits.part("train", train), splits.part("dev", dev)
    splits.test["cold"] = test()
    splits.notes += copies_note("cold", paths[0].parent, others)
    return finished(splits)


def _rows(path: Path, problems: list[Problem]) -> list[Example]:
    rows: list[Example] = []
    for line, record in csv_records(path, ["TEXT", "label", "topic"]):
        label = CLASSES.get(record.get("label", "").strip())
        # No group is named row by row; the topic says of what kind it is.
        more = {"language": "zh", "targets": [record["topic"]] if record.get("topic") else []}
        if fine := FINE.get(record.get("fine-grained-label", "")):
            more["fine_label"] = fine
        rows += labelled(path, line, record.get("TEXT"), label, problems, **more)
    return rows


DATASETS = (
    Dataset(
        name="cold",
        task="classification",
        title="COLD, Chinese posts: offensive or not, about race, region, gender",
        licence="Apache-2.0",
        source="github.com/thu-coai/COLDataset",
        load=_load,
        expected={
            "train": 25_726,
            "train_labels": {"not offensive": 13_003, "offensive": 12_723},
            "dev": 6431,
            "dev_labels": {"not offensive": 3220, "offensive": 3211},
            "test": 5323,
            "test_labels": {"not offensive": 3216, "offensive": 2107},
        },
        count=count_labels,
        warnings=(
            "labels of train and dev are half automatic, those of test by hand and less often "
            "offensive",
            "the topic (race, region, gender, as target) alone tells much: look at each one",
        ),
    ),
)
