"""Confusion sets: characters of the same or a similar sound, or of a similar shape.

The kinds and their idea follow PLOME (Liu et al., ACL 2021).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from nlpcl.core.errors import UserError
from nlpcl.core.text_files import read_text
from nlpcl.text.characters import is_han

FILES = {"pinyin": "same_pinyin.txt", "near_pinyin": "simi_pinyin.txt", "shape": "same_stroke.txt"}
"""Kinds of confusion → file of the PLOME confusion sets."""

STROKES = "zi_sk.txt"
"""Characters and their strokes in order, one digit per kind of stroke; optional."""


def read_confusions(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Confusion sets by kind, each ``{character: [characters it is mistaken for]}``.

    Args:
        folder: contains ``same_pinyin.txt`` and ``simi_pinyin.txt`` (character, tab, characters
            separated by blanks) and ``same_stroke.txt`` (separated by commas, the first is the
            head). If it contains ``zi_sk.txt``, characters one stroke apart are added to those of
            the same shape.

    Raises:
        UserError: a file is missing or contains no sets.
    """
    sets: dict[str, dict[str, list[str]]] = {}
    for kind, name in FILES.items():
        path = folder / name
        if not path.is_file():
            raise UserError(
                "not found", path, "--confusion takes a folder with the PLOME confusion sets."
            )
        found: dict[str, list[str]] = {}
        for line in read_text(path).splitlines():
            characters = [c for c in line.replace(",", " ").split() if is_han(c)]
            others = [c for c in dict.fromkeys(characters[1:]) if c != characters[0]]
            if others:
                found[characters[0]] = others
        if not found:
            raise UserError("holds no confusion sets", path, "Get an undamaged copy.")
        sets[kind] = found
    if (folder / STROKES).is_file():
        rows = [line.split("\t") for line in read_text(folder / STROKES).splitlines()]
        strokes = {row[0]: row[1] for row in rows if len(row) == 2 and is_han(row[0])}
        common = set().union(*sets.values())
        for head, others in one_stroke_apart(strokes).items():
            known = sets["shape"].get(head, [])
            others = [other for other in others if other in common and other not in known]
            if head in common and others:
                sets["shape"][head] = known + others
    return sets


def one_stroke_apart(strokes: Mapping[str, str], shortest: int = 5) -> dict[str, list[str]]:
    """Characters whose stroke sequences differ by one stroke: added, removed or replaced.

    Args:
        strokes: the strokes of each character, one symbol each.
        shortest: characters with fewer strokes have too many neighbours and are left out.
    """
    # Two sequences one edit apart have a form with one stroke removed in common, or are one.
    forms: dict[str, list[str]] = defaultdict(list)
    for character, sequence in strokes.items():
        if len(sequence) >= shortest:
            shorter = {sequence[:at] + sequence[at + 1 :] for at in range(len(sequence))}
            for form in {sequence, *shorter}:
                forms[form].append(character)
    found: dict[str, set[str]] = defaultdict(set)
    for group in forms.values():
        for character in group:
            found[character].update(
                other for other in group if one_edit(strokes[character], strokes[other])
            )
    return {head: sorted(others - {head}) for head, others in found.items() if others - {head}}


def one_edit(first: str, second: str) -> bool:
    """Whether two sequences differ by one symbol added, removed or replaced."""
    shorter, longer = sorted((first, second), key=len)
    at = next(
        (at for at, pair in enumerate(zip(shorter, longer, strict=False)) if len(set(pair)) > 1),
        len(shorter),
    )
    if len(shorter) == len(longer):
        return shorter[at + 1 :] == longer[at + 1 :]
    return len(longer) - len(shorter) == 1 and shorter[at:] == longer[at + 1 :]
