"""False positives of a classifier on harmless sentences that mention a group of people.

``identity_terms.tsv`` holds templates and the terms that go into them, in English and
Chinese, each with a kind (nationality, religion, ...); terms of the kind ``control`` name no group
and show what the templates do by themselves. Every flagged sentence is a false positive.

After Dixon et al. 2018, "Measuring and mitigating unintended bias in text classification".
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.tables import Cell, Report, Table
from nlpcl.metrics.rates import wilson_interval

FILE = Path(__file__).with_name("identity_terms.tsv")
TEMPLATE = "template"
CONTROL = "control"
NOTE = (
    "Percent of harmless template sentences whose label is not {neutral!r}, with Wilson's 95 % "
    "interval; mean probability of the other classes. Terms of the kind control name no group."
)


@dataclass(frozen=True)
class Sentence:
    """A template filled with a term.

    Args:
        text: the sentence.
        term: the term.
        kind: of the term.
        language: ``en`` or ``zh``.
    """

    text: str
    term: str
    kind: str
    language: str


def sentences(file: Path = FILE) -> list[Sentence]:
    """Return every term in every template of its language."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Sentence(filled(template["text"], row["text"]), row["text"], row["kind"], row["language"])
        for row in rows
        if row["kind"] != TEMPLATE
        for template in rows
        if template["kind"] == TEMPLATE and template["language"] == row["language"]
    ]


def filled(template: str, term: str) -> str:
    """Fill a template with a term; ``{a}`` and ``{A}`` become the matching English article."""
    article = "an" if term[0].lower() in "aeiou" else "a"
    return template.format(term=term, a=article, A=article.capitalize())


def identity_report(
    predictor: Any, neutral: str | None = None, chosen: Sequence[Sentence] | None = None
) -> tuple[Report, list[dict[str, Any]]]:
    """Compute false-positive rates by term, kind and language, and one row per sentence.

    Args:
        predictor: ``predictor.stream(texts)`` gives ``label`` and ``probabilities``; its ``model``
            names the classes.
        neutral: name of the class of harmless texts; by default found by its name.
        chosen: sentences; all of the file's by default.

    Raises:
        UserError: no class of the model is known to be harmless, or none has the given name.
    """
    listed = sentences() if chosen is None else chosen
    harmless = harmless_class(predictor.model.config, neutral)
    rows: list[dict[str, Any]] = []
    answers = predictor.stream(sentence.text for sentence in listed)
    for sentence, answer in zip(listed, answers, strict=True):
        kept = {"term": sentence.term, "kind": sentence.kind, "language": sentence.language}
        flagged = answer["label"] not in (harmless, None)
        probability = 1 - answer["probabilities"].get(harmless, 1.0)
        rows.append({**kept, **answer, "flagged": flagged, "not_neutral": probability})
    note = NOTE.format(neutral=harmless)
    title = f"Identity terms: {len(rows)} harmless sentences"
    tables = [
        rate_table("identity_terms", title, rows, ("term", "kind", "language"), note),
        rate_table("identity_kinds", "Identity terms by kind", rows, ("kind", "language"), note),
    ]
    metrics: dict[str, float] = {}
    for language in dict.fromkeys(row["language"] for row in rows):
        own = [row for row in rows if row["language"] == language]
        for name, is_control in (("identity", False), ("control", True)):
            part = [row["flagged"] for row in own if (row["kind"] == CONTROL) == is_control]
            if part:
                metrics[f"{name}_false_positive_rate_{language}"] = 100 * sum(part) / len(part)
    return Report(metrics, tables), rows


def harmless_class(config: Any, name: str | None) -> str:
    """Return the name of a saved model's class of harmless texts.

    Raises:
        UserError: see :func:`identity_report`.
    """
    from nlpcl.tasks.classification.rows import Decision, neutral_label

    decision = Decision.of_model(config)
    labels = decision.labels
    if name is not None:
        if name not in labels:
            raise unknown_name("class", name, labels, where="--neutral")
        return name
    if decision.threshold is not None:
        return next(label for label in labels if label != decision.positive)
    # A class known by its name is the same one whichever is the commonest.
    found = {neutral_label(labels, [label]) for label in labels}
    if len(found) > 1:
        raise UserError(
            f"which class is harmless? The model knows {', '.join(labels)}",
            "--identity",
            "Name it with --neutral.",
        )
    return found.pop()


def rate_table(
    name: str,
    title: str,
    rows: Iterable[Mapping[str, Any]],
    keys: Sequence[str],
    note: str,
) -> Table:
    """Build a table with one row per group of sentences, the highest rate first.

    Args:
        name: of the table.
        title: of the table.
        rows: with ``flagged`` and ``not_neutral``.
        keys: fields that make a group, shown in this order.
        note: below the table.
    """
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    cells: list[list[Cell]] = []
    for group, own in groups.items():
        flagged, n = sum(row["flagged"] for row in own), len(own)
        low, high = wilson_interval(flagged, n)
        mean = 100 * sum(row["not_neutral"] for row in own) / n
        cells.append([*group, n, 100 * flagged / n, low, high, mean])
    cells.sort(key=lambda row: (-float(row[-4] or 0), -float(row[-1] or 0)))
    columns = [*keys, "n", "flagged", "low", "high", "probability"]
    return Table(name, columns, cells, title=title, note=note, digits=1)
