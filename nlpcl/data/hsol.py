"""HSOL: hate, offensive or neither in English tweets (Davidson et al. 2017)."""

from __future__ import annotations

from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.labelled_text import count_labels, csv_records, finished, labelled
from nlpcl.data.locate import copies_note, missing, scan, together

CLASSES = {"0": "hate", "1": "offensive", "2": "neither"}


def _load(root: Path | None) -> Splits:
    paths, others = together(scan(root, "hsol"), [r"labeled_data\.csv"])
    if not paths:
        raise missing("hsol", root, "labeled_data.csv")
    path = paths[0]
    splits = Splits("hsol", protocol="no official split")
    for line, record in csv_records(path, ["class", "tweet"]):
        label = CLASSES.get(record.get("class", "").strip())
        splits.train += labelled(
            path, line, record.get("tweet"), label, splits.problems, language="en"
        )
    splits.notes += copies_note("hsol", path.parent, others)
    return finished(splits)


DATASETS = (
    Dataset(
        name="hsol",
        task="classification",
        title="Davidson, English tweets: hate, offensive, neither",
        licence="MIT; the tweets under the platform's terms",
        source="github.com/t-davidson/hate-speech-and-offensive-language",
        load=_load,
        expected={
            "train": 24_783,
            "train_labels": {"hate": 1430, "neither": 4163, "offensive": 19_190},
        },
        count=count_labels,
        warnings=(
            "77 % of the tweets are offensive and 6 % hate: look at macro-F1, not at accuracy",
            "the labels are biased against African-American English, as its authors found later",
            "texts as they are: HTML entities, user names, links and line breaks",
        ),
    ),
)
