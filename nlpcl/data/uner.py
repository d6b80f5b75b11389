"""Universal NER: people, places and organisations in treebanks (Mayhew et al. 2024)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.locate import missing, scan, together
from nlpcl.data.span_corpora import PARTS, read_parts
from nlpcl.data.spans import count_spans


def _load(name: str, treebank: str, language: str, root: Path | None) -> Splits:
    """A treebank; one without its training file is trained on dev."""
    files = scan(root, name)
    parts = PARTS
    paths, others = together(files, [rf"{treebank}-ud-{part}\.iob2" for part in parts])
    splits = Splits(name, protocol="its authors' split")
    if not paths:
        parts = ("dev", "test")
        paths, others = together(files, [rf"{treebank}-ud-{part}\.iob2" for part in parts])
        splits.protocol = "trained on its authors' dev, tested on their test"
    if not paths:
        raise missing(name, root, f"{treebank}-ud-train.iob2, -dev.iob2 and -test.iob2")
    found = dict(zip(parts, paths, strict=True))
    if "train" not in found:
        found["train"] = found.pop("dev")
    return read_parts(splits, found, others, language)


def _counts(**parts: tuple[int, int, int, int]) -> dict[str, Any]:
    """Known counts, from the number of texts and of LOC, ORG and PER of every part."""
    counts: dict[str, Any] = {}
    for part, (texts, *types) in parts.items():
        counts[part] = texts
        counts[f"{part}_types"] = dict(zip(("LOC", "ORG", "PER"), types, strict=True))
    return counts


LICENCE = "CC BY-SA 4.0"
SCRIPTS = (
    "the traditional and the simplified files hold the same sentences, labelled apart: never mix "
    "train of one with test of the other"
)
DATASETS = (
    Dataset(
        name="uner-zh",
        task="entities",
        title="Universal NER, Chinese GSD in traditional characters: PER, LOC, ORG",
        licence=LICENCE,
        source="github.com/UniversalNER/UNER_Chinese-GSD",
        load=partial(_load, "uner-zh", "zh_gsd", "zh"),
        expected=_counts(
            train=(3997, 2871, 1110, 2155), dev=(500, 437, 135, 238), test=(500, 434, 127, 206)
        ),
        count=count_spans,
        warnings=(SCRIPTS,),
    ),
    Dataset(
        name="uner-zh-simplified",
        task="entities",
        title="Universal NER, Chinese GSD in simplified characters: PER, LOC, ORG",
        licence=LICENCE,
        source="github.com/UniversalNER/UNER_Chinese-GSDSIMP",
        load=partial(_load, "uner-zh-simplified", "zh_gsdsimp", "zh"),
        expected=_counts(
            train=(3997, 2858, 1112, 2148), dev=(500, 375, 133, 245), test=(500, 429, 129, 205)
        ),
        count=count_spans,
        warnings=(SCRIPTS,),
    ),
    Dataset(
        name="uner-en",
        task="entities",
        title="Universal NER, English EWT: PER, LOC, ORG",
        licence=LICENCE,
        source="github.com/UniversalNER/UNER_English-EWT",
        load=partial(_load, "uner-en", "en_ewt", "en"),
        expected=_counts(train=(2001, 399, 224, 343), test=(2077, 317, 322, 449)),
        count=count_spans,
        warnings=("without en_ewt-ud-train.iob2, its dev file is the training set",),
    ),
)
