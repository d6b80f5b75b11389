"""CDConfusor test sets: real-world errors and financial documents."""

from __future__ import annotations

from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.locate import copies_note, missing, scan, together
from nlpcl.data.pairs import count_pairs, read_pairs


def _load(root: Path | None) -> Splits:
    patterns = [r"rw_test\.tsv", r"findoc_test(\.v2)?\.tsv"]
    paths, others = together(scan(root, "cdconfusor"), patterns)
    if not paths:
        raise missing("cdconfusor", root, "rw_test.tsv with findoc_test.v2.tsv")
    splits = Splits("cdconfusor", protocol="test only")
    for name, path in (("cdconfusor-rw", paths[0]), ("cdconfusor-findoc", paths[-1])):
        splits.test[name] = read_pairs([path], splits.problems)
    splits.notes = copies_note("cdconfusor", paths[0].parent, others)
    return splits


DATASETS = (
    Dataset(
        name="cdconfusor",
        task="correction",
        title="CDConfusor: real-world and financial errors (test only)",
        licence="MIT",
        source="github.com/okcd00/CDConfusor, exp/data/cn",
        load=_load,
        expected={
            "test:cdconfusor-rw": 1089,
            "test:cdconfusor-rw_erroneous": 1089,
            "test:cdconfusor-findoc": 6569,
            "test:cdconfusor-findoc_erroneous": 5371,
        },
        count=count_pairs,
        warnings=(
            "cdconfusor-rw has no clean sentence: precision there says nothing on false alarms",
        ),
    ),
)
