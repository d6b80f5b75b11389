"""How entities are written: brackets, CoNLL, brat, tables."""

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
