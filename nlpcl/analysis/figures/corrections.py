"""Examples of corrections, with the model's probability of each written character."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nlpcl.analysis.figures.items import items
from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.sources import where
from nlpcl.analysis.figures.text import Line, Piece, as_html, draw
from nlpcl.runs.run import Run

EACH = 4
"""Sentences shown of each outcome."""
OUTCOMES: tuple[str, ...] = ("corrected", "missed", "wrongly corrected", "over-corrected")
LONGEST = 60


def load(run: Run, options: Options) -> Material:
    """Load some sentences of each outcome."""
    by_source = {(row["source"], row["target"]): row for row in items(run, 10**9, 0).examples}
    chosen: dict[str, list[dict[str, Any]]] = {name: [] for name in OUTCOMES}
    counts: dict[str, int] = dict.fromkeys(OUTCOMES, 0)
    for row in run.predictions:
        name = outcome(row)
        if name is None or (row["source"], row["gold"]) not in by_source:
            continue
        counts[name] += 1
        if len(chosen[name]) < EACH and len(row["source"]) <= LONGEST:
            chosen[name].append(row)
    listed = [(name, row) for name, rows in chosen.items() for row in rows]
    if not listed:
        raise LeftOut("no test sentence has or gets a changed character")
    found = probabilities(run, [row["source"] for _, row in listed])
    lines: list[Line] = []
    rows: list[dict[str, Any]] = []
    for (name, row), cells in zip(listed, found, strict=True):
        lines.append(line_of(name, row, cells))
        rows += [
            {
                "outcome": name,
                "id": row.get("id"),
                "position": place,
                "written": cell["written"],
                "right": row["gold"][place],
                "p(written)": cell["p"],
                "best": cell["best"],
                "p(best)": cell["p best"],
            }
            for place, cell in sorted(cells.items())
        ]
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    caption = (
        "The stronger the colour, the less probable the written character is to the model; "
        "underlined: wrong characters. Behind the arrow: what the model would write, with its "
        f"probability. Sentences of each outcome: {told}; at most {EACH} of each are shown. "
    )
    return Material(
        {"lines": lines},
        rows,
        caption + where(run, len(run.predictions), "sentences"),
        as_html(lines),
    )


def outcome(row: Mapping[str, Any]) -> str | None:
    """Classify what happened to a sentence; None if it was correct and left unchanged."""
    source, gold, target = row["source"], row["gold"], row["target"]
    if not len(source) == len(gold) == len(target) or source == gold == target:
        return None
    places = list(zip(source, gold, target, strict=True))
    if any(old == right != new for old, right, new in places):
        return "over-corrected"
    if any(old != right and new not in (old, right) for old, right, new in places):
        return "wrongly corrected"
    return "corrected" if target == gold else "missed"


def probabilities(run: Run, texts: Sequence[str]) -> list[dict[int, dict[str, Any]]]:
    """Map positions to the written character, its probability and the best replacement."""
    import torch

    from nlpcl.tasks.correction.task import Correction

    task, model = run.task, run.model
    assert isinstance(task, Correction)  # as the figure's tasks say
    device = next(model.parameters()).device
    characters = task.ids.characters
    found: list[dict[int, dict[str, Any]]] = []
    for text in texts:
        cells: dict[int, dict[str, Any]] = {}
        for feature in task.encode_text(text, 0):
            batch = {key: value.to(device) for key, value in task.collate([feature]).items()}
            with torch.inference_mode():
                probabilities = model(**batch).logits[0].float().softmax(-1)[1:-1].cpu()
            best = probabilities.max(-1)
            for at, place in enumerate(feature["positions"]):
                own = int(feature["input_ids"][at + 1])
                cells[place] = {
                    "written": text[place],
                    "p": float(probabilities[at, own]),
                    "best": characters.get(int(best.indices[at]), ""),
                    "p best": float(best.values[at]),
                }
        found.append(cells)
    return found


def line_of(name: str, row: Mapping[str, Any], cells: Mapping[int, Mapping[str, Any]]) -> Line:
    """Render a sentence with its changes."""
    pieces = []
    for place, character in enumerate(row["source"]):
        cell = cells.get(place)
        wrong = character != row["gold"][place]
        if cell is None:
            pieces.append(Piece(character, is_marked=wrong))
            continue
        note = f"p({character}) = {cell['p']:.3f}; best {cell['best']} {cell['p best']:.3f}"
        pieces.append(Piece(character, 1 - cell["p"], note, wrong))
    for edit in row["edits"]:
        change = f" {edit['wrong']}→{edit['right']} {edit['probability']:.2f}"
        pieces.append(Piece("  " + change))
    gold = [
        f"{old}→{right}"
        for old, right in zip(row["source"], row["gold"], strict=True)
        if old != right
    ]
    right = f"right: {' '.join(gold)}" if gold else "right as written"
    return Line(f"{name} · {row.get('id') or ''} · {right}", pieces)


FAMILY = "spelling"
KINDS = (Kind("corrections", "Corrections", load, draw, ("correction",), needs_model=True),)
