"""How entities are written: brackets, CoNLL, brat, tables."""

from nlpcl.data.loading import load_as_is
from nlpcl.data.spans import SPANS, spans_of
from nlpcl.tasks.entities.decoding import Entity
from nlpcl.tasks.entities.output import LAYOUT, brat, conll, marked, result_row
from nlpcl.text.records import Record


def row(text: str, *entities: tuple[int, int, str]) -> dict:
    return result_row(text, [Entity(*one, 2.0, 0.875) for one in entities], 1)


NESTED = row("张伟去了北京大学。", (0, 2, "PER"), (4, 8, "ORG"), (4, 6, "LOC"))
LATIN = row("Ann's visit to New York, NY", (0, 3, "PER"), (15, 23, "LOC"), (25, 27, "LOC"))


def test_brackets_show_nested_entities():
    assert LAYOUT.text(NESTED) == "[张伟 PER]去了[[北京 LOC]大学 ORG]。"
    assert LAYOUT.text(row("ab", (0, 1, "X"), (1, 2, "Y"))) == "[a X][b Y]"
    assert LAYOUT.text(row("ab", (0, 2, "X"), (0, 2, "Y"))) == "[[ab X] Y]"
    assert LAYOUT.text(row("")) == "" and LAYOUT.text(row("无")) == "无"


def test_conll_has_a_tag_a_token_and_the_longest_of_nested_entities():
    lines = conll()(Record(NESTED["text"]), NESTED).splitlines()
    assert lines[:3] == ["张\tB-PER", "伟\tI-PER", "去\tO"]
    assert lines[4:] == ["北\tB-ORG", "京\tI-ORG", "大\tI-ORG", "学\tI-ORG", "。\tO", ""]


def test_conll_parts_words_at_the_edges_of_entities():
    lines = conll()(Record(LATIN["text"]), LATIN).splitlines()
    assert lines == [
        *("Ann\tB-PER", "'s\tO", "visit\tO", "to\tO", "New\tB-LOC", "York\tI-LOC", ",\tO"),
        *("NY\tB-LOC", ""),
    ]


def test_brat_counts_characters_of_the_whole_document():
    write = brat()
    first = write(Record(NESTED["text"], "\r\n", before="\ufeff"), NESTED)
    assert first == "T1\tPER 1 3\t张伟\nT2\tORG 5 9\t北京大学\nT3\tLOC 5 7\t北京\n"
    document = "\ufeff" + NESTED["text"] + "\r\n" + LATIN["text"]
    for line in write(Record(LATIN["text"]), LATIN).splitlines():
        name, place, text = line.split("\t")
        start, end = map(int, place.split()[1:])
        assert document[start:end] == text
    assert name == "T6"
    assert write(Record("", error="broken"), {}) == ""


def test_table_marks_entities():
    shown = marked(NESTED["text"], NESTED["entities"])
    assert [(span.start, span.end) for span in shown.spans] == [(0, 2), (4, 8), (4, 6)]
    assert LAYOUT.table(NESTED)["entities"].plain.splitlines()[0] == "张伟 PER 0.88"
    assert LAYOUT.flat(NESTED)["entities"] == "0:2:PER:张伟 4:8:ORG:北京大学 4:6:LOC:北京"


def test_marks_are_at_their_characters_where_others_are_shown_as_escapes():
    shown = marked("\u200b\x07张伟\u202e来了", row("", (2, 4, "PER"))["entities"])
    assert [shown.plain[span.start : span.end] for span in shown.spans] == ["张伟"]


STRANGE = row(
    "\ufeffcafe\u0301s in\nNew\r\nYork of 👨\u200d👩🏽 张\u200b伟",
    (1, 7, "LOC"),
    (11, 20, "a place"),
    (24, 25, "X"),
    (29, 32, "PER"),
)


def test_conll_keeps_words_whole_and_types_without_blanks():
    lines = conll()(Record(STRANGE["text"]), STRANGE).split("\n")
    assert lines == [
        *("\ufeff\tO", "cafe\u0301s\tB-LOC", "in\tO", "New\tB-a_place", "York\tI-a_place"),
        *("of\tO", "👨\tB-X", "\u200d\tO", "👩\tO", "🏽\tO", "张\u200b\tB-PER", "伟\tI-PER"),
        *("", ""),
    ]


def test_conll_is_read_as_it_was_written(tmp_path):
    rows = [row("cafe\u0301s in New York", (0, 6, "LOC"), (10, 18, "a_place")), NESTED]
    write = conll()
    written = "".join(write(Record(one["text"]), one) for one in rows)
    (tmp_path / "a.conll").write_text(written, encoding="utf-8", newline="")
    splits, _ = load_as_is(str(tmp_path / "a.conll"), SPANS)
    assert [(one["text"], spans_of(one)) for one in splits.train] == [
        (rows[0]["text"], [(0, 6, "LOC"), (10, 18, "a_place")]),
        (NESTED["text"], [(0, 2, "PER"), (4, 8, "ORG")]),
    ]


def test_brat_is_read_as_it_was_written(tmp_path):
    """With a byte order mark, entities that go over the end of a line, types with blanks."""
    record = Record(STRANGE["text"].removeprefix("\ufeff"), "\r\n", before="\ufeff")
    spans = [(one["start"] - 1, one["end"] - 1, one["type"]) for one in STRANGE["entities"]]
    written = brat()(record, row(record.text, *spans))
    (tmp_path / "a.ann").write_text(written, encoding="utf-8", newline="")
    whole = record.before + record.text + record.line_end
    (tmp_path / "a.txt").write_text(whole, encoding="utf-8", newline="")
    splits, _ = load_as_is(str(tmp_path / "a.ann"), SPANS)
    named = [(start, end, name.replace(" ", "_")) for start, end, name in spans]
    assert spans_of(splits.train[0]) == named
    assert splits.problems == []
