"""CLUENER2020: entities of ten types in Chinese news (Xu et al. 2020)."""

from __future__ import annotations

from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.locate import missing, of_corpus, scan, together
from nlpcl.data.span_corpora import read_parts
from nlpcl.data.spans import count_spans


def _load(root: Path | None) -> Splits:
    files = scan(root, "cluener")
    paths, others = together(of_corpus(files, root, "cluener"), [r"train\.json", r"dev\.json"])
    if not paths:
        raise missing("cluener", root, "cluener/train.json and dev.json")
    splits = Splits("cluener", protocol="test is its authors' dev: their test has no labels")
    return read_parts(splits, {"train": paths[0], "test": paths[1]}, others, "zh")


DATASETS = (
    Dataset(
        name="cluener",
        task="entities",
        title="CLUENER2020, Chinese news: addresses, books, companies, games and six more types",
        licence="none stated; texts of Sina News: for research alone",
        source="github.com/CLUEbenchmark/CLUENER2020",
        load=_load,
        expected={
            "train": 10_748,
            "train_entities": 23_971,
            "train_types": {
                "address": 2891,
                "book": 1139,
                "company": 2980,
                "game": 2376,
                "government": 1835,
                "movie": 1123,
                "name": 3755,
                "organization": 3210,
                "position": 3141,
                "scene": 1521,
            },
            "train_nested_pairs": 2,
            "test": 1343,
            "test_entities": 3072,
            "test_types": {
                "address": 373,
                "book": 154,
                "company": 378,
                "game": 295,
                "government": 247,
                "movie": 151,
                "name": 465,
                "organization": 367,
                "position": 433,
                "scene": 209,
            },
        },
        count=count_spans,
        warnings=(
            "the authors' test set has no labels: their dev set is the test set here, and dev is "
            "held out of train",
            "quotation marks and brackets are often half inside a mention",
        ),
    ),
)
