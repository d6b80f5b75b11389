"""Building blocks of the HTML report: tables, settings, and SVG that follows the page's theme."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

from nlpcl.analysis.figures.style import GRID, INK, PAPER, WIDTH
from nlpcl.core.tables import Table

LONGEST_TABLE = 200
"""Rows of a table that are shown."""


def html_table(table: Table) -> str:
    """Render a table with title and note; numbers are right-aligned."""
    columns, texts = table.for_people()
    numeric = [table.is_numeric(column) if column in table.columns else False for column in columns]
    head = "".join(
        f'<th class="n">{html.escape(column)}</th>' if right else f"<th>{html.escape(column)}</th>"
        for column, right in zip(columns, numeric, strict=True)
    )
    body = "\n".join(
        "<tr>"
        + "".join(
            f'<td class="n">{html.escape(cell)}</td>' if right else f"<td>{html.escape(cell)}</td>"
            for cell, right in zip(row, numeric, strict=True)
        )
        + "</tr>"
        for row in texts[:LONGEST_TABLE]
    )
    # No caption element: it would be as narrow as the table.
    title = f'<p class="title">{html.escape(table.title)}</p>' if table.title else ""
    note = f'<p class="note">{html.escape(table.note)}</p>' if table.note else ""
    if len(texts) > LONGEST_TABLE:
        note += f'<p class="note">{LONGEST_TABLE} of {len(texts)} rows.</p>'
    grid = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'{title}<div class="wide">{grid}</div>{note}'


def table_of(record: Mapping[str, Any]) -> Table:
    """Render a table of ``report.json``."""
    return Table(
        record["name"],
        record["columns"],
        record["rows"],
        record.get("title", ""),
        record.get("note", ""),
    )


def settings_table(values: Mapping[str, Any]) -> str:
    """Render names and values in two columns."""
    cells = "".join(
        f"<dt>{html.escape(str(name))}</dt><dd>{html.escape(shown(value))}</dd>"
        for name, value in values.items()
    )
    return f'<dl class="settings">{cells}</dl>'


def shown(value: Any) -> str:
    """Format the value of a setting."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None or value == "" else str(value)


def inline_svg(picture: str, title: str, prefix: str) -> str:
    """Embed an SVG: ink and grid take the page's colours, and ids are made unique.

    Args:
        picture: as matplotlib writes it.
        title: read aloud in place of the picture.
        prefix: of its ids, unique on the page.
    """
    start = picture.index("<svg")
    picture = picture[start:].strip()
    picture = re.sub(r"<metadata>.*?</metadata>", "", picture, flags=re.DOTALL)
    picture = re.sub(r'\bid="', f'id="{prefix}-', picture)
    picture = re.sub(r'(xlink:href|href)="#', rf'\1="#{prefix}-', picture)
    picture = picture.replace("url(#", f"url(#{prefix}-")
    for own, variable in ((INK, "--ink"), (GRID, "--grid"), (PAPER, "--paper")):
        picture = picture.replace(own, f"var({variable})")
    label = html.escape(title, quote=True)
    size = re.search(r'viewBox="0 0 ([\d.]+)', picture)
    percent = min(100.0, 100 * float(size[1]) / (72 * WIDTH)) if size else 100.0
    picture = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", picture, count=1)
    picture = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", picture, count=1)
    drawn = f'<svg role="img" aria-label="{label}" style="width:{percent:.0f}%"'
    return picture.replace("<svg", drawn, 1)
