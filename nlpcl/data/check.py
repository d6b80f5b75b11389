"""Compare a corpus on disk with what is known of it, and look for what spoils training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlpcl.data import FIELDS, data_root, dataset, load_as_is, names
from nlpcl.data.holdout import TEXT_FIELDS, row_keys
from nlpcl.data.pairs import count_pairs, has_unequal_length
from nlpcl.data.splits import Example, Problem, Splits
from nlpcl.report import Cell, Table

SHOWN = 20
"""Problems listed in the printed table; the JSON form lists all."""


@dataclass
class Check:
    """Counts found and expected, and every row in question.

    Args:
        name: the dataset or file.
        found: counts of the raw files, nothing dropped.
        expected: known counts; a list means that any of its numbers is right.
        findings: problems by kind.
        warnings: known traps of the corpus, and notes on the copy read.
    """

    name: str
    found: dict[str, Any]
    expected: Mapping[str, Any]
    findings: dict[str, list[Problem]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[Problem]:
        """All findings."""
        return [problem for found in self.findings.values() for problem in found]

    @property
    def agrees(self) -> bool:
        """Whether every expected count was found."""
        return all(self._verdict(key) == "equal" for key in self.expected)

    def as_dict(self) -> dict[str, Any]:
        """``{"found": {...}, "expected": {...}, "problems": [{"file", "line", "what"}]}``."""
        problems = [{"file": p.file, "line": p.line, "what": p.what} for p in self.problems]
        return {"found": self.found, "expected": dict(self.expected), "problems": problems}

    def tables(self) -> list[Table]:
        """Found beside expected; then the problems, at most ``SHOWN`` of them, all kinds alike."""
        keys = dict.fromkeys([*self.found, *self.expected])
        rows = [
            (key, self.found.get(key), _listed(self.expected.get(key)), self._verdict(key))
            for key in keys
        ]
        counts = Table(
            "counts",
            ("count", "found", "expected", "verdict"),
            rows,
            title=f"{self.name}: counts of the files as they are",
            note="\n".join(self.warnings),
        )
        total = len(self.problems)
        if not total:
            return [counts]
        shown = list(_fair_share(self.findings, SHOWN))
        kinds = ", ".join(f"{len(found)} {kind}" for kind, found in self.findings.items() if found)
        problems = Table(
            "problems",
            ("kind", "file", "line", "what"),
            [(kind, problem.file, problem.line, problem.what) for kind, problem in shown],
            title=f"{self.name}: {len(shown)} of {total} problems",
            note=f"In all: {kinds}.",
        )
        return [counts, problems]

    def _verdict(self, key: str) -> str:
        if key not in self.expected:
            return "-"
        if key not in self.found:
            return "missing"
        right = self.expected[key]
        is_right = self.found[key] in (right if isinstance(right, list) else [right])
        return "equal" if is_right else "differs"


def check(
    name: str,
    root: str | Path | None = None,
    *,
    task: str = "correction",
    columns: Mapping[str, str] | None = None,
) -> Check:
    """Check a dataset by its name, or the user's own file or folder.

    Counts are those of the files as they are; ``load`` drops what is reported here as unequal
    length or overlap.

    Raises:
        UserError: unknown name, missing or unreadable files.
    """
    expected: Mapping[str, Any] = {}
    count = count_pairs if task in FIELDS else Splits.sizes
    warnings: list[str] = []
    if name in names():
        entry = dataset(name)
        splits = entry.load(data_root(root))
        expected, count = entry.expected, entry.count or Splits.sizes
        warnings += entry.warnings
    else:
        splits, _ = load_as_is(name, task=task, root=root, columns=columns)
    tests = [row for rows in splits.test.values() for row in rows]
    learnt = [*splits.train, *splits.dev]
    findings = {
        "skipped or doubtful": list(splits.problems),
        "damaged": _damaged([*learnt, *tests]),
        "unequal length": _unequal([*learnt, *tests]),
        "repeated": [
            problem
            for rows in (splits.train, splits.dev, *splits.test.values())
            for problem in _repeated(rows)
        ],
        "overlap": _overlap(learnt, splits.test),
        "train and dev": _overlap(splits.train, {"dev": splits.dev}),
    }
    found = dict(count(splits))
    found |= {kind.replace(" ", "_"): len(problems) for kind, problems in findings.items()}
    return Check(name, found, expected, findings, warnings + splits.notes)


def _damaged(rows: Iterable[Example]) -> list[Problem]:
    what = "replacement character U+FFFD"
    return [_at(row, what) for row in rows if any("\ufffd" in text for text in _texts(row))]


def _unequal(rows: Iterable[Example]) -> list[Problem]:
    return [
        _at(row, f"{len(row['source'])} characters against {len(row['target'])}")
        for row in rows
        if "source" in row and "target" in row and has_unequal_length(row)
    ]


def _repeated(rows: Iterable[Example]) -> list[Problem]:
    first: dict[tuple[str, ...], Example] = {}
    repeats: list[Problem] = []
    for row in rows:
        texts = tuple(_texts(row))
        earlier = first.setdefault(texts, row) if texts else row
        if earlier is not row:
            repeats.append(_at(row, f"repeats {earlier['id']}"))
    return repeats


def _overlap(rows: Iterable[Example], tests: Mapping[str, list[Example]]) -> list[Problem]:
    """The rows with a sentence of a test set, compared on letters, Han characters and digits."""
    owners: dict[str, tuple[str, Example]] = {}
    for name, test in tests.items():
        for row in test:
            for key in row_keys(row):
                owners.setdefault(key, (name, row))
    found: list[Problem] = []
    for row in rows:
        shared = sorted(key for key in row_keys(row) if key in owners)
        if shared:
            name, other = owners[shared[0]]
            found.append(_at(row, f"its sentence stands in {name} ({other['id']})"))
    return found


def _texts(row: Example) -> list[str]:
    return [str(row[field]) for field in TEXT_FIELDS if field in row]


def _at(row: Example, what: str) -> Problem:
    return Problem(str(row.get("file", row.get("id", ""))), row.get("line"), what)


def _listed(expected: Any) -> Cell:
    return " or ".join(map(str, expected)) if isinstance(expected, list) else expected


def _fair_share(
    findings: Mapping[str, list[Problem]], number: int
) -> Iterable[tuple[str, Problem]]:
    """Up to ``number`` problems, in order, with the places shared among the kinds."""
    taken = dict.fromkeys(findings, 0)
    free = number
    while free and any(taken[kind] < len(findings[kind]) for kind in findings):
        for kind in findings:
            if free and taken[kind] < len(findings[kind]):
                taken[kind] += 1
                free -= 1
    for kind, problems in findings.items():
        yield from ((kind, problem) for problem in problems[: taken[kind]])
