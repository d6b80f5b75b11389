"""Tags of tokens: recognised schemes, spans of legal and illegal sequences, mixtures refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.data.tag_schemes import (
    MixedSchemes,
    illegal,
    is_several,
    is_tag,
    scheme_of,
    spans,
    tag,
)

LETTERS = {  # of an entity of one token, the first, those between, the last
    "BIO": ("B", "B", "I", "I"),
    "BIOES": ("S", "B", "I", "E"),
    "BMES": ("S", "B", "M", "E"),
    "BILOU": ("U", "B", "I", "L"),
}


def tags(text, line=1):
    return [tag(one, line + at) for at, one in enumerate(text.split())]


def written(length, entities, scheme):
    """The tags of sorted flat entities, by hand and not by the package."""
    cells = ["O"] * length
    previous = None
    for start, end, kind in entities:
        if scheme == "IOB1":
            touches = previous is not None and previous[1:] == (start, kind)
            letters = ["B" if touches else "I"] + ["I"] * (end - start - 1)
        else:
            single, first, middle, last = LETTERS[scheme]
            between = [middle] * (end - start - 2)
            letters = [single] if end - start == 1 else [first, *between, last]
        cells[start:end] = [f"{letter}-{kind}" for letter in letters]
        previous = (start, end, kind)
    return cells


@st.composite
def flat_entities(draw):
    """A number of tokens and entities that do not overlap."""
    length = draw(st.integers(1, 12))
    at, found = 0, []
    while at < length:
        size = draw(st.integers(0, 4))
        if size and at + size <= length:
            found.append((at, at + size, draw(st.sampled_from(["PER", "LOC", "a-b.c"]))))
        at += max(size, 1)
    return length, found


@pytest.mark.parametrize("scheme", [*LETTERS, "IOB1"])
@settings(max_examples=40)
@given(flat_entities())
def test_spans_of_what_was_written(scheme, sentence):
    length, entities = sentence
    read = [tag(cell, 1) for cell in written(length, entities, scheme)]
    assert spans(read) == entities
    assert illegal(read, scheme) == []


@given(st.lists(st.sampled_from([*(f"{a}-{b}" for a in "BIES" for b in "XY"), "O"]), max_size=9))
def test_illegal_sequences_are_read_as_seqeval_reads_them(cells):
    labelling = pytest.importorskip("seqeval.metrics.sequence_labeling", exc_type=ImportError)
    wanted = [(start, end + 1, kind) for kind, start, end in labelling.get_entities(cells)]
    assert spans([tag(cell, 1) for cell in cells]) == wanted


@pytest.mark.parametrize(
    ("cells", "scheme"),
    [
        ("O O", "O"),
        ("B-X I-X O B-X", "BIO"),
        ("I-X I-X O I-Y", "IOB1"),
        ("I-X B-X I-X", "IOB1"),
        ("I-X O B-X", "BIO"),  # illegal rather than IOB1: that has B between neighbours only
        ("I-X O B-Y I-X", "BIO"),
        ("I-X B-Y", "BIO"),
        ("B-X", "BIO"),
        ("S-X O B-X I-X E-X", "BIOES"),
        ("B-X E-X", "BIOES"),
        ("B-X M-X E-X", "BMES"),
        ("U-X", "BILOU"),
        ("B-X L-X", "BILOU"),
    ],
)
def test_recognised_schemes(cells, scheme):
    assert scheme_of([tags(cells)]) == scheme


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ("O B-X I-X O B-X M-X E-X", "I-X at line 3, M-X at line 6"),
        ("S-X O B-X L-X", "L-X at line 4, S-X at line 1"),
        ("U-X O B-X I-X E-X", "E-X at line 5, U-X at line 1"),
    ],
)
def test_letters_of_two_schemes_are_refused_with_their_lines(cells, words):
    with pytest.raises(MixedSchemes, match=words):
        scheme_of([tags(cells)])


def test_bio_among_bioes_is_refused_and_a_stray_is_not():
    clean, without_end = tags("B-X E-X", 10), tags("B-X I-X O", 90)
    assert scheme_of([clean] * 40 + [without_end]) == "BIOES"
    with pytest.raises(MixedSchemes, match=r"E-X at line 11 .* I-X at line 91 has no end.*\(9 sen"):
        scheme_of([clean] * 40 + [without_end] * 9)


@pytest.mark.parametrize(
    ("cells", "scheme", "wrong"),
    [
        ("O I-X I-X", "BIO", [(2, "I-X without a beginning")]),
        ("B-X I-Y", "BIO", [(2, "I-Y without a beginning")]),
        ("O I-X B-X", "IOB1", []),
        ("B-X I-X O", "BIOES", [(2, "I-X without an end")]),
        ("B-X", "BMES", [(1, "B-X without an end")]),
        ("O E-X", "BMES", [(2, "E-X without a beginning")]),
        ("B-X M-Y E-Y", "BMES", [(1, "B-X without an end"), (2, "M-Y without a beginning")]),
        ("U-X L-X", "BILOU", [(2, "L-X without a beginning")]),
    ],
)
def test_illegal_tags_by_line(cells, scheme, wrong):
    assert [(one.line, what) for one, what in illegal(tags(cells), scheme)] == wrong


def test_what_looks_like_a_tag():
    assert all(map(is_tag, ("O", "B-PER", "I_LOC", "M-a-b", "B-X,I-Y")))
    assert not any(map(is_tag, ("", "B-", "PER", "o", "X-PER", "B", "-", "B-a b")))
    assert is_several("B-X,I-Y")
    assert is_several("O,B-X")
    assert not is_several("B-X,Y")  # a comma in the name of a type
