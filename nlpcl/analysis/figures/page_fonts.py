"""A subset of a Chinese font embedded in the report, for machines that have none."""

from __future__ import annotations

import base64
import html
import io
import logging
import re
from collections.abc import Iterable

from nlpcl.analysis.figures.fonts import chinese_file, undrawable
from nlpcl.text.characters import is_han

FAMILY = "nlpcl-han"
"""Its name in ``page.css``."""
INSTALL = (
    "This page holds Chinese text and no font for it, since none was found where it was made. "
    "Where boxes stand for characters, install one, such as the package fonts-noto-cjk of Debian "
    "and Ubuntu; made again there, the page carries its own."
)


def visible(page: str) -> str:
    """The text of a page without tags and attributes."""
    return html.unescape(re.sub(r"<style>.*?</style>|<[^>]*>", "", page, flags=re.DOTALL))


def font_for(page: str) -> tuple[str, str]:
    """Return a font rule for the Chinese text of a page, or a remark if no font is found.

    Args:
        page: the whole report.

    Returns:
        A ``@font-face`` rule with just the characters of the page, and a remark where no font can
        be found; both are empty where the page needs none.
    """
    missing = set(undrawable(visible(page)))
    if not any(map(is_han, missing)):
        return "", ""  # emoji and the like are every machine's own
    file = chinese_file()
    try:
        data = base64.b64encode(subset(file, missing)).decode() if file else ""
    except Exception:  # a damaged font fails in any way, and must not cost the report
        data = ""
    if not data:
        return "", INSTALL
    source = f"url(data:font/woff;base64,{data}) format('woff')"
    return f"@font-face {{ font-family: {FAMILY}; src: {source}; }}\n", ""


def subset(file: str, characters: Iterable[str]) -> bytes:
    """Return a font file reduced to the given characters, as WOFF.

    Args:
        file: a TrueType or OpenType font or collection; of a collection the face for simplified
            Chinese is taken where there is one.
        characters: those wanted; the ones it lacks are left out.
    """
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    # Tables it does not know are dropped, which is no news to the user.
    logging.getLogger("fontTools.subset").setLevel(logging.ERROR)
    font = TTFont(file, fontNumber=simplified_face(file), lazy=True)
    options = Options(hinting=False, layout_features=[], name_IDs=[], notdef_outline=True)
    tool = Subsetter(options)
    tool.populate(unicodes=[ord(character) for character in characters])
    tool.subset(font)
    font.flavor = "woff"
    stream = io.BytesIO()
    font.save(stream)
    return stream.getvalue()


def simplified_face(file: str) -> int:
    """Index of the face whose name ends in SC; 0 if there is none, or only one face."""
    from fontTools.ttLib import TTCollection, TTLibError

    try:
        with TTCollection(file, lazy=True) as faces:
            names = [face["name"].getDebugName(1) or "" for face in faces]
    except TTLibError:
        return 0
    return next((number for number, name in enumerate(names) if name.endswith(" SC")), 0)
