"""Draw the rooms of the package and how often each imports from those below it.

    python tools/draw_rooms.py

Late imports and those for the type checker count. The order of the rooms is that of the contract
in ``pyproject.toml``, which ``lint-imports`` checks.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path

TOP = Path(__file__).parents[1]
PICTURE = TOP / "examples" / "rooms.svg"

ROOMS = {
    "cli": "verbs and flags of the command line",
    "analysis": "what is asked of a finished model; figures",
    "runs": "run folder, folds, export, ablation",
    "zoo": "models, one folder each",
    "tasks": "tasks, one folder each",
    "training": "trainer and inference",
    "data": "corpora, one file each",
    "audio": "speech and its encoders",
    "text": "text and its encoders",
    "nn": "layers, losses, base of models",
    "metrics": "scores and intervals",
    "core": "errors, settings, files, tables",
}
"""What is in each room, in a few words."""

STEP, HEIGHT, BOX, MARGIN = 58, 38, 76, 16
"""Pixels from room to room, sideways and down; width of a room; empty border."""
CAPTIONS = 200
"""Pixels to the right of the last room, for what is in it."""


def order() -> list[str]:
    """The rooms as the contract lists them, from the top."""
    settings = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    return settings["tool"]["importlinter"]["contracts"][0]["layers"]


def imports(package: str = "nlpcl") -> Counter[tuple[str, str]]:
    """Pairs of an importing and an imported room, with the number of imports between modules.

    Modules at the top of the package are no room and are left out.
    """
    import grimp

    graph = grimp.build_graph(package, cache_dir=None)
    found: Counter[tuple[str, str]] = Counter()
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            pair = module.split(".")[1:2] + other.split(".")[1:2]
            if len(pair) == 2 and pair[0] != pair[1] and set(pair) <= ROOMS.keys():
                found[pair[0], pair[1]] += 1
    return found


def picture(rooms: list[str], numbers: Counter[tuple[str, str]]) -> str:
    """The staircase of rooms as SVG: a number stands below who imports and beside what it imports.

    Raises:
        ValueError: a room imports from one above it.
    """
    for importer, imported in numbers:
        if rooms.index(importer) > rooms.index(imported):
            raise ValueError(f"{importer} imports from {imported}, which lies above it")
    width = 2 * MARGIN + STEP * (len(rooms) - 1) + BOX + CAPTIONS
    height = 2 * MARGIN + HEIGHT * len(rooms)
    lines: list[str] = []
    dots: list[str] = []
    steps: list[str] = []
    for at, room in enumerate(rooms):
        left, middle = MARGIN + at * STEP, row_middle(at)
        below = [row for row in range(at + 1, len(rooms)) if numbers[room, rooms[row]]]
        if below:
            lines.append(line(centre(at), middle, centre(at), row_middle(below[-1])))
        above = [column for column in range(at) if numbers[rooms[column], room]]
        if above:
            lines.append(line(centre(above[0]), middle, left, middle))
        dots += [dot(centre(at), row_middle(row), numbers[room, rooms[row]]) for row in below]
        steps.append(
            f'<rect class="room" x="{left}" y="{middle - 13}" width="{BOX}" height="26" rx="5"/>'
            f'<text class="name" x="{centre(at)}" y="{middle + 4}">{room}</text>'
            f'<text class="what" x="{left + BOX + 8}" y="{middle + 4}">{ROOMS[room]}</text>'
        )
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="sans-serif">',
            "<title>The rooms of nlpcl and the imports between them</title>",
            "<style>",
            ".room { fill: #2f7fd6 }",
            ".name { fill: #ffffff; font-size: 13px; font-weight: bold; text-anchor: middle }",
            ".what { fill: #4a4f55; font-size: 12px }",
            ".way { stroke: #c9cacb; stroke-width: 1.5 }",
            ".dot { fill: #dbe9f9 }",
            ".number { fill: #1b2733; font-size: 11px; text-anchor: middle }",
            "</style>",
            f'<rect width="{width}" height="{height}" rx="8" fill="#fefdfc"/>',
            *lines,
            *dots,
            *steps,
            "</svg>\n",
        ]
    )


def centre(column: int) -> int:
    """Where the imports of a room stand, from the left."""
    return MARGIN + column * STEP + BOX // 2


def row_middle(row: int) -> int:
    """Where the imports from a room stand, from the top."""
    return MARGIN + row * HEIGHT + HEIGHT // 2


def line(left: int, top: int, right: int, bottom: int) -> str:
    """A faint line down from the room that imports, or across to the one that is imported."""
    return f'<path class="way" d="M{left} {top}L{right} {bottom}"/>'


def dot(x: int, y: int, number: int) -> str:
    """A number of imports; the area grows with it."""
    radius = 7 + number**0.5
    return (
        f'<circle class="dot" cx="{x}" cy="{y}" r="{radius:.1f}"/>'
        f'<text class="number" x="{x}" y="{y + 4}">{number}</text>'
    )


def main() -> None:
    """Write the picture."""
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(picture(order(), imports()), encoding="utf-8")


if __name__ == "__main__":
    main()
