"""Public sets of macro-correct: generated errors for training, error-free news for false alarms."""

from __future__ import annotations

from pathlib import Path

from nlpcl.core.splits import Dataset, Example, Splits
from nlpcl.data.locate import copies_note, missing, scan, together
from nlpcl.data.pairs import count_pairs, read_pairs


def _files(name: str, root: Path | None, stems: tuple[str, str]) -> tuple[list[Path], list[str]]:
    names = [f"{stem}.tet.json" for stem in stems]
    paths, others = together(scan(root, name), [file.replace(".", r"\.") for file in names])
    if not paths:
        raise missing(name, root, " and ".join(names))
    return paths, copies_note(name, paths[0].parent, others)


def _load_generated(root: Path | None) -> Splits:
    paths, notes = _files("macro-gen", root, ("gen_passage", "gen_xxqg"))
    splits = Splits("macro-gen", protocol="training rows only", notes=notes)
    splits.train = read_pairs(paths, splits.problems)
    return splits


def _load_clean(root: Path | None) -> Splits:
    paths, notes = _files("macro-clean", root, ("acc_rmrb", "acc_xxqg"))
    splits = Splits("macro-clean", protocol="test only, repeats dropped", notes=notes)
    first: dict[tuple[str, str], Example] = {}
    rows = read_pairs(paths, splits.problems)
    for row in rows:
        first.setdefault((row["source"], row["target"]), row)
    splits.test = {"macro-clean": list(first.values())}
    repeats = len(rows) - len(first)
    if repeats:
        splits.notes.append(f"macro-clean: {repeats} of {len(rows)} rows repeat an earlier one")
    return splits


_SOURCE = "github.com/yongzhuo/macro-correct, macro_correct/corpus/text_correction/public"

DATASETS = (
    Dataset(
        name="macro-gen",
        task="correction",
        title="macro-correct: passages and news with errors put in (training only)",
        licence="Apache-2.0; the news text below it is not covered",
        source=_SOURCE,
        load=_load_generated,
        expected={"train": 15_000, "train_erroneous": 11_963},
        count=count_pairs,
        warnings=("machine-made: do not score on it", "punctuation was made half width"),
    ),
    Dataset(
        name="macro-clean",
        task="correction",
        title="macro-correct: error-free news, for the false-positive rate (test only)",
        licence="Apache-2.0; the news text below it is not covered",
        source=_SOURCE,
        load=_load_clean,
        expected={"test": 7318, "test_erroneous": 0},  # 4636 - 2318 repeats + 5000
        count=count_pairs,
        warnings=("half of one file repeats the other half; repeats are dropped",),
    ),
)
