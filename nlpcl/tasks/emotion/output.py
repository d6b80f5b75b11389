"""Display of recognised emotions: tables and CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nlpcl.text.writing import Layout


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Path, times, label, and one column per class with its probability; empty without speech."""
    plain = {name: row[name] for name in ("path", "start", "end", "label")}
    return plain | {
        f"p_{name}": None if value is None else round(value, 6)
        for name, value in row["probabilities"].items()
    }


def table(row: Mapping[str, Any]) -> dict[str, Any]:
    """Path, times, label, and the classes by decreasing probability."""
    known = {name: value for name, value in row["probabilities"].items() if value is not None}
    ordered = sorted(known.items(), key=lambda item: -item[1])
    return {
        "path": row["path"],
        "start (s)": f"{row['start']:.2f}",
        "end (s)": f"{row['end']:.2f}",
        "emotion": row["label"],
        "probabilities": "  ".join(f"{name} {value:.2f}" for name, value in ordered) or "none",
    }


LAYOUT = Layout(text=lambda row: row["label"], flat=flat, table=table, counter="")
"""For rows ``{"path", "start", "end", "label", "probabilities"}``; times in seconds."""
