"""Texts with entities, spans of characters with a type: fields, counts, checks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nlpcl.core.splits import Dataset, Example, Problem, Splits
from nlpcl.data.check import all_rows, find_in_texts
from nlpcl.data.given_spans import as_dicts, settle
from nlpcl.data.labelled_text import make_ids_unique, parts_of
from nlpcl.data.schema import Schema, each_row
from nlpcl.data.span_files import EXPECTS, read_own
from nlpcl.data.span_records import SPAN_FIELDS
from nlpcl.data.tagged_columns import ILLEGAL
from nlpcl.text.characters import is_unseen

Span = tuple[int, int, str]
"""Start, end (exclusive) and type."""


def spans_of(row: Example) -> list[Span]:
    """The entities of a row, sorted."""
    return [(one["start"], one["end"], one["type"]) for one in row["entities"]]


def overlapping(spans: Sequence[Span]) -> Iterator[tuple[Span, Span, bool]]:
    """The pairs of sorted spans that share characters, and whether one lies within the other."""
    for at, one in enumerate(spans):
        for other in spans[at + 1 :]:
            if other[0] >= one[1]:
                break
            yield one, other, other[1] <= one[1] or other[0] == one[0]


def count_spans(splits: Splits) -> dict[str, Any]:
    """Number of texts and entities, of entities by type, and of pairs that overlap, per split.

    Keys are ``train``, ``train_entities``, ``train_types``, ``train_without_entities``; and where
    there are such, ``train_nested_pairs`` (one within the other), ``train_overlapping_pairs``.
    """
    counts: dict[str, Any] = {}
    for name, rows in parts_of(splits).items():
        if not rows:
            continue
        types = Counter(kind for row in rows for _, _, kind in spans_of(row))
        counts[name] = len(rows)
        counts[f"{name}_entities"] = types.total()
        counts[f"{name}_types"] = dict(sorted(types.items()))
        counts[f"{name}_without_entities"] = sum(not row["entities"] for row in rows)
        pairs = Counter(nested for row in rows for *_, nested in overlapping(spans_of(row)))
        names = {"nested_pairs": pairs[True], "overlapping_pairs": pairs[False]}
        counts |= {f"{name}_{kind}": number for kind, number in names.items() if number}
    return counts


def finished(splits: Splits, *, inclusive_ends: bool = False) -> Splits:
    """Check the spans of all rows against their texts, and make ids unique in each split."""
    settle(splits, inclusive_ends=inclusive_ends)
    make_ids_unique(splits)
    return splits


def finish_spans(splits: Splits, corpus: Dataset | None, options: Mapping[str, Any]) -> Splits:
    """Entities of the user's own files, and types under the names that were asked for.

    The option ``inclusive_ends`` says how offsets are meant where a format does not tell, and
    ``map_types`` gives types new names; an empty one leaves the entities out.
    """
    if corpus is None:
        finished(splits, inclusive_ends=options.get("inclusive_ends", False))
    else:
        splits.idle["inclusive_ends"] = "the corpus is known"
    return rename_types(splits, options.get("map_types", {}))


def rename_types(splits: Splits, mapping: Mapping[str, str]) -> Splits:
    """Give types another name, or leave their entities out; both are noted.

    Types that no entity has are ignored: another corpus beside this one may have them.
    ``splits.renamed`` counts the entities of the others.
    """
    if not mapping:
        return splits

    def renamed(row: Example) -> Example:
        splits.renamed.update(kind for _, _, kind in spans_of(row) if kind in mapping)
        made = {(start, end, mapping.get(kind, kind)) for start, end, kind in spans_of(row)}
        return row | {"entities": as_dicts(span for span in made if span[2])}

    each_row(splits, renamed)
    parts = [
        f"{old!r} {f'as {mapping[old]!r}' if mapping[old] else 'left out'} ({number})"
        for old, number in sorted(splits.renamed.items())
    ]
    if parts:
        splits.notes.append(f"{splits.name}: entities of {', '.join(parts)}")
    return splits


def find_in_spans(splits: Splits) -> dict[str, list[Problem]]:
    """What is wrong with texts and the entities in them."""
    illegal = [problem for problem in splits.problems if problem.kind == ILLEGAL]
    others = [problem for problem in splits.problems if problem.kind != ILLEGAL]
    found = find_in_texts(Splits(splits.name, splits.train, splits.dev, splits.test, "", others))
    del found["unequal length"]  # of pairs
    rows = all_rows(splits)
    nested: list[Problem] = []
    crossing: list[Problem] = []
    blank: list[Problem] = []
    for row in rows:
        for one, other, is_nested in overlapping(spans_of(row)):
            what = f"{_shown(row, one)} and {_shown(row, other)}"
            (nested if is_nested else crossing).append(_at(row, what))
        for span in spans_of(row):
            words = row["text"][span[0] : span[1]]
            if is_unseen(words[0]) or is_unseen(words[-1]):
                what = "a blank" if words != words.strip() else "a character that nobody sees"
                blank.append(_at(row, f"{_shown(row, span)} begins or ends with {what}"))
    return {
        **found,
        "illegal tags": illegal,
        "overlapping spans": crossing,
        "nested spans": nested,
        "blanks at edges": blank,
        "several types": _several_types(rows),
    }


def _several_types(rows: Sequence[Example]) -> list[Problem]:
    """The first row of every rarer type of a surface form that has several."""
    first: dict[str, dict[str, Example]] = defaultdict(dict)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for start, end, kind in spans_of(row):
            words = row["text"][start:end]
            first[words].setdefault(kind, row)
            counts[words][kind] += 1
    found: list[Problem] = []
    for words, kinds in counts.items():
        usual, *rarer = sorted(kinds, key=lambda kind: (-kinds[kind], kind))
        for kind in rarer:
            how = "more often" if kinds[usual] > kinds[kind] else "as often"
            what = f"{words!r} is {kind} ({kinds[kind]}), {how} {usual} ({kinds[usual]})"
            found.append(_at(first[words][kind], what))
    return found


def _shown(row: Example, span: Span) -> str:
    start, end, kind = span
    return f"{kind} {row['text'][start:end]!r} ({start}-{end})"


def _at(row: Example, what: str) -> Problem:
    return Problem(str(row.get("file", row["id"])), row.get("line"), what)


SPANS = Schema(
    task="entities",
    fields=SPAN_FIELDS,
    count=count_spans,
    read=read_own,
    expects=EXPECTS,
    finish=finish_spans,
    holds_test_out=True,
    find=find_in_spans,
)
"""Rows ``{"id", "text", "entities": [{"start", "end", "type"}]}``."""
