"""The classes of labelled rows: renaming them, and what is no classification at all."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.json_files import BrokenJson, parsed
from nlpcl.core.splits import Example, Splits

FLAG = "--map-labels"
MOST = 50
"""Classes above which a column holds something else."""
MISSING = frozenset(("nan", "null", "n/a", "#n/a", "na", "<na>", "nat"))
"""What programs write where there is no value, in small letters."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_LISTED = 5
_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True)
class Fault:
    """Why classes are refused.

    Args:
        what: is wrong.
        how: to mend it.
        rows: that are concerned.
        mapping: of names that would mend it too.
    """

    what: str
    how: str
    rows: Sequence[Example]
    mapping: Mapping[str, str] = field(default_factory=dict[str, str])


def label_map(text: str, flag: str = FLAG) -> dict[str, str]:
    """``"HATE=hate,nan="`` → former class → its new name, empty for a class to be dropped.

    A name that holds ``,`` or ``=`` is given in JSON: ``{"a,b": "c", "nan": ""}``.

    Raises:
        UserError: it is neither, or a class is renamed twice.
    """
    how = f'Write {flag} "OLD=NEW,OTHER=NEW,DROPPED=", or JSON: {{"OLD": "NEW"}}.'
    if text.lstrip().startswith("{"):
        try:
            given = parsed(text)
        except BrokenJson as error:
            raise UserError(f"not valid JSON ({error})", flag, how) from error
        if not all(isinstance(new, str) for new in given.values()):
            raise UserError("names in JSON are texts in quotation marks", flag, how)
        return {old.strip(): new.strip() for old, new in given.items()}
    found: dict[str, str] = {}
    for part in text.split(",") if text.strip() else ():
        old, equals, new = (piece.strip() for piece in part.partition("="))
        if not (old and equals) or "=" in new:
            raise UserError(f"{part.strip()!r} is not OLD=NEW", flag, how)
        if found.setdefault(old, new) != new:
            raise UserError(f"{old!r} is renamed twice", flag, "Give it once.")
    return found


def as_flag(mapping: Mapping[str, str]) -> str:
    """The reverse of :func:`label_map`, with its flag."""
    if any(set(",=\"'") & set(old + new) for old, new in mapping.items()):
        return f"{FLAG} '{json.dumps(dict(mapping), ensure_ascii=False)}'"
    return f'{FLAG} "{",".join(f"{old}={new}" for old, new in mapping.items())}"'


def rename(splits: Splits, mapping: Mapping[str, str]) -> Splits:
    """Give the rows of some classes another one, or drop them; both are noted.

    Classes that no row has are ignored: another corpus beside this one may have them.
    ``splits.renamed`` counts the rows of the others.

    Raises:
        UserError: nothing is left of train, dev or a test set.
    """
    if not mapping:
        return splits
    before = Counter(row["label"] for rows in splits.test.values() for row in rows)
    before = before or Counter(row["label"] for row in splits.train)

    def renamed(rows: Sequence[Example]) -> list[Example]:
        kept = []
        for row in rows:
            if row["label"] in mapping:
                splits.renamed[row["label"]] += 1
                row = row | {"label": mapping[row["label"]]}
            if row["label"]:
                kept.append(row)
        if rows and not kept:
            what = f"drops all {len(rows)} rows of a split of {splits.name}"
            raise UserError(what, FLAG, "Keep one class at least.")
        return kept

    splits.train, splits.dev = renamed(splits.train), renamed(splits.dev)
    splits.test = {name: renamed(rows) for name, rows in splits.test.items()}
    parts = [
        f"{old!r} {f'as {mapping[old]!r}' if mapping[old] else 'dropped'} ({number} rows)"
        for old, number in sorted(splits.renamed.items())
    ]
    if parts:
        splits.notes.append(f"{splits.name}: {', '.join(parts)}")
    dropped = {old: before[old] for old, new in mapping.items() if not new and before[old]}
    if dropped:
        what = f"{sum(dropped.values())} of {before.total()} rows LEFT OUT: {listed(dropped)}"
        splits.protocol = f"{splits.protocol}, {what}" if splits.protocol else what
    return splits


def check_names(
    mapping: Mapping[str, str], known: Collection[str], flag: str = FLAG, kind: str = "class"
) -> None:
    """Refuse a mapping of a class, or of another kind of name, that is nowhere.

    Raises:
        UserError: naming the nearest one.
    """
    for old in mapping:
        if old not in known:
            raise unknown_name(kind, old, known, where=flag)


