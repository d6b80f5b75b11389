"""Display of recognised emotions: tables and CSV."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nlpcl.text.writing import Layout


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Path, times, label, and one column per class with its probability."""
    plain = {name: row[name] for name in ("path", "start", "end", "label")}
    return plain | {f"p_{name}": round(value, 6) for name, value in row["probabilities"].items()}


def table(row: Mapping[str, Any]) -> dict[str, Any]:
    """Path, times, label, and the classes by decreasing probability."""
    ordered = sorted(row["probabilities"].items(), key=lambda item: -item[1])
    return {
        "path": row["path"],
        "start (s)": f"{row['start']:.2f}",
        "end (s)": f"{row['end']:.2f}",
        "emotion": row["label"],
        "probabilities": "  ".join(f"{name} {value:.2f}" for name, value in ordered),
    }


LAYOUT = Layout(text=lambda row: row["label"], flat=flat, table=table, counter="")
"""For rows ``{"path", "start", "end", "label", "probabilities"}``; times in seconds."""
