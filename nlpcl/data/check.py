"""Compare a corpus on disk with what is known of it, and look for what spoils training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlpcl.core.splits import Example, Problem, Splits, by_use
from nlpcl.core.tables import Cell, Table
from nlpcl.data.classes import faults
from nlpcl.data.corpora import data_root, listed, own
from nlpcl.data.holdout import TEXT_FIELDS, row_keys
from nlpcl.data.loading import load_as_is
from nlpcl.data.pairs import has_unequal_length
from nlpcl.data.schema import Schema
from nlpcl.text.characters import is_han
from nlpcl.text.script import script_of

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

    def as_dict(self) -> dict[str, Any]:
        """``{"found": {...}, "expected": {...}, "problems": [{"file", "line", "what"}]}``."""
        problems = [{"file": p.file, "line": p.line, "what": p.what} for p in self.problems]
        return {"found": self.found, "expected": dict(self.expected), "problems": problems}

    def tables(self) -> list[Table]:
        """Found beside expected; tables of two names; then the problems, all kinds alike.

        At most ``SHOWN`` problems are listed.
        """
        crossed = [key for key, value in {**self.expected, **self.found}.items() if is_cross(value)]
        found = leaves({key: value for key, value in self.found.items() if key not in crossed})
        expected = leaves({k: value for k, value in self.expected.items() if k not in crossed})
        keys = dict.fromkeys([*found, *expected])
        rows = [
            (key, found.get(key), _listed(expected.get(key)), verdict(key, found, expected))
            for key in keys
        ]
        counts = Table(
            "counts",
            ("count", "found", "expected", "verdict"),
            rows,
            title=f"{self.name}: counts of the files as they are",
            note="\n".join(self.warnings),
        )
        tables = [counts, *(self._cross_table(key) for key in crossed)]
        total = len(self.problems)
        if not total:
            return tables
        shown = list(_fairly_chosen(self.findings, SHOWN))
        kinds = ", ".join(f"{len(found)} {kind}" for kind, found in self.findings.items() if found)
        problems = Table(
            "problems",
            ("kind", "file", "line", "what"),
            [(kind, problem.file, problem.line, problem.what) for kind, problem in shown],
            title=f"{self.name}: {len(shown)} of {total} problems",
            note=f"In all: {kinds}.",
        )
        return [*tables, problems]

    def _cross_table(self, key: str) -> Table:
        """Counts by two names; a known count stands in brackets where another was found."""
        found, expected = self.found.get(key, {}), self.expected.get(key, {})
        names = list(dict.fromkeys([*expected, *found]))
        columns = list(
            dict.fromkeys(c for n in names for c in {**expected.get(n, {}), **found.get(n, {})})
        )

        def cell(name: str, column: str) -> Cell:
            number = found.get(name, {}).get(column, 0)
            known = expected.get(name, {}).get(column, number)
            return number if number == known else f"{number} ({known})"

        rows = [[name, *(cell(name, column) for column in columns)] for name in names]
        differs = any(isinstance(value, str) for row in rows for value in row[1:])
        agreement = "a known count that differs stands in brackets" if differs else "all as known"
        title = f"{self.name}: {key.replace('_', ' by ')}"
        return Table(key, ["", *columns], rows, title, agreement if expected else "")


def is_cross(value: Any) -> bool:
    """Whether counts go by two names: ``{"Ses01": {"angry": 229}}``."""
    return isinstance(value, Mapping) and any(isinstance(v, Mapping) for v in value.values())


def leaves(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Nested counts with their keys joined: ``labels.angry``."""
    flat: dict[str, Any] = {}
    for key, value in counts.items():
        if isinstance(value, Mapping):
            flat |= {f"{key}.{name or 'not named'}": one for name, one in leaves(value).items()}
        else:
            flat[key] = value
    return flat


