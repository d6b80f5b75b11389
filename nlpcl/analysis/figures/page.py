"""The HTML report: one self-contained file that needs no network."""

from __future__ import annotations

import base64
import csv
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nlpcl
from nlpcl.analysis.figures.html_parts import html_table, inline_svg, settings_table, table_of
from nlpcl.analysis.figures.making import Made, Missing
from nlpcl.analysis.figures.page_fonts import font_for
from nlpcl.analysis.figures.sources import AblationSource, Run, Source
from nlpcl.analysis.figures.style import look

CASES = "cases_"
"""Beginning of the names of long lists of single faults; the figures show the worst of them."""
LONGEST_DATA = 1_000_000
"""Characters of data that the report carries itself; longer data stand beside it alone."""
POLICY = "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'"


def page(
    sources: Sequence[Source],
    made: Sequence[Made],
    missing: Sequence[Missing],
    files: Mapping[str, Sequence[str]],
) -> str:
    """Render the report.

    Args:
        sources: runs and ablations.
        made: their figures.
        missing: figures left out.
        files: by stem, the names of the files beside the report.
    """
    title = ", ".join(source.name for source in sources)
    shared = [one for one in made if not one.source]
    sections = (
        [section("All runs" if len(sources) > 1 else "", shared, files)] if len(sources) > 1 else []
    )
    for source in sources:
        own = [one for one in made if one.source == source.name]
        if len(sources) == 1:
            own = list(made)
        sections.append(of_source(source, own, files))
    if missing:
        sections.append(left_out(missing))
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    contents = "".join(
        f'<li><a href="#{one.stem}">{html.escape(heading(one, len(sources)))}</a></li>'
        for one in made
    )
    body = f"<nav><ul>{contents}</ul></nav>\n" + "\n".join(sections)
    face, remark = font_for(html.escape(title) + body)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n<style>\n{face}{style}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{html.escape(title)}</h1>\n<p class='soft'>nlpcl {nlpcl.__version__}</p>\n"
        f"{statement(remark)}{body}\n</main>\n</body>\n</html>\n"
    )


def heading(one: Made, sources: int) -> str:
    """Title of a figure, with its run if there are several."""
    return f"{one.title} · {one.source}" if sources > 1 and one.source else one.title


def of_source(source: Source, made: Sequence[Made], files: Mapping[str, Sequence[str]]) -> str:
    """Render the section of a run or an ablation: data, figures, tables and settings."""
    parts = [f"<h2>{html.escape(source.name)}</h2>", summary(source)]
    parts += [figure(one, files) for one in made]
    tables = [table for table in source.report["tables"] if CASES not in table["name"]]
    if tables:
        parts.append("<h2>Tables</h2>")
        parts += [html_table(table_of(table)) for table in tables if table["rows"]]
    parts.append("<h2>Settings</h2>")
    if isinstance(source, Run):
        parts.append(settings_table(source.record["config"]))
        versions = source.record.get("versions", {})
        parts.append(f"<h3>Versions</h3>{settings_table(versions)}" if versions else "")
    else:
        variants = source.record.get("variants", {})
        told = {
            name: ", ".join(f"{key} = {value}" for key, value in own.items()) or "default settings"
            for name, own in variants.items()
        }
        parts.append(settings_table(told))
    return "\n".join(parts)


def summary(source: Source) -> str:
    """Render model, data, protocol and the statement on leakage."""
    record = source.record
    if isinstance(source, AblationSource):
        facts: dict[str, Any] = {
            "model": record.get("model"),
            "task": record.get("task"),
            "baseline": record.get("baseline"),
            "seeds": ", ".join(map(str, record.get("seeds", ()))),
            "state": record.get("state"),
        }
        notes = " ".join(record.get("notes", ()))
        return settings_table(facts) + (statement(notes) if notes else "")
    data = record.get("data", {})
    facts = {
        "model": record["model"],
        "data": data.get("name"),
        "rows": ", ".join(f"{name} {size}" for name, size in data.get("sizes", {}).items()),
        "fingerprint": data.get("fingerprint"),
        "parameters": f"{record['parameters']:,}" if "parameters" in record else None,
        "device": " ".join(str(record.get(key, "")) for key in ("device", "precision")).strip(),
        "started": record.get("started"),
        "seconds": record.get("seconds"),
        "state": source.state,
        "commit": record.get("commit"),
    }
    told = [*record.get("warnings", ()), f"Protocol: {source.protocol}." if source.protocol else ""]
    told += [note if note.endswith(".") else f"{note}." for note in data.get("notes", ())]
    if "leaks" in record:
        leaks = record["leaks"]
        told.append(f"{leaks.get('statement', '')} Manifest {leaks.get('manifest', '')}.")
    facts = {name: value for name, value in facts.items() if value not in (None, "")}
    return settings_table(facts) + statement(" ".join(filter(None, told)))


def statement(text: str) -> str:
    """Render a remark that stands out."""
    return f'<p class="statement">{html.escape(text)}</p>' if text else ""


def section(title: str, made: Sequence[Made], files: Mapping[str, Sequence[str]]) -> str:
    """Render figures under a heading."""
    if not made:
        return ""
    return "\n".join([f"<h2>{html.escape(title)}</h2>", *(figure(one, files) for one in made)])


def figure(one: Made, files: Mapping[str, Sequence[str]]) -> str:
    """Render a figure with its caption and data."""
    if one.material.html:
        body = (
            f'<div class="text">{one.material.html}</div>' if one.kind.draw else one.material.html
        )
    elif one.figure is not None:
        body = inline_svg(as_svg(one.figure, one.stem), one.title, one.stem)
    else:
        body = ""
    caption = f"{one.material.caption} {one.note if not one.material.html else ''}".strip()
    beside = ", ".join(
        f'<a href="{html.escape(name, quote=True)}">{name}</a>' for name in files.get(one.stem, ())
    )
    links = [f"beside this file: {beside}"] if beside else []
    text = as_csv(one.material.rows) if one.material.rows else ""
    if 0 < len(text) <= LONGEST_DATA:
        data = base64.b64encode(text.encode()).decode()
        links.insert(
            0, f'<a download="{one.stem}.csv" href="data:text/csv;base64,{data}">data (csv)</a>'
        )
    told = f' <span class="files">{" · ".join(links)}</span>' if links else ""
    return (
        f'<section id="{one.stem}"><h3>{html.escape(one.title)}</h3><figure>{body}'
        f"<figcaption>{html.escape(caption)}{told}</figcaption></figure></section>"
    )


def as_svg(picture: Any, stem: str) -> str:
    """Return a figure as SVG text."""
    stream = io.StringIO()
    with look():
        empty = {"Date": None, "Creator": None, "Format": None, "Type": None}
        picture.savefig(stream, format="svg", metadata=empty, dpi=150)
    return stream.getvalue()


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV text; columns are all keys in order of appearance."""
    stream = io.StringIO()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def left_out(missing: Sequence[Missing]) -> str:
    """List the figures that could not be drawn and why, without those of other models."""
    told = [one for one in missing if not one.reason.startswith("it is for")]
    if not told:
        return ""
    rows = "".join(
        f"<tr><td>{html.escape(one.name)}</td><td>{html.escape(one.source)}</td>"
        f"<td>{html.escape(one.reason)}</td></tr>"
        for one in told
    )
    head = "<thead><tr><th>figure</th><th>run</th><th>reason</th></tr></thead>"
    return f'<h2>Left out</h2><div class="wide"><table>{head}<tbody>{rows}</tbody></table></div>'
