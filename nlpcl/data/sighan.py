"""SIGHAN 2013, 2014 and 2015 bake-offs (Wu 2013, Yu 2014, Tseng 2015), in the copies in use."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from nlpcl.core.splits import Dataset, Example, Problem, Splits
from nlpcl.data.locate import copies_note, missing, scan, together
from nlpcl.data.pairs import count_pairs, read_pairs, read_parallel
from nlpcl.data.sgml import read_sgml
from nlpcl.data.truth import read_truth

_Reader = Callable[[list[Path], list[Problem]], list[Example]]


def _parallel(files: list[Path], problems: list[Problem]) -> list[Example]:
    return read_parallel(files[0], files[1], problems)


def _table(files: list[Path], problems: list[Problem]) -> list[Example]:
    # Further files in the folder are the same table under another name.
    return read_pairs(files[:1], problems)


def _sgml(files: list[Path], problems: list[Problem]) -> list[Example]:
    return [row for path in files for row in read_sgml(path, problems)]


def _truth(files: list[Path], problems: list[Problem]) -> list[Example]:
    return read_truth(files[0], files[1], problems)


_OFFICIAL_TRAIN = {
    13: [r"Bakeoff2013_SampleSet_With(out)?Error.*\.(txt|sgml|xml)"],
    14: [r"([BC]1|CLP14).*training\.sgml"],
    15: [r"SIGHAN15_CSC_[AB]2_?Training\.sgml"],
}
_OFFICIAL_TEST = {
    13: [r"F(inal|ormal)Test_SubTask2\.txt", r"F(inal|ormal)Test_SubTask2_Truth\.txt"],
    14: [r"CLP14_CSC_Test_?Input\.txt", r"CLP14_CSC_Test_?Truth\.txt"],
    15: [r"SIGHAN15_CSC_Test_?Input\.txt", r"SIGHAN15_CSC_Test_?Truth\.txt"],
}


def _formats(year: int, part: str) -> list[tuple[str, list[str], _Reader]]:
    """The formats of ``train`` or ``test`` in order of preference: name, files, reader."""
    parallel = [rf"{part}{year}_error\.txt", rf"{part}{year}_correct\.txt"]
    table = [rf"({year}{part}|(sighan)?{part}{year}|sighan{year}[_.-]{part})\.(tsv|txt)"]
    official = _OFFICIAL_TRAIN[year] if part == "train" else _OFFICIAL_TEST[year]
    return [
        ("parallel files", parallel, _parallel),
        ("a table", table, _table),
        ("SGML", [rf"{part}{year}\.sgml"], _sgml),
        ("the official release", official, _sgml if part == "train" else _truth),
    ]


def _load(year: int, root: Path | None) -> Splits:
    name = f"sighan{year}"
    files = scan(root, name)
    splits = Splits(name)
    used: list[str] = []
    # One copy for both parts, because copies differ in script; else whatever there is of each.
    for parts in (("train", "test"), ("train",), ("test",)):
        for train_format, test_format in zip(
            _formats(year, "train"), _formats(year, "test"), strict=True
        ):
            formats = {"train": train_format, "test": test_format}
            found = {part: together(files, formats[part][1]) for part in parts}
            if not all(found[part][0] for part in parts):
                continue
            for part in parts:
                label, _, read = formats[part]
                paths, others = found[part]
                if part == "train":
                    splits.train = splits.part(part, partial(read, paths, splits.problems))
                else:
                    splits.test = {name: read(paths, splits.problems)}
                used.append(f"{part} from {label} in {paths[0].parent.name}")
                splits.notes += copies_note(f"{name} {part}", paths[0].parent, others)
            break
        if (splits.train or splits.unread) and splits.test:
            break
    if not used:
        wanted = (
            f"train{year}_error.txt with train{year}_correct.txt, {year}train.txt, "
            "the official release, and the same for test"
        )
        raise missing(name, root, wanted)
    for part in ("train", "test"):
        if not getattr(splits, part) and part not in splits.unread:
            splits.notes.append(f"{name}: no {part} files found")
    splits.protocol = ", ".join(used)
    return splits


_TERMS = "academic research only, not to be passed on"
_TRAP_SCRIPT = "copies differ in script and in a few labels: name the copy with every score"


def _dataset(
    year: int, train: tuple[int, int, int], test: tuple[int, int, int], trap: str
) -> Dataset:
    keys = ("", "_erroneous", "_wrong_characters")
    expected = {f"train{key}": number for key, number in zip(keys, train, strict=True)}
    expected |= {f"test{key}": number for key, number in zip(keys, test, strict=True)}
    return Dataset(
        name=f"sighan{year}",
        task="correction",
        title=f"SIGHAN 20{year} Chinese spelling check, essays of learners",
        licence=_TERMS,
        source="github.com/onebula/sighan_raw, or the organisers' release",
        load=partial(_load, year),
        expected=expected,
        count=count_pairs,
        warnings=(_TRAP_SCRIPT, trap),
    )


DATASETS = (
    _dataset(
        13,
        (700, 340, 343),
        (1000, 971, 1224),
        "papers usually leave out the 的/地/得 errors of this test set: say which way you score",
    ),
    _dataset(
        14,
        (3437, 3358, 5136),
        (1062, 520, 771),
        "nearly all training sentences are erroneous, which raises the false-positive rate",
    ),
    _dataset(
        15,
        (2339, 2273, 3048),
        (1100, 541, 703),
        "nearly all training sentences are erroneous, which raises the false-positive rate",
    ),
)