def verdict(key: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """How a count found compares with what is known."""
    if key not in expected:
        return "-"
    if key not in found:
        return "missing"
    right = expected[key]
    is_right = found[key] in (right if isinstance(right, list) else [right])
    return "equal" if is_right else "differs"


def check(
    name: str,
    schema: Schema,
    root: str | Path | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Check:
    """Check a dataset by its name, or the user's own file or folder.

    Counts are those of the files as they are; ``load`` drops what is reported here as unequal
    length or overlap, and clips that cannot be used.

    Args:
        name: a dataset, a file or a folder.
        schema: of the dataset's task, or of the one that the user's file is for.
        root: the data folder.
        columns: field to column of the user's file.
        options: how it is to be read, see :func:`nlpcl.data.loading.load`.

    Raises:
        UserError: unknown name, missing or unreadable files.
    """
    expected: Mapping[str, Any] = {}
    count = schema.count
    warnings: list[str] = []
    corpus = own(Path(name)) if name.endswith(".py") else listed().get(name)
    if corpus is not None:
        splits = corpus.load(data_root(root))
        splits.need()
        expected, count = corpus.expected, corpus.count or Splits.sizes
        warnings += corpus.warnings
    else:
        splits, _ = load_as_is(name, schema, root=root, columns=columns, options=options)
    findings = (schema.find or find_in_texts)(splits)
    if labelled := [row for row in all_rows(splits) if "label" in row]:
        findings["doubtful class"] = _doubtful_classes(labelled)
    counts = {**count(splits), **script_counts(all_rows(splits))}
    return _checked(name, counts, expected, findings, warnings + splits.notes)


def find_in_texts(splits: Splits) -> dict[str, list[Problem]]:
    """What is wrong with rows of text."""
    tests = [row for rows in splits.test.values() for row in rows]
    learnt = [*splits.train, *splits.dev]
    return {
        **by_use(splits.problems),
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


def script_counts(rows: Iterable[Example]) -> dict[str, dict[str, int]]:
    """How many rows with Chinese text are in which script; nothing where there are none.

    ``either`` counts rows in characters that belong to both scripts.
    """
    texts = ("".join(_texts(row)) for row in rows)
    scripts = Counter(script_of(text).name.lower() for text in texts if _is_chinese(text))
    return {"scripts": dict(scripts.most_common())} if scripts else {}


def all_rows(splits: Splits) -> list[Example]:
    """The rows of every split."""
    return [*splits.train, *splits.dev, *(row for rows in splits.test.values() for row in rows)]


def _doubtful_classes(rows: Sequence[Example]) -> list[Problem]:
    """Rows whose classes a training would refuse; one where most are concerned."""
    found: list[Problem] = []
    for fault in faults(rows):
        concerned = fault.rows if len(fault.rows) * 2 < len(rows) else fault.rows[:1]
        found += [_at(row, f"{row['label']!r}: {fault.what}") for row in concerned]
    return found


def _checked(
    name: str,
    counts: Mapping[str, Any],
    expected: Mapping[str, Any],
    findings: dict[str, list[Problem]],
    warnings: list[str],
) -> Check:
    found = dict(counts)
    found |= {kind.replace(" ", "_"): len(problems) for kind, problems in findings.items()}
    return Check(name, found, expected, findings, warnings)


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


def _is_chinese(text: str) -> bool:
    """Whether there are more Han characters than Latin letters."""
    return sum(map(is_han, text)) > sum(one.isascii() and one.isalpha() for one in text)


def _texts(row: Example) -> list[str]:
    return [str(row[field]) for field in TEXT_FIELDS if field in row]


def _at(row: Example, what: str) -> Problem:
    return Problem(str(row.get("file", row.get("id", ""))), row.get("line"), what)


def _listed(expected: Any) -> Cell:
    return " or ".join(map(str, expected)) if isinstance(expected, list) else expected


def _fairly_chosen(
    findings: Mapping[str, list[Problem]], number: int
) -> Iterable[tuple[str, Problem]]:
    """Up to ``number`` problems, in order, the places divided fairly among the kinds."""
    taken = dict.fromkeys(findings, 0)
    free = number
    while free and any(taken[kind] < len(findings[kind]) for kind in findings):
        for kind in findings:
            if free and taken[kind] < len(findings[kind]):
                taken[kind] += 1
                free -= 1
    for kind, problems in findings.items():
        yield from ((kind, problem) for problem in problems[: taken[kind]])
