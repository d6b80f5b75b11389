"""How spelling runs place the states of confused characters.

    python benchmarks/confused_characters.py RUN,RUN,RUN [RUN,...] [--test sighan15] [--rows 400]

Of the first sentences with errors of a test set, read as written and as they should be. Runs that
are joined by commas, of several seeds, make one row: their mean, with the standard deviation over
them. The first row is the encoder of the first run before training. The measures are those of
``nlpcl visualize RUN --only characters``: alignment (mean squared distance of a wrong character and
the right one in its place; less is closer), uniformity (of right characters; less is more spread).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev

from rich.console import Console

from nlpcl.analysis.figures.spelling_states import Pair, State, measures, read_pairs
from nlpcl.core.splits import Example
from nlpcl.core.tables import Cell, Table
from nlpcl.runs.run import Run

MEASURES = ("cosine", "alignment", "uniformity", "silhouette")


def examples_of(run: Path, test: str, rows: int) -> list[Example]:
    """The first sentences of a test set with an error, as the run's predictions have them."""
    with (run / "predictions.jsonl").open(encoding="utf-8") as file:
        every = [row for row in map(json.loads, file) if row["test"] == test]
    found = [
        {"source": row["source"], "target": row["gold"]}
        for row in every
        if len(row["source"]) == len(row["gold"]) and row["source"] != row["gold"]
    ]
    return found[:rows]


def measured(pairs: Sequence[Pair]) -> dict[str, float]:
    """Measures of the states of all characters."""
    states = [
        State(*cells)
        for pair in pairs
        for cells in zip(pair.written, pair.right, pair.states, pair.right_states, strict=True)
    ]
    return measures(states)


def row_of(name: str, found: Sequence[Mapping[str, float]]) -> list[Cell]:
    """A row of the table."""
    cells: list[Cell] = [name, len(found)]
    for measure in MEASURES:
        values = [one[measure] for one in found]
        told = f" ± {stdev(values):.3f}" if len(values) > 1 else ""
        cells.append(f"{mean(values):.3f}{told}")
    return cells


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("runs", nargs="+", help="runs joined by commas")
    parser.add_argument("--test", default="sighan15", help="name of a test set of the runs")
    parser.add_argument("--rows", type=int, default=400, help="sentences")
    arguments = parser.parse_args()
    groups = [[Path(folder) for folder in group.split(",")] for group in arguments.runs]
    examples = examples_of(groups[0][0], arguments.test, arguments.rows)
    rows: list[list[Cell]] = []
    for group in groups:
        after: list[dict[str, float]] = []
        for folder in group:
            pairs = read_pairs(Run(folder, device="cpu", precision="fp32"), examples)
            if not rows:
                rows.append(row_of("before training", [measured(pairs["before"])]))
            after.append(measured(pairs["after"]))
        rows.append(row_of(group[0].parent.name, after))
    columns = ["runs", "number", *MEASURES]
    title = f"Confused characters of {len(examples)} sentences of {arguments.test}"
    Console(width=110).print(Table("states", columns, rows, title=title).as_rich())


if __name__ == "__main__":
    main()
