"""Fonts for characters that matplotlib's default font lacks, above all Chinese."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLAIN = "DejaVu Sans"
"""Comes with matplotlib."""
KNOWN = re.compile(
    r"noto.*(cjk|sc\b|sc-|hans)|sourcehan|wqy|wenquan|simhei|simsun|msyh|pingfang|heiti|songti"
    r"|droidsansfallback|uming|ukai|lxgw|arialuni|stheiti",
    re.IGNORECASE,
)
"""File names of fonts that hold Chinese, which are looked at first."""
SAMPLE = "的国早语"
INSTALL = (
    "no font on this machine has Chinese characters; install one, such as the package "
    "fonts-noto-cjk of Debian and Ubuntu, and draw again"
)


@cache
def plain_characters() -> frozenset[int]:
    """Code points of the default font."""
    from matplotlib import font_manager

    return frozenset(characters(font_manager.findfont(PLAIN)))


def characters(path: str) -> list[int]:
    """Code points of a font file; empty if it cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return list(FT2Font(path).get_charmap())
    except (OSError, RuntimeError, ValueError):
        return []


@cache
def chinese_file() -> str | None:
    """Path of an installed Chinese font that matplotlib can use; None without one.

    The files are looked for anew: matplotlib's own list does not know fonts installed since it
    was made.
    """
    from matplotlib import font_manager

    files = font_manager.findSystemFonts()
    # The regular weight of a family comes before the others.
    order = sorted(
        files,
        key=lambda file: (
            not KNOWN.search(Path(file).name),
            "regular" not in Path(file).name.lower(),
            "serif" in Path(file).name.lower(),
            file,
        ),
    )
    for file in order:
        found = set(characters(file))
        if all(ord(character) in found for character in SAMPLE):
            try:
                font_manager.fontManager.addfont(file)
            except (OSError, RuntimeError, ValueError):
                continue
            return file
    return None


def chinese_font() -> str | None:
    """Family name of the font found by :func:`chinese_file`."""
    from matplotlib import font_manager

    file = chinese_file()
    return None if file is None else font_manager.FontProperties(fname=file).get_name()


def undrawable(text: str) -> list[str]:
    """Visible characters of a text that the default font lacks."""
    known = plain_characters()
    return [c for c in text if ord(c) not in known and not c.isspace()]


def dress(figure: Figure) -> bool:
    """Give the texts of a figure a font that has their characters.

    Where there is none, Chinese is left out: one or two characters become code points, longer
    texts lose them.

    Returns:
        Whether every character can be drawn.
    """
    from matplotlib.text import Text

    whole = True
    for artist in figure.findobj(Text):
        assert isinstance(artist, Text)
        missing = undrawable(artist.get_text())
        if not missing:
            continue
        family = chinese_font()
        if family is not None:
            artist.set_fontfamily([PLAIN, family])
            continue
        whole = False
        artist.set_text(without(artist.get_text(), missing))
    if not whole:
        rename_ticks(figure)
    return whole


def rename_ticks(figure: Figure) -> None:
    """Remove characters that cannot be drawn from tick labels, which axes rewrite when drawn.

    Code points would not fit beside one another there.
    """
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            places = axis.get_majorticklocs().tolist()
            names = axis.get_major_formatter().format_ticks(places)
            kept = ["".join(c for c in name if c not in undrawable(name)) for name in names]
            if kept != list(names):
                axis.set_ticks(places, kept)


def without(text: str, missing: list[str]) -> str:
    """Return a text without the characters that cannot be drawn."""
    short = len(missing) <= 2
    return "".join((f"U+{ord(c):04X}" if short else "") if c in missing else c for c in text)
