"""HTML entities: told, decoded where asked for, spans moved with their words."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlpcl.data import loading
from nlpcl.data.html_entities import entities, unescape, unescaped
from nlpcl.data.labelled_text import LABELLED
from nlpcl.data.pairs import PAIRS

PIECES = st.sampled_from(["&amp;", "&#8220;", "&#x4e2d;", "&lt;", "word", " ", "&", "中", "&nope;"])


@given(st.lists(PIECES, max_size=8))
def test_places_follow_their_words(pieces):
    text = "".join(pieces)
    decoded, _ = unescaped(text, [])
    assert decoded == "".join(html.unescape(p) if p.endswith(";") else p for p in pieces)
    start = 0
    for piece in pieces:
        end = start + len(piece)
        (span,) = unescaped(text, [(start, end)])[1]
        wanted = html.unescape(piece) if piece.endswith(";") else piece
        assert decoded[slice(*span)] == wanted
        start = end


@pytest.mark.parametrize("text", ["a & b", "x?a=1&copy=2", "&nope;", "&;", "AT&T"])
def test_what_is_no_entity_stays(text):
    assert unescape(text) == text
    assert not entities(text)


def test_rows_are_counted_and_decoded_when_asked_for(tmp_path):
    path = tmp_path / "a.csv"
    lines = [f'say &#8220;hi{n}&#8221;,{"ab"[n % 2]},"[[11, 14]]"' for n in range(10)]
    path.write_text("text,label,rationale\nplain,a,\n" + "\n".join(lines) + "\n")
    (told,) = loading.load_as_is(str(path), LABELLED)[0].notes
    assert "in 10 of 11 rows as they are (--unescape-html decodes them)" in told
    splits, _ = loading.load_as_is(str(path), LABELLED, unescape_html=True)
    assert "in 10 of 11 rows decoded" in splits.notes[0]
    row = splits.train[1]
    assert row["text"] == "say “hi0”"
    assert [row["text"][slice(*span)] for span in row["rationale"]] == ["hi0"]


def test_both_sides_of_a_pair_are_decoded(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text("source\ttarget\n旱&amp;饭\t早&amp;饭\n", encoding="utf-8")
    splits, _ = loading.load_as_is(str(path), PAIRS, unescape_html=True)
    assert (splits.train[0]["source"], splits.train[0]["target"]) == ("旱&饭", "早&饭")
