"""Pictures of coloured texts: what lies where."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_hex

from nlpcl.analysis.figures.style import COLOURS
from nlpcl.analysis.figures.text import Line, Piece, draw, piece_as_html, placed

FOR, AGAINST = COLOURS[1], COLOURS[0]


def test_weights_are_boxes_behind_their_words():
    lines = [
        Line("first", [Piece("ab", 0.5), Piece(" "), Piece("好", -1.0, is_marked=True)]),
        Line("second", [Piece("c", 4.0)]),
    ]
    (axes,) = draw(lines).axes
    boxes = [
        (box.get_x(), box.get_y(), box.get_width(), to_hex(box.get_facecolor()), box.get_alpha())
        for box in axes.patches
    ]
    # Rows: heading, words, a blank one, heading, words. A Chinese character has two columns.
    assert boxes == [
        (0, 1.04, 2, FOR, 0.375),
        (3, 1.04, 2, AGAINST, 0.75),
        (0, 4.04, 1, FOR, 0.75),
    ]
    assert [(text.get_text(), *text.get_position()) for text in axes.texts] == [
        ("first", 0, 0.5),
        ("ab", 1, 1.5),
        (" ", 2.5, 1.5),
        ("好", 4, 1.5),
        ("second", 0, 3.5),
        ("c", 0.5, 4.5),
    ]
    (underline,) = axes.lines
    assert underline.get_xydata().tolist() == [[3, pytest.approx(1.97)], [5, pytest.approx(1.97)]]
    assert axes.get_ylim() == (5, -0.3)


def test_no_row_begins_with_a_blank():
    pieces = [Piece("a" * 83), Piece("b"), Piece(" "), Piece("c")]
    cells = [(row, column, piece.text) for row, column, _, piece in placed([Line("", pieces)])]
    assert cells[1:] == [(1, 0, "a" * 83), (1, 83, "b"), (2, 0, "c")]


def test_pieces_of_the_page_say_what_the_picture_shows():
    assert piece_as_html(Piece("plain")) == "plain"
    assert piece_as_html(Piece("a", 1.0, "note")) == (
        '<span style="background:rgba(224,118,26,0.75)" title="note">a</span>'
    )
    assert "rgba(47,127,214,0.30)" in piece_as_html(Piece("a", -0.4))
    assert "underline" in piece_as_html(Piece("a", is_marked=True))
    assert "background" not in piece_as_html(Piece("a", is_marked=True))
