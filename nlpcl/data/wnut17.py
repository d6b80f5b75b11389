"""WNUT 2017: novel and emerging entities in English posts (Derczynski et al. 2017)."""

from __future__ import annotations

from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.locate import missing, scan, together
from nlpcl.data.span_corpora import PARTS, read_parts
from nlpcl.data.spans import count_spans

FILES = [r"wnut17train\.conll", r"emerging\.dev\.conll", r"emerging\.test\.annotated"]


def _load(root: Path | None) -> Splits:
    paths, others = together(scan(root, "wnut17"), FILES)
    if not paths:
        wanted = "wnut17train.conll, emerging.dev.conll and emerging.test.annotated"
        raise missing("wnut17", root, wanted)
    splits = Splits("wnut17", protocol="its authors' split, test is emerging.test.annotated")
    return read_parts(splits, dict(zip(PARTS, paths, strict=True)), others, "en")


DATASETS = (
    Dataset(
        name="wnut17",
        task="entities",
        title="WNUT17, English posts: emerging entities of six types",
        licence="CC BY 4.0",
        source="github.com/leondz/emerging_entities_17",
        load=_load,
        expected={
            "train": 3394,
            "train_types": {
                "corporation": 221,
                "creative-work": 140,
                "group": 264,
                "location": 548,
                "person": 660,
                "product": 142,
            },
            "dev": 1009,
            "dev_types": {
                "corporation": 34,
                "creative-work": 105,
                "group": 39,
                "location": 74,
                "person": 470,
                "product": 114,
            },
            "test": 1287,
            "test_types": {
                "corporation": 66,
                "creative-work": 142,
                "group": 165,
                "location": 150,
                "person": 429,
                "product": 127,
            },
        },
        count=count_spans,
        warnings=(
            "train is tweets, dev and test are from other places; few test entities are in train",
            "the text is tokens joined by blanks",
        ),
    ),
)
