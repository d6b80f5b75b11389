"""Rules for clean splits: no sentence on both sides of a split, dev never taken from test."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

from nlpcl.core.splits import Example, Problem, Splits
from nlpcl.data.pairs import has_unequal_length

TEXT_FIELDS = ("source", "target", "text")
"""Fields whose texts are compared to find equal sentences."""


_MARKS = re.compile(r"[\W_]+")


def text_key(text: str) -> str:
    """The key by which equal sentences are found: letters, Han characters and digits of a text.

    Width and case are ignored. A text without any such character is its own key.
    """
    return _MARKS.sub("", unicodedata.normalize("NFKC", text).casefold()) or text


def is_clip(row: Example) -> bool:
    """Whether a row is a clip of speech rather than text."""
    return "path" in row


def group_of(row: Example, index: int) -> str:
    """The group that a row is held out with: its speaker, named group, target or text.

    ``index`` is the group of a row that has none of these.
    """
    if is_clip(row):
        return str(row.get("speaker") or row.get("id", index))
    if row.get("group"):
        return f"group\0{row['group']}"
    return text_key(str(row.get("target", row.get("text", row.get("id", index)))))


def row_keys(row: Example) -> set[str]:
    """The keys of all texts of a row; empty for a row without text.

    For a clip of speech, the key is the clip, not its words: many speakers say the same sentence.
    Its file is the same wherever it is named from.
    """
    if is_clip(row):
        place = os.path.abspath(row["path"])
        return {"\0".join([place, str(row.get("start")), str(row.get("end"))])}
    return {text_key(row[field]) for field in TEXT_FIELDS if isinstance(row.get(field), str)}


def all_keys(rows: Iterable[Example]) -> set[str]:
    """The keys of all texts of the rows."""
    return {key for row in rows for key in row_keys(row)}


def without(rows: Sequence[Example], keys: Collection[str]) -> list[Example]:
    """The rows without a text whose key is in ``keys``."""
    return [row for row in rows if row_keys(row).isdisjoint(keys)]


def hold_out(
    rows: Sequence[Example], fraction: float, seed: int, purpose: str
) -> tuple[list[Example], list[Example]]:
    """Hold out about ``fraction`` of the rows; returns the rest and those, each in order.

    Rows with the same target (or text), or clips of one speaker, form a group, which is not split.
    Groups are taken in the order of a hash of that text or name with ``seed`` and ``purpose``, so
    the result depends on nothing else. If there are two groups, at least one is held out and one
    kept; for labelled texts this holds for each label.
    """
    groups: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        groups.setdefault(group_of(row, index), []).append(index)
    if fraction <= 0 or len(groups) < 2:
        return list(rows), []

    def rank(key: str) -> bytes:
        return hashlib.sha256(f"{seed}\0{purpose}\0{key}".encode()).digest()

    order = sorted(groups, key=rank)
    strata: dict[object, list[str]] = {}
    for key in order:
        row = rows[groups[key][0]]
        strata.setdefault(None if is_clip(row) else row.get("label"), []).append(key)
    held = {index for keys in strata.values() for index in _chosen(keys, groups, fraction)}
    if not held:  # no label has two groups
        held = _chosen(order, groups, fraction)
    kept = [row for index, row in enumerate(rows) if index not in held]
    return kept, [row for index, row in enumerate(rows) if index in held]


def _chosen(order: Sequence[str], groups: Mapping[str, Sequence[int]], fraction: float) -> set[int]:
    """Indices of rows in the first groups that make up about ``fraction`` of all rows."""
    wanted = max(1, round(fraction * sum(len(groups[key]) for key in order)))
    held: set[int] = set()
    for key in order[:-1]:
        if len(held) + len(groups[key]) <= wanted:
            held.update(groups[key])
    if not held and len(order) > 1:
        held.update(min((groups[key] for key in order), key=len))
    return held


def assemble(
    corpora: Sequence[tuple[Splits, bool]],
    *,
    dev_fraction: float,
    seed: int,
    keep_overlap: bool,
) -> Splits:
    """Combine corpora, joining training rows and keeping test sets by name, and apply the rules.

    Args:
        corpora: the splits of each corpus as read, and whether it is unsplit (all rows in
            ``train``), so that a test set is held out too.
        dev_fraction: fraction of the training rows held out as dev if a corpus has none; the same
            fraction is held out as test of an unsplit corpus.
        seed: for the hashes that choose the rows.
        keep_overlap: keep rows of train and dev that also occur in a test set, and rows of train
            that also occur in dev.
    """
    result = Splits(name=",".join(splits.name for splits, _ in corpora))
    firsts = [row for splits, _ in corpora for row in splits.train[:1]]
    unit = "by speaker" if any(map(is_clip, firsts)) else "by target"
    if unit == "by target" and any("label" in row for row in firsts):
        unit = "stratified by label, equal texts on one side"
    elif firsts and not any({"target", "path"} & row.keys() for row in firsts):
        unit = "with equal texts on one side"
    rule = f"{100 * dev_fraction:g} % of train held out {unit} (seed {seed})"
    protocols: list[list[str]] = []
    parts: list[Splits] = []
    for splits, is_unsplit in corpora:
        result.problems += splits.problems
        result.notes += splits.notes
        result.renamed += splits.renamed
        part = Splits(splits.name, test=dict(splits.test))
        part.train = _of_equal_length(splits.train, result.problems)
        part.dev = _of_equal_length(splits.dev, result.problems)
        protocols.append([splits.protocol] if splits.protocol else [])
        if is_unsplit:
            part.train, test = hold_out(part.train, dev_fraction, seed, "test")
            if test:
                part.test = {splits.name: test}
                protocols[-1].append(f"test is {rule}")
        for name, rows in part.test.items():
            result.test[unused_name(name, result.test)] = list(rows)
            _note_unequal(result, name, rows)
        parts.append(part)
    tested = all_keys(r for rows in result.test.values() for r in rows)
    holds_out = any(is_unsplit for _, is_unsplit in corpora)
    overlap = 0
    for part, protocol in zip(parts, protocols, strict=True):
        for split in ("train", "dev"):
            rows = getattr(part, split)
            kept = without(rows, tested)
            overlap += len(rows) - len(kept)
            if not keep_overlap:
                setattr(part, split, kept)
                _note_dropped(result, part.name, split, len(rows) - len(kept), "a test set")
        if part.train and not part.dev:
            holds_out = True
            part.train, part.dev = hold_out(part.train, dev_fraction, seed, "dev")
            if part.dev:
                protocol.append(f"dev is {rule}")
        result.train += part.train
        result.dev += part.dev
    kept = without(result.train, all_keys(result.dev))
    overlap += len(result.train) - len(kept)
    if not keep_overlap:
        _note_dropped(result, result.name, "train", len(result.train) - len(kept), "dev")
        result.train = kept
    result.idle = _idle([splits.idle for splits, _ in corpora], overlap, holds_out=holds_out)
    sentences = [
        f"{part.name}: {', '.join(clauses)}"
        for part, clauses in zip(parts, protocols, strict=True)
        if clauses
    ]
    if result.train:
        done = "kept" if keep_overlap else "dropped"
        what = "clips that" if unit == "by speaker" else "rows whose sentences"
        sentences.append(f"training {what} stand in dev or test {done}")
    result.protocol = "; ".join(sentences)
    for rows in (result.train, result.dev, *result.test.values()):
        rows[:] = [_without_place(row) for row in rows]
    return result


def _idle(parts: Sequence[Mapping[str, str]], overlap: int, *, holds_out: bool) -> dict[str, str]:
    """Settings that change nothing about the rows of any corpus → why.

    Args:
        parts: the same of each corpus.
        overlap: rows that stand on two sides of the split.
        holds_out: whether rows of a corpus are held out.
    """
    idle = {name: why for name, why in parts[0].items() if all(name in part for part in parts)}
    if not holds_out:
        idle["dev_fraction"] = "every corpus here has a dev set of its own"
    if not overlap:
        idle["keep_overlap"] = "no row of train or dev stands in a test set, none of train in dev"
    return idle


def _of_equal_length(rows: Sequence[Example], problems: list[Problem]) -> list[Example]:
    """Rows without pairs of unequal length, which are added to ``problems``."""
    kept: list[Example] = []
    for row in rows:
        if _is_unequal_pair(row):
            what = f"{len(row['source'])} characters against {len(row['target'])}; row skipped"
            problems.append(Problem(str(row.get("file", row["id"])), row.get("line"), what))
        else:
            kept.append(row)
    return kept


def _is_unequal_pair(row: Example) -> bool:
    return "source" in row and "target" in row and has_unequal_length(row)


def _note_unequal(result: Splits, name: str, rows: Sequence[Example]) -> None:
    unequal = sum(map(_is_unequal_pair, rows))
    if unequal:
        what = f"{unequal} of {len(rows)} test pairs have unequal length, scored wrong"
        result.notes.append(f"{name}: {what}")


def _note_dropped(result: Splits, name: str, split: str, number: int, where: str) -> None:
    if number:
        dropped = (
            "row dropped: its sentence stands"
            if number == 1
            else ("rows dropped: their sentences stand")
        )
        result.notes.append(f"{name}: {number} {split} {dropped} in {where}")


def unused_name(name: str, taken: Collection[str]) -> str:
    """The name, numbered from 2 on where it is taken."""
    number, unused = 1, name
    while unused in taken:
        number += 1
        unused = f"{name}-{number}"
    return unused


def _without_place(row: Example) -> Example:
    """The row without its file and line, so that fingerprints are the same on every machine."""
    return {key: value for key, value in row.items() if key not in ("file", "line")}
