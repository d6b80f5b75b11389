"""Errors of an entity tagger, sorted: every gold and every predicted span is in exactly one place.

Spans that are equal are right. What is left is paired, gold with predicted, where the two share a
character: first those of equal boundary, then those of equal type, then others; among these the
pair with the larger overlap (shared characters to all characters of both) first, then by place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.counts import Score
from nlpcl.metrics.spans import Pairs, Span, Spans, neighbours

KINDS = {
    "wrong_type": "wrong type: boundary right",
    "wrong_edge": "wrong edge: type right, boundary not",
    "wrong_both": "wrong type and edge: the two overlap",
    "missed": "missed: gold, nothing predicted",
    "invented": "invented: predicted, nothing gold",
}
AROUND = 20
"""Characters that are shown before and after a faulty entity."""
LONGEST = 30
"""Characters of an entity that are shown at most."""
EXAMPLES = 3
"""Surface forms that are shown of each frequent error."""


@dataclass(frozen=True)
class Fault:
    """An error.

    Args:
        kind: see ``KINDS``.
        gold: the gold span; None where it is invented.
        predicted: the predicted span; None where it was missed.
    """

    kind: str
    gold: Span | None
    predicted: Span | None

    @property
    def place(self) -> tuple[int, int]:
        """From the first character of either span to the last."""
        both = [span for span in (self.gold, self.predicted) if span]
        return min(span[0] for span in both), max(span[1] for span in both)


def faults(gold: Spans, predicted: Spans) -> list[Fault]:
    """The errors in one text, in the order of their places."""
    missed, invented = set(gold - predicted), set(predicted - gold)
    near = neighbours(missed, invented)
    pairs = [(rank(one, span), one, span) for span, others in near.items() for one in others]
    found: list[Fault] = []
    for (kind, _), one, span in sorted(pairs):
        if one in missed and span in invented:
            missed.remove(one)
            invented.remove(span)
            found.append(Fault(list(KINDS)[kind], one, span))
    found += [Fault("missed", one, None) for one in missed]
    found += [Fault("invented", None, one) for one in invented]
    return sorted(found, key=lambda fault: (fault.place, str(fault.gold), str(fault.predicted)))


def rank(gold: Span, predicted: Span) -> tuple[int, float]:
    """Which pairs are matched first: the kind of error by number, and the overlap, negated."""
    kind = 0 if gold[:2] == predicted[:2] else 1 if gold[2] == predicted[2] else 2
    shared = min(gold[1], predicted[1]) - max(gold[0], predicted[0])
    whole = max(gold[1], predicted[1]) - min(gold[0], predicted[0])
    return kind, -shared / whole


class Mention(TypedDict):
    """A span with what stands in it."""

    start: int
    end: int
    type: str
    text: str


class Case(TypedDict):
    """An error in its text.

    Args:
        index: of the text, from 0.
        text: the text.
        gold, predicted: the spans; None as in :class:`Fault`.
    """

    index: int
    text: str
    gold: Mention | None
    predicted: Mention | None


CaseLists = dict[str, list[Case]]


def case_lists(texts: Sequence[str], pairs: Pairs) -> CaseLists:
    """The errors of each kind, in order.

    Args:
        texts: as they are.
        pairs: gold and predicted spans of each, see :func:`nlpcl.metrics.spans.paired`.

    Returns:
        ``{"wrong_type": [...], "wrong_edge": [...], "wrong_both": [...], "missed": [...],
        "invented": [...]}``.

    Raises:
        ValueError: when the two differ in length.
    """
    lists: CaseLists = {kind: [] for kind in KINDS}
    for index, (text, (gold, predicted)) in enumerate(zip(texts, pairs, strict=True)):
        for fault in faults(gold, predicted):
            lists[fault.kind].append(
                Case(
                    index=index,
                    text=text,
                    gold=mention(text, fault.gold),
                    predicted=mention(text, fault.predicted),
                )
            )
    return lists


def mention(text: str, span: Span | None) -> Mention | None:
    """A span with what stands in it; None for none."""
    if span is None:
        return None
    start, end, kind = span
    return Mention(start=start, end=end, type=kind, text=text[start:end])


def case_tables(lists: CaseLists, *, limit: int = 20) -> list[Table]:
    """The most frequent errors, then a table a kind with its first ``limit`` ones."""
    tables = [frequent_table(lists, limit)]
    for kind, cases in lists.items():
        rows: list[list[Cell]] = [
            [case["index"], shown(case["gold"]), shown(case["predicted"]), context(case)]
            for case in cases[:limit]
        ]
        title = f"{KINDS[kind]} ({len(cases)} entities"
        title += f", the first {limit} shown)" if len(cases) > limit else ")"
        columns = ["index", "gold", "predicted", "text"]
        tables.append(Table(f"cases_{kind}", columns, rows, title=title))
    return tables


def frequent_table(lists: CaseLists, limit: int) -> Table:
    """The most frequent errors by kind and types, each with the commonest surface forms."""
    found: dict[tuple[str, str, str], Counter[str]] = {}
    for kind, cases in lists.items():
        for case in cases:
            types = [one["type"] if one else "" for one in (case["gold"], case["predicted"])]
            key = (kind, types[0], types[1])
            found.setdefault(key, Counter())[surface(case)] += 1
    # sorted() keeps the order of kinds and places among errors that are equally frequent.
    order = sorted(found.items(), key=lambda item: -item[1].total())
    rows: list[list[Cell]] = [
        [kind.replace("_", " "), gold or None, predicted or None, forms.total(), examples(forms)]
        for (kind, gold, predicted), forms in order[:limit]
    ]
    title = "Most frequent errors"
    title += f" (the first {limit} of {len(order)} combinations)" if len(order) > limit else ""
    columns = ["error", "gold", "predicted", "number", "commonest"]
    return Table("entity_frequent_errors", columns, rows, title=title)


def examples(forms: Counter[str]) -> str:
    """``北京 (3), 上海``: the commonest forms, with how often those occur that do so twice."""
    listed = forms.most_common(EXAMPLES)
    return ", ".join(form + f" ({number})" * (number > 1) for form, number in listed)


def surface(case: Case) -> str:
    """``北京``, or ``北京→北京大学`` where the two spans hold different text."""
    found = [clipped(one["text"]) for one in (case["gold"], case["predicted"]) if one]
    return "→".join(dict.fromkeys(found))


def shown(one: Mention | None) -> str | None:
    """``北京 0:2 LOC``."""
    return one and f"{clipped(one['text'])} {one['start']}:{one['end']} {one['type']}"


def clipped(text: str) -> str:
    """The beginning of what stands in a span, if it is too long to be shown whole."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def context(case: Case) -> str:
    """The text around an error, which stands in brackets: ``…上周去了【北京大学】。``."""
    text, both = case["text"], [one for one in (case["gold"], case["predicted"]) if one]
    start, end = min(one["start"] for one in both), max(one["end"] for one in both)
    before, after = text[max(0, start - AROUND) : start], text[end : end + AROUND]
    left = "…" if start > AROUND else ""
    right = "…" if end + AROUND < len(text) else ""
    return f"{left}{before}【{clipped(text[start:end])}】{after}{right}"


def error_table(right: Score, errors: Mapping[str, int]) -> Table:
    """How the gold and the predicted spans fare, each of which is in exactly one row.

    Args:
        right: exact hits.
        errors: by kind.
    """
    rows: list[list[Cell]] = []
    for kind, text in {"right": "right: boundary and type", **KINDS}.items():
        number = right.hits if kind == "right" else errors[kind]
        gold = None if kind == "invented" or not right.gold else 100 * number / right.gold
        share = None if kind == "missed" or not right.predicted else 100 * number / right.predicted
        rows.append([text, number, gold, share])
    columns = ["outcome", "number", "of gold (%)", "of predicted (%)"]
    return Table("entity_errors", columns, rows, title="Errors, sorted", digits=1)


def error_counts(pairs: Iterable[tuple[Spans, Spans]]) -> dict[str, int]:
    """How many errors of each kind there are, over all texts."""
    found = Counter(fault.kind for gold, predicted in pairs for fault in faults(gold, predicted))
    return {kind: found[kind] for kind in KINDS}
