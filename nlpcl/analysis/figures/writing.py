"""Writing of figures, their data and the report, each file atomically."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nlpcl.analysis.figures.making import Made, Missing
from nlpcl.analysis.figures.page import as_csv, page
from nlpcl.analysis.figures.sources import Source
from nlpcl.analysis.figures.style import look
from nlpcl.core.files import atomic_file, explained, make_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 160
WHITE = "#ffffff"


def write(
    sources: Sequence[Source],
    made: Sequence[Made],
    missing: Sequence[Missing],
    out: Path,
    format: str,
) -> list[Path]:
    """Write figures and their data; returns the paths, the one to open first.

    Args:
        sources: runs and ablations.
        made: their figures.
        missing: figures left out, which the report tells of.
        out: a folder, or for HTML a file ending in ``.html``.
        format: ``html``, ``png``, ``svg`` or ``pdf``.

    Raises:
        UserError: a file cannot be written.
    """
    file = out if out.suffix == ".html" else out / "report.html"
    folder = file.parent if format == "html" else out
    pictures = "png" if format == "html" else format
    written: list[Path] = []
    files: dict[str, list[str]] = {}
    for one in made:
        if one.material.rows:
            written.append(folder / f"{one.stem}.csv")
            with atomic_file(written[-1], newline="") as stream:
                stream.write(as_csv(one.material.rows))
        if one.figure is not None:
            written.append(folder / f"{one.stem}.{pictures}")
            save(one.figure, written[-1], pictures)
        files[one.stem] = [path.name for path in written if path.stem == one.stem]
    if format == "html":
        with atomic_file(file) as stream:
            stream.write(page(sources, made, missing, files))
        written.insert(0, file)
    return written


def save(figure: Figure, path: Path, format: str) -> None:
    """Save a figure on a white background."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    settings = {"dpi": DPI, "facecolor": WHITE}
    # Times of writing would make equal pictures differ.
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(format)
    try:
        make_folder(path.parent)
        with explained(path), look():
            figure.savefig(part, format=format, metadata=metadata, **settings)
            os.replace(part, path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
