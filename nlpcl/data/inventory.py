"""What is said of the data before a training: its classes, and what was not read as it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from nlpcl.core.characters import visible
from nlpcl.core.splits import Example, Problem, Splits, by_use

WIDTH = 80
"""Columns of a terminal that a line fills at most."""
FEWEST = 12
"""Columns of an example where names leave less."""
KINDS = 5
"""Kinds of problems that are listed."""


def inventory(splits: Splits) -> list[str]:
    """Lines for people: each class of the training rows, rows left out or doubtful, notes."""
    return [*class_lines(splits.train), *problem_lines(splits.problems), *splits.notes]


def class_lines(rows: Sequence[Example]) -> Iterator[str]:
    """A line a class: its name, rows, share of all and one example; none for rows without."""
    counts = Counter(str(row["label"]) for row in rows if "label" in row)
    if not counts:
        return
    from rich.cells import cell_len, set_cell_size

    total = counts.total()
    yield f"{len(counts)} class{'es' if len(counts) > 1 else ''} in {total} training rows:"
    first: dict[str, Example] = {}
    for row in rows:
        first.setdefault(str(row.get("label")), row)
    names = {name: visible(name) for name in counts}
    wide = min(max(map(cell_len, names.values())), WIDTH // 3)
    digits = len(str(total))
    for name, number in counts.most_common():
        start = f"  {set_cell_size(names[name], wide)}  {number:>{digits}}  "
        start += f"{100 * number / total:5.1f} %  "
        room = max(WIDTH - cell_len(start), FEWEST)
        text = visible(example_of(first[name]))
        yield start + (text if cell_len(text) <= room else set_cell_size(text, room - 1) + "…")


def example_of(row: Example) -> str:
    """What shows a row: its text, or the name of its sound file."""
    return PurePath(row["path"]).name if "path" in row else str(row.get("text", ""))


def problem_lines(problems: Sequence[Problem]) -> Iterator[str]:
    """A line for rows skipped and one for doubtful ones used, by kind, with the first of each."""
    for named, chosen in by_use(problems).items():
        if not chosen:
            continue
        kinds: dict[str, list[Problem]] = {}
        for problem in chosen:
            kinds.setdefault(problem.what.removesuffix("; row skipped"), []).append(problem)
        shown = [
            f"{what} ({len(found)}; first {place(found[0])})"
            for what, found in sorted(kinds.items(), key=lambda item: -len(item[1]))[:KINDS]
        ]
        more = f"; and {len(kinds) - KINDS} other reasons" if len(kinds) > KINDS else ""
        rows = "row" if len(chosen) == 1 else "rows"
        yield f"{len(chosen)} {rows} {named}: {'; '.join(shown)}{more}"


def place(problem: Problem) -> str:
    """File name and line."""
    name = PurePath(problem.file).name
    return f"{name}:{problem.line}" if problem.line else name
