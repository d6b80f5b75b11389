"""Splits of a dataset with their protocol, and a record of every row that was skipped."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nlpcl.core.errors import UserError

Example = dict[str, Any]
"""One row. Correction: ``{"id": str, "source": str, "target": str}``; a clip of speech:
``{"id", "path", "label", "speaker", "session", "gender", "corpus", "start", "end"}``."""


@dataclass(frozen=True)
class Problem:
    """A row or file that is wrong: skipped or used all the same, never silently lost.

    Args:
        file: where it stands.
        line: there, if known.
        what: is wrong with it.
        is_used: whether the row is used all the same.
        kind: a name for problems that a check lists by themselves.
    """

    file: str
    line: int | None
    what: str
    is_used: bool = False
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.file}{f':{self.line}' if self.line else ''}: {self.what}"


def by_use(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    """Problems of rows that were skipped, and of rows that were used all the same."""
    found: dict[str, list[Problem]] = {"skipped": [], "doubtful but used": []}
    for problem in problems:
        found["doubtful but used" if problem.is_used else "skipped"].append(problem)
    return found


@dataclass
class Splits:
    """Train, dev and test rows of one or several datasets.

    Args:
        name: the dataset names joined by ``,``.
        train, dev: rows; dev is held out of train when the corpus has none.
        test: rows by test-set name; the first one gives the unprefixed metrics of a report.
        protocol: one sentence on how the split was made, printed in table titles.
        problems: rows that were skipped, with file and line.
        notes: what a reader must know (overlap dropped, damaged copy, ...).
        renamed: rows that another class was given, or that were dropped, by their former class.
        unread: why ``train`` or ``dev`` could not be read, where the rest of the corpus could.
        idle: settings that change nothing about these rows, whatever their value → why.
        classes: of a study that these rows are a fold of; a fold may lack one.
    """

    name: str
    train: list[Example] = field(default_factory=list[Example])
    dev: list[Example] = field(default_factory=list[Example])
    test: dict[str, list[Example]] = field(default_factory=dict[str, list[Example]])
    protocol: str = ""
    problems: list[Problem] = field(default_factory=list[Problem])
    notes: list[str] = field(default_factory=list[str])
    renamed: Counter[str] = field(default_factory=Counter[str])
    unread: dict[str, UserError] = field(default_factory=dict[str, UserError])
    idle: dict[str, str] = field(default_factory=dict[str, str])
    classes: Sequence[str] = ()

    def part(self, name: str, read: Callable[[], list[Example]]) -> list[Example]:
        """The rows of ``train`` or ``dev``; none, and why in ``unread``, where that fails.

        A damaged training file thus does not keep a sound test file from being scored;
        :meth:`need` refuses it where the rows are wanted.
        """
        try:
            return read()
        except UserError as error:
            self.unread.setdefault(name, error)
            return []

    def need(self) -> None:
        """Refuse a corpus of which a part could not be read.

        Raises:
            UserError: the first reason.
        """
        for error in self.unread.values():
            raise error

    def forgive(self) -> None:
        """Turn what could not be read of ``train`` and ``dev`` into notes."""
        self.notes += [f"{self.name}: {name} not read: {why}" for name, why in self.unread.items()]
        self.unread = {}

    def sizes(self) -> dict[str, int]:
        """Number of rows per split."""
        tests = {f"test:{name}": len(rows) for name, rows in self.test.items()}
        return {"train": len(self.train), "dev": len(self.dev), **tests}

    def keep(self, fraction: float) -> None:
        """Keep a fraction of the training rows, chosen by a hash of each, and add a note."""
        if fraction >= 1:
            return

        def place(row: Example) -> bytes:
            return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).digest()

        wanted = max(1, round(fraction * len(self.train)))
        chosen = set(sorted(range(len(self.train)), key=lambda at: place(self.train[at]))[:wanted])
        self.notes.append(f"{wanted} of {len(self.train)} training rows used (--train-fraction)")
        self.train = [row for at, row in enumerate(self.train) if at in chosen]

    def fingerprint(self) -> str:
        """First 16 digits of a SHA-256 over all rows in order."""
        digest = hashlib.sha256()
        for rows in (self.train, self.dev, *self.test.values()):
            for row in rows:
                text = json.dumps(row, ensure_ascii=False, sort_keys=True)
                digest.update(text.encode(errors="surrogatepass"))  # of a file's name
            digest.update(b"\0")
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Dataset:
    """A dataset as listed by ``nlpcl data list``.

    Args:
        name: the name given to ``--data``.
        task: the task whose models can use it, e.g. ``"correction"``.
        title: one line.
        licence: terms of use in a few words.
        source: where to get it; never downloaded by nlpcl.
        load: ``load(root) -> Splits``; ``root`` is ``--data-root`` or None. Raises UserError.
        expected: known counts, the same keys as ``count`` gives, for ``nlpcl data check``.
        count: ``count(splits) -> {name: number}``; the counts that are compared.
        warnings: known traps of the corpus.
        labels: emotions that are kept unless others are asked for; empty for all.
    """

    name: str
    task: str
    title: str
    licence: str
    source: str
    load: Callable[[Path | None], Splits]
    expected: Mapping[str, Any] = field(default_factory=dict[str, Any])
    count: Callable[[Splits], dict[str, Any]] | None = None
    warnings: Sequence[str] = ()
    labels: Sequence[str] = ()
