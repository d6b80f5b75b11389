"""Weibo NER, second edition: names and nominal mentions in posts (Peng and Dredze; He and Sun)."""

from __future__ import annotations

from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.locate import missing, scan, together
from nlpcl.data.span_corpora import PARTS, read_parts
from nlpcl.data.spans import count_spans

FILES = [rf"weiboNER_2nd_conll\.{part}" for part in PARTS]


def _load(root: Path | None) -> Splits:
    paths, others = together(scan(root, "weibo"), FILES)
    if not paths:
        raise missing("weibo", root, "weiboNER_2nd_conll.train, .dev and .test")
    splits = Splits("weibo", protocol="its authors' split")
    return read_parts(splits, dict(zip(PARTS, paths, strict=True)), others, "zh")


DATASETS = (
    Dataset(
        name="weibo",
        task="entities",
        title="Weibo NER, Chinese posts: names (NAM) and nominal mentions (NOM) of four types",
        licence="annotations CC BY-SA 3.0; the posts are under the platform's terms",
        source="github.com/hltcoe/golden-horse (weiboNER_2nd_conll)",
        load=_load,
        expected={
            "train": 1350,
            "train_types": {
                "GPE.NAM": 205,
                "GPE.NOM": 8,
                "LOC.NAM": 56,
                "LOC.NOM": 51,
                "ORG.NAM": 183,
                "ORG.NOM": 42,
                "PER.NAM": 578,
                "PER.NOM": 772,
            },
            "dev": 270,
            "dev_types": {
                "GPE.NAM": 26,
                "GPE.NOM": 1,
                "LOC.NAM": 6,
                "LOC.NOM": 6,
                "ORG.NAM": 47,
                "ORG.NOM": 5,
                "PER.NAM": 90,
                "PER.NOM": 208,
            },
            "test": 270,
            "test_types": {
                "GPE.NAM": 47,
                "GPE.NOM": 2,
                "LOC.NAM": 19,
                "LOC.NOM": 9,
                "ORG.NAM": 39,
                "ORG.NOM": 17,
                "PER.NAM": 113,
                "PER.NOM": 172,
            },
            "illegal_tags": 14,
        },
        count=count_spans,
        warnings=(
            "papers report names, nominal mentions or both: say which",
            "GPE.NOM and LOC.NOM are rare, and their scores change with the seed",
        ),
    ),
)
