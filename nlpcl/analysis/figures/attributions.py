"""Text classifiers: words that explain a prediction, beside those that annotators marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nlpcl.analysis.figures.items import Example, items
from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.sources import where
from nlpcl.analysis.figures.text import LONGEST, Line, Piece, as_html, draw
from nlpcl.runs.run import Run

TASKS = ("classification",)
SHOWN = 8
METHOD = "gradients"
STEPS = 16


def load_attributions(run: Run, options: Options) -> Material:
    """Attribute the most confident correct predictions and mistakes to words."""
    rows = sorted(run.predictions, key=lambda row: -row["probabilities"][row["label"]])
    rows = [row for row in rows if 0 < len(row["text"]) <= LONGEST]
    right = [row for row in rows if row["gold"] == row["label"]]
    wrong = [row for row in rows if row["gold"] != row["label"]]
    chosen = [*spread_over_labels(right, SHOWN - min(len(wrong), SHOWN // 2)), *wrong[: SHOWN // 2]]
    if not chosen:
        raise LeftOut(f"every test text is empty or longer than {LONGEST} characters")
    found = words(run, [row["text"] for row in chosen])
    lines = [line_of(row, one) for row, one in zip(chosen, found, strict=True)]
    cells = [
        {"id": row.get("id"), "gold": row["gold"], "label": row["label"], "word": word.text}
        | {"start": word.start, "end": word.end, "weight": word.weight}
        for row, one in zip(chosen, found, strict=True)
        for word in one
    ]
    caption = (
        "Integrated gradients of the log-odds of the answer: orange words speak for it, blue ones "
        "against it, each text by its own strongest word. The surest right answers of each class, "
        f"then the surest mistakes. {where(run, len(run.predictions), 'texts')}"
    )
    return Material({"lines": lines}, cells, caption, as_html(lines))


def spread_over_labels(rows: Sequence[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    """Take rows from each label in turn."""
    by_label: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_label.setdefault(row["label"], []).append(row)
    chosen: list[dict[str, Any]] = []
    while len(chosen) < most and any(by_label.values()):
        chosen += [listed.pop(0) for listed in by_label.values() if listed]
    return chosen[:most]


def words(run: Run, texts: Sequence[str]) -> list[list[Any]]:
    """Return words with their weights towards the predicted label."""
    from nlpcl.analysis.attribution import word_attributions

    return word_attributions(run.model, run.task, texts, method=METHOD, steps=STEPS)


def line_of(row: Mapping[str, Any], found: Sequence[Any]) -> Line:
    """Render a text with its words coloured by weight."""
    probability = row["probabilities"][row["label"]]
    head = f"gold {row['gold']} · answer {row['label']} ({probability:.2f})"
    return Line(head, coloured(row["text"], found))


def coloured(text: str, found: Sequence[Any]) -> list[Piece]:
    """Split a text into its weighted words and what lies between them."""
    strongest = max((abs(word.weight) for word in found), default=0.0) or 1.0
    pieces: list[Piece] = []
    end = 0
    for word in found:
        pieces += [Piece(text[end : word.start])] if word.start > end else []
        note = f"{word.weight:+.3f}"
        pieces.append(Piece(text[word.start : word.end], word.weight / strongest, note))
        end = word.end
    return [*pieces, *([Piece(text[end:])] if end < len(text) else [])]


def load_rationales(run: Run, options: Options) -> Material:
    """Show the annotators' spans above the words that explain the prediction."""
    answered = {row["id"]: row for row in run.predictions}
    marked: list[Example] = [
        row
        for row in items(run, 10**9, options.seed).examples
        if row.get("rationale") and row["id"] in answered and len(row["text"]) <= LONGEST
    ]
    if not marked:
        raise LeftOut("no test text has words marked by annotators")
    rows = spread_over_labels(
        [answered[row["id"]] | {"rationale": row["rationale"]} for row in marked], SHOWN // 2
    )
    found = words(run, [row["text"] for row in rows])
    lines: list[Line] = []
    cells: list[dict[str, Any]] = []
    for row, one in zip(rows, found, strict=True):
        told = line_of(row, one)
        lines += [
            Line(f"annotators · gold {row['gold']}", underlined(row)),
            Line(f"model · {told.head}", told.pieces),
        ]
        cells += [
            {
                "id": row["id"],
                "word": word.text,
                "start": word.start,
                "end": word.end,
                "weight": word.weight,
                "marked": any(
                    start < word.end and word.start < end for start, end in row["rationale"]
                ),
            }
            for word in one
        ]
    caption = (
        "Above: words that annotators marked as the reason of their label; below: words that speak "
        f"for (orange) and against (blue) the model's answer. {len(rows)} of {len(marked)} marked "
        f"test texts. {where(run, len(run.predictions), 'texts')}"
    )
    return Material({"lines": lines}, cells, caption, as_html(lines))


def underlined(row: Mapping[str, Any]) -> list[Piece]:
    """Render a text with its marked spans underlined."""
    text, pieces, end = row["text"], [], 0
    for start, stop in sorted(map(tuple, row["rationale"])):
        start = max(start, end)
        if stop <= start:
            continue
        pieces += [Piece(text[end:start]), Piece(text[start:stop], 0.6, "marked", True)]
        end = stop
    return [piece for piece in [*pieces, Piece(text[end:])] if piece.text]


FAMILY = "hate speech"
KINDS = (
    Kind(
        "attributions", "Words behind the answers", load_attributions, draw, TASKS, needs_model=True
    ),
    Kind(
        "rationales",
        "Annotators' reasons and the model's",
        load_rationales,
        draw,
        TASKS,
        needs_model=True,
    ),
)
