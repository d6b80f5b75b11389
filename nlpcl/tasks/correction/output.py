"""Display of corrected texts: tables, CSV and plain text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from nlpcl.text.writing import Layout, styled


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Source, target, the edits as ``3:旱→早`` and their probabilities, space-separated."""
    edits = row["edits"]
    return {
        "source": row["source"],
        "target": row["target"],
        "edits": " ".join(f"{edit['position']}:{edit['wrong']}→{edit['right']}" for edit in edits),
        "probability": " ".join(f"{edit['probability']:.4f}" for edit in edits),
    }


def table(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same for a terminal, with changed characters coloured and underlined."""
    edits = row["edits"]
    return {
        "source": marked(row["source"], edits, "red underline"),
        "target": marked(row["target"], edits, "bold green underline"),
        "edits": " ".join(f"{edit['wrong']}→{edit['right']}" for edit in edits),
        "probability": " ".join(f"{edit['probability']:.2f}" for edit in edits),
    }


def marked(text: str, edits: list[dict[str, Any]], style: str) -> Any:
    """Return ``text`` as ``rich.text.Text`` with edited positions in ``style``."""
    return styled(text, [(edit["position"], edit["position"] + 1, style) for edit in edits])


LAYOUT = Layout(text=lambda row: row["target"], flat=flat, table=table)
"""For rows of ``nlpcl.tasks.correction.edits.correction_row``."""

SHOWN = 10
"""Unknown characters that are named."""


def remarks(unknown: Counter[str], mixed: int) -> list[str]:
    """Remarks on what was left as it is.

    Args:
        unknown: characters that the model does not know.
        mixed: sentences that mix the scripts.
    """
    found = []
    if unknown:
        shown = " ".join(character for character, _ in unknown.most_common(SHOWN))
        more = " …" if len(unknown) > SHOWN else ""
        what = "characters outside the model's vocabulary were left as they are"
        found.append(f"{unknown.total()} {what} ({shown}{more})")
    if mixed:
        many = "sentences mix" if mixed > 1 else "sentence mixes"
        were = "were left as they are" if mixed > 1 else "was left as it is"
        found.append(f"{mixed} {many} simplified and traditional characters and {were}")
    return found