def check_classes(rows: Sequence[Example], where: str, *, can_map: bool = True) -> None:
    """Refuse rows whose labels are no classes, or several names of one class.

    Args:
        rows: with ``label``.
        where: they come from, for the message.
        can_map: whether the model has the flag ``--map-labels``.

    Raises:
        UserError: the first fault of :func:`faults`.
    """
    for fault in faults(rows):
        flag = f" Or give {as_flag(fault.mapping)}." if fault.mapping and can_map else ""
        raise UserError(fault.what, where, fault.how + flag)


def faults(rows: Sequence[Example]) -> Iterator[Fault]:
    """What is wrong with the classes of rows, the gravest first."""
    by_class: dict[str, list[Example]] = defaultdict(list)
    for row in rows:
        by_class[str(row["label"])].append(row)
    names = sorted(by_class)
    several = [name for name in names if is_several(name, names)]
    if several:
        example = {several[0]: re.split(r"[|;,]", several[0])[0].strip()}
        yield Fault(
            f"several classes in one row, such as {several[0]!r}, in {_count(several, by_class)}",
            "No flag splits them: keep one class a row.",
            [row for name in several for row in by_class[name]],
            example,
        )
    numbers = [name for name in names if _NUMBER.fullmatch(name)]
    present = [name for name in names if name.casefold() not in MISSING]
    if present and numbers == present and any(not float(name).is_integer() for name in numbers):
        broken = [name for name in numbers if not float(name).is_integer()]
        yield Fault(
            f"{len(numbers)} different numbers such as {broken[0]} are scores, not classes: this "
            "is no classification",
            "Divide them into classes first, or name each in words.",
            rows,
        )
    elif len(names) > MOST:
        yield Fault(
            f"{len(names)} classes in {len(rows)} rows, such as {listed(names[:3])}: this is no "
            f"classification (at most {MOST} classes)",
            "Is it the right column (--label-column)?",
            rows,
        )
    missing = [name for name in names if name.casefold() in MISSING]
    if missing:
        first = by_class[missing[0]][0]
        yield Fault(
            f"{_count(missing, by_class)} of the class {listed(missing)}, which programs write "
            f"where there is none (first: {first.get('id')})",
            "Label these rows, or drop them.",
            [row for name in missing for row in by_class[name]],
            dict.fromkeys(missing, ""),
        )
    yield from alike(by_class)


def alike(by_class: Mapping[str, Sequence[Example]]) -> Iterator[Fault]:
    """Names that differ in case, blanks, width or type alone: ``hate`` and ``HATE``, 1 and true."""
    together: dict[object, list[str]] = defaultdict(list)
    for name in sorted(by_class):
        together[class_key(name)].append(name)
    for names in together.values():
        if len(names) < 2:
            continue
        most = max(names, key=lambda name: len(by_class[name]))
        shown = ", ".join(f"{name!r} ({len(by_class[name])} rows)" for name in names)
        others = {name: most for name in names if name != most}
        yield Fault(
            f"classes that differ in case, blanks or type alone: {shown}",
            "Use one name.",
            [row for name in others for row in by_class[name]],
            others,
        )


def class_key(name: str) -> object:
    """What is left of a name without case, width, blanks and invisible marks; numbers by value."""
    plain = "".join(
        character
        for character in unicodedata.normalize("NFKC", name).casefold()
        if not character.isspace() and unicodedata.category(character) != "Cf"
    )
    if plain in _TRUTH:
        return _TRUTH[plain]
    return float(plain) if _NUMBER.fullmatch(plain) else plain


def is_several(name: str, names: Collection[str]) -> bool:
    """Whether a label holds several classes: ``a|b``; ``a;b`` and ``a,b`` where a or b is one."""
    if "|" in name.strip("|"):
        return True
    for divider in ";,":
        parts = [part.strip() for part in name.split(divider)]
        if len(parts) > 1 and all(parts) and any(part in names for part in parts):
            return True
    return False


def listed(names: Iterable[str]) -> str:
    """The first few names in quotes."""
    ordered = sorted(names)
    shown = ", ".join(repr(name) for name in ordered[:_LISTED])
    rest = len(ordered) - _LISTED
    return f"{shown} and {rest} more" if rest > 0 else shown


def _count(names: Sequence[str], by_class: Mapping[str, Sequence[Example]]) -> str:
    number = sum(len(by_class[name]) for name in names)
    return f"{number} row{'s' if number != 1 else ''}"
