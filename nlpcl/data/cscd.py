"""CSCD-NS: real errors of native writers on Weibo (Hu et al. 2024)."""

from __future__ import annotations

from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.locate import copies_note, missing, of_corpus, scan, together
from nlpcl.data.pairs import count_pairs, read_pairs


def _load(root: Path | None) -> Splits:
    files = scan(root, "cscd")
    upstream = of_corpus(files, root, "cscd")
    paths, others = together(upstream, [r"train\.tsv", r"dev\.tsv", r"test\.tsv"])
    splits = Splits("cscd", protocol="its authors' split")
    if paths:
        train, dev, test = ([path] for path in paths)
        splits.train = splits.part("train", lambda: read_pairs(train, splits.problems))
        splits.dev = splits.part("dev", lambda: read_pairs(dev, splits.problems))
    else:
        test, others = together(files, [r"lomo_tet\.json"])
        if not test:
            raise missing("cscd", root, "cscd*/train.tsv, dev.tsv and test.tsv, or lomo_tet.json")
        splits.notes.append("cscd: only the test set is here")
    splits.test = {"cscd": read_pairs(test, splits.problems)}
    splits.notes += copies_note("cscd", test[0].parent, others)
    return splits


DATASETS = (
    Dataset(
        name="cscd",
        task="correction",
        title="CSCD-NS, errors of native writers on Weibo",
        licence="MIT",
        source="github.com/nghuyong/cscd-ns; the test set: github.com/yongzhuo/macro-correct",
        load=_load,
        expected={"test": 5000, "test_erroneous": 2303},
        count=count_pairs,
        warnings=("in lomo_tet.json, punctuation was made half width",),
    ),
)
