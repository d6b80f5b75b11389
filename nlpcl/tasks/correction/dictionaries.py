"""A user's own dictionaries: terms to protect, and replacements to apply always.

Both are found in a text with one Aho-Corasick automaton, so the cost of a sentence does not grow
with the number of entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ahocorasick

from nlpcl.core.errors import UserError
from nlpcl.core.json_files import BrokenJson, parsed
from nlpcl.tasks.correction.edits import Edit, Span

FIRST_EAST_ASIAN = "\u2e80"
"""Where Unicode's blocks of Chinese, Japanese and Korean begin, which have no blanks at words."""
ENCODING_ADVICE = "Save the file as UTF-8."


class Dictionaries:
    """Protected terms and replacements, compiled for lookup.

    Protection always wins: no confusion entry is applied where it overlaps an occurrence of a
    protected term. Among confusion entries that overlap each other the longest wins, then the
    leftmost. Latin, Greek or Cyrillic letters are replaced at whole words alone: ``teh`` is not
    replaced in ``stehen``.
    """

    def __init__(self, protect: Iterable[str] = (), confusion: Mapping[str, str] | None = None):
        """Build the automaton.

        Args:
            protect: terms that must stay as they are.
            confusion: wrong -> right of equal length; an identical pair is a protected term.

        Raises:
            ValueError: for an empty term or a pair of unequal length.
        """
        terms = dict(confusion or {})
        terms |= {term: term for term in protect}
        self._automaton = ahocorasick.Automaton()
        for wrong, right in terms.items():
            if not wrong or len(wrong) != len(right):
                raise ValueError(f"not a pair of equal, positive length: {wrong!r} {right!r}")
            self._automaton.add_word(wrong, (wrong, right))
        self._automaton.make_automaton()

    @classmethod
    def from_files(cls, protect: Path | None = None, confusion: Path | None = None) -> Dictionaries:
        """Read the files of ``--protect`` and ``--confusion``; either may be left out.

        Raises:
            UserError: naming file and line, see ``read_protect`` and ``read_confusion``.
        """
        return cls(
            read_protect(protect) if protect else (),
            read_confusion(confusion) if confusion else {},
        )

    def __len__(self) -> int:
        """Number of terms and pairs."""
        return len(self._automaton)

    def find(self, text: str) -> tuple[list[Edit], list[Span]]:
        """Find protected spans and replacements in ``text``.

        Returns:
            The edits of the confusion pairs, one a changed character, ordered by position, with
            probability 1.0; and the spans that are closed to any other edit: every occurrence of
            a protected term and every place a confusion pair was applied, ordered by start.
        """
        if not len(self._automaton):
            return [], []
        closed: list[Span] = []
        candidates: list[tuple[int, int, str]] = []
        for last, (wrong, right) in self._automaton.iter(text):
            start = last + 1 - len(wrong)
            if wrong == right:
                closed.append((start, last + 1))
            elif not splits_word(text, start) and not splits_word(text, last + 1):
                candidates.append((-len(wrong), start, right))
        taken: set[int] = set()
        for start, end in closed:
            taken.update(range(start, end))
        edits = []
        for negative_length, start, right in sorted(candidates):
            end = start - negative_length
            if not taken.isdisjoint(range(start, end)):
                continue
            taken.update(range(start, end))
            closed.append((start, end))
            edits += [
                Edit(start + offset, text[start + offset], character)
                for offset, character in enumerate(right)
                if character != text[start + offset]
            ]
        return sorted(edits, key=lambda edit: edit.position), sorted(closed)


def splits_word(text: str, place: int) -> bool:
    """Whether letters or digits of an alphabetic script stand on both sides of a place."""
    around = text[place - 1 : place + 1] if place else ""
    return len(around) == 2 and all(one.isalnum() and one < FIRST_EAST_ASIAN for one in around)


def read_protect(path: Path) -> list[str]:
    """Read one term per line; blank lines and surrounding spaces are ignored.

    Raises:
        UserError: when the file cannot be read or is not UTF-8.
    """
    return [term for line in read_lines(path) if (term := line.strip())]


def read_confusion(path: Path) -> dict[str, str]:
    """Read ``wrong right`` per line, separated by a tab or spaces, or one JSON object.

    Raises:
        UserError: naming file and line (or JSON entry) when a line has not exactly two fields,
            the two differ in length, or one wrong form has two right ones.
    """
    lines = read_lines(path)
    if path.suffix.lower() == ".json" or next(iter(lines), "").lstrip().startswith("{"):
        return read_confusion_json(path, "\n".join(lines))
    pairs: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            fields = [part.strip() for part in line.strip().split("\t" if "\t" in line else None)]
            add_pair(pairs, fields, f"{path}:{number}")
    return pairs


def read_confusion_json(path: Path, content: str) -> dict[str, str]:
    """Read the pairs of a JSON object; a repeated key is an error."""
    try:
        entries = parsed(content, object_pairs_hook=list)
    except BrokenJson as error:
        where = f"{path}:{error.line}" if error.line else path
        what = f"{error.what} (column {error.column})" if error.column else error.what
        how = 'Write one object {"wrong": "right"}.'
        raise UserError(f"not valid JSON: {what}", where, how) from error
    if not content.lstrip().startswith("{"):
        raise UserError("not a JSON object", path, 'Write one object {"wrong": "right"}.')
    pairs: dict[str, str] = {}
    for number, fields in enumerate(entries, start=1):
        add_pair(pairs, fields, f"{path}: entry {number}")
    return pairs


def add_pair(pairs: dict[str, str], fields: Sequence[Any], where: str) -> None:
    """Check one entry and add it to ``pairs``."""
    if len(fields) != 2 or not all(isinstance(part, str) and part for part in fields):
        raise UserError(
            f"{len(fields)} fields where a wrong and a right form belong"
            if len(fields) != 2
            else f"not two texts: {list(fields)!r}",
            where,
            "Write 'wrong right', divided by a tab or a space.",
        )
    wrong, right = fields
    if len(wrong) != len(right):
        raise UserError(
            f"{wrong!r} and {right!r} differ in length ({len(wrong)} and {len(right)} characters)",
            where,
            "Corrections replace character by character: give forms of equal length.",
        )
    if pairs.setdefault(wrong, right) != right:
        raise UserError(
            f"{wrong!r} has two right forms, {pairs[wrong]!r} and {right!r}",
            where,
            "Remove one of them.",
        )


def read_lines(path: Path) -> list[str]:
    """Read the lines of a UTF-8 file without line ends or byte order mark."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot be read: {error.strerror}", path, "Check the name of the file."
        ) from error
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        # Offsets of a decoder that takes off a byte order mark do not count the mark.
        number = error.object[: error.start].count(b"\n") + 1
        raise UserError("not UTF-8", f"{path}:{number}", ENCODING_ADVICE) from error
