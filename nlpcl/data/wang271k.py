"""Wang271K: sentences with errors made from OCR and speech recognition (Wang et al. 2018)."""

from __future__ import annotations

from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.locate import copies_note, missing, scan, together
from nlpcl.data.pairs import count_pairs, read_pairs
from nlpcl.data.sgml import read_sgml

_FULL_SGML = r"train\.sgml|wang271k\.sgml"
_FULL_TABLE = r"wang271k\.tsv"
_SUBSET = r"wang271k[_-]subset\.tsv"
_FULL_SIZE = 271_329


def _load(root: Path | None) -> Splits:
    files = scan(root, "wang271k")
    splits = Splits("wang271k", protocol="training rows only")
    for pattern in (_FULL_SGML, _FULL_TABLE):
        paths, others = together(files, [pattern])
        if paths:
            read = read_sgml(paths[0], splits.problems) if pattern == _FULL_SGML else None
            splits.train = read or read_pairs(paths[:1], splits.problems)
            splits.notes = copies_note("wang271k", paths[0].parent, others)
            return splits
    return _load_subset(root)


def _load_subset(root: Path | None) -> Splits:
    name = "wang271k-subset"
    paths, others = together(scan(root, name), [_SUBSET])
    if not paths:
        raise missing(name, root, "wang271k_subset.tsv, wang271k.tsv, train.sgml")
    splits = Splits(name, protocol="training rows only")
    splits.train = read_pairs(paths[:1], splits.problems)
    percentage = 100 * len(splits.train) / _FULL_SIZE
    splits.notes = copies_note(name, paths[0].parent, others)
    splits.notes.append(
        f"{name}: {len(splits.train)} pairs, {percentage:.0f} % of Wang271K; do not call a model "
        "trained on it trained on Wang271K"
    )
    return splits


_TERMS = "none stated; provided for research"
_SOURCE = "github.com/wdimmy/Automatic-Corpus-Generation, corpus/train.sgml"
_TRAP = "made by machine: some targets are themselves wrong, some lines hold damaged characters"

DATASETS = (
    Dataset(
        name="wang271k",
        task="correction",
        title="Wang271K, machine-made errors (training only); the subset if that is all there is",
        licence=_TERMS,
        source=_SOURCE,
        load=_load,
        expected={"train": [_FULL_SIZE, 10_934]},
        count=count_pairs,
        warnings=(_TRAP,),
    ),
    Dataset(
        name="wang271k-subset",
        task="correction",
        title="4 % of Wang271K put together from public copies (training only)",
        licence=_TERMS,
        source=_SOURCE,
        load=_load_subset,
        expected={
            "train": 10_934,
            "train_erroneous": 10_931,
            "train_wrong_characters": 13_591,
        },
        count=count_pairs,
        warnings=(_TRAP, "4 % of the full set: say so with every score"),
    ),
)
