r"""Tables in LaTeX: whatever stands in a cell is set as it reads, and breaks nothing.

pdfLaTeX sets the Latin script; where a table holds other characters, a remark above it says so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from nlpcl.core.characters import visible

SPECIAL = {mark: "\\" + mark for mark in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "−": r"$-$",
    "→": r"$\rightarrow$",
    "←": r"$\leftarrow$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "≈": r"$\approx$",
    "Δ": r"$\Delta$",
    "κ": r"$\kappa$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
}
"""Characters with a meaning in LaTeX, or that its usual fonts lack, and how they are written."""
# Latin with its accents, and the punctuation that every TeX of today knows.
_PLAIN = re.compile("[ -~\u00a0-\u017f\u2013\u2014\u2018-\u201e\u2020-\u2022\u2026\u20ac]")
_LIGATURE = re.compile(r"([-,'])(?=\1)")
"""Marks of which two in a row would be set as another one: a dash, or a quotation mark."""
_ARGUMENT = re.compile(r"^\s*[\[*]")
"""Behind the end of a row these would begin an argument of it."""
_SYMBOL = re.compile("[\u2400-\u2421]")


def escaped(text: str) -> str:
    """A text as LaTeX writes it, on one line."""
    written = "".join(_written(character) for character in visible(text))
    parted = _LIGATURE.sub(r"\1{}", written)
    return f"{{}}{parted}" if _ARGUMENT.match(parted) else parted


def _written(character: str) -> str:
    if character in SPECIAL:
        return SPECIAL[character]
    if _SYMBOL.fullmatch(character):  # of a control character
        code = 0x7F if character == "\u2421" else ord(character) - 0x2400
        return f"[U+{code:04X}]"
    return character


def latex(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    is_number: Sequence[bool],
    title: str = "",
    note: str = "",
) -> str:
    """A ``table`` for the package booktabs.

    Args:
        columns: headings.
        rows: cells.
        is_number: whether a column is right-aligned.
        title: above it.
        note: below it; each of its lines is one here.
    """
    form = "".join("r" if right else "l" for right in is_number)
    body = [" & ".join(map(escaped, cells)) + r" \\" for cells in (columns, *rows)]
    below = r"\par ".join(map(escaped, note.split("\n")))
    remark = [r"% \usepackage{booktabs}"]
    others = {
        character
        for text in (title, *note.split("\n"), *columns, *(cell for row in rows for cell in row))
        for character in text
        if character not in SPECIAL and not _PLAIN.fullmatch(visible(character))
    }
    if any(not _SYMBOL.fullmatch(visible(character)) for character in others):
        remark.append(
            r"% \usepackage{ctex}, with XeLaTeX or LuaLaTeX: it is not in Latin script alone"
        )
    return "\n".join(
        [
            *remark,
            r"\begin{table}",
            r"\centering",
            *([rf"\caption{{{escaped(title)}}}"] if title else []),
            rf"\begin{{tabular}}{{{form}}}",
            r"\toprule",
            body[0],
            r"\midrule",
            *body[1:],
            r"\bottomrule",
            r"\end{tabular}",
            *([rf"\par\smallskip{{\footnotesize {below}\par}}"] if note else []),
            r"\end{table}",
            "",
        ]
    )
