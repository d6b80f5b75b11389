"""Dictionaries against a naive search, and every way their files can be wrong."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.core.errors import UserError
from nlpcl.tasks.correction.dictionaries import Dictionaries, read_confusion, read_protect
from nlpcl.tasks.correction.edits import apply_edits

TERMS = st.text("甲乙a😀\n", min_size=1, max_size=4)


@st.composite
def pairs(draw):
    """Confusion pairs of equal length, some identical."""
    wrong = draw(st.lists(TERMS, unique=True, max_size=6))
    return {
        term: draw(st.just(term) | st.text("甲乙丙b", min_size=len(term), max_size=len(term)))
        for term in wrong
    }


def naive(text: str, protect: list[str], confusion: dict[str, str]) -> tuple[str, list[bool]]:
    """Corrected text and closed positions by plain search, longest wrong form first."""
    closed = [False] * len(text)
    result = list(text)
    for term in [*protect, *(wrong for wrong, right in confusion.items() if wrong == right)]:
        for start in range(len(text)):
            if text.startswith(term, start):
                closed[start : start + len(term)] = [True] * len(term)
    for length in (4, 3, 2, 1):
        for start in range(len(text)):
            wrong = text[start : start + length]
            right = confusion.get(wrong, wrong)
            end = start + length
            if "aa" in (text[max(start - 1, 0) : start + 1], text[end - 1 : end + 1]):
                continue  # within a word
            if len(wrong) == length and right != wrong and not any(closed[start:end]):
                closed[start : start + length] = [True] * length
                result[start : start + length] = right
    return "".join(result), closed


@settings(max_examples=500, deadline=None)
@given(st.text("甲乙丙a😀\n", max_size=25), st.lists(TERMS, max_size=2), pairs())
def test_agrees_with_naive_search(text, protect, confusion):
    edits, spans = Dictionaries(protect, confusion).find(text)
    expected, closed = naive(text, protect, confusion)
    assert apply_edits(text, edits) == expected
    covered = [any(start <= place < end for start, end in spans) for place in range(len(text))]
    assert covered == closed
    assert edits == sorted(edits, key=lambda edit: edit.position)
    assert all(edit.probability == 1.0 and edit.wrong != edit.right for edit in edits)


def test_all_occurrences_and_longest_first():
    dictionaries = Dictionaries(confusion={"因该": "应该", "因该让坐": "应该让座"})
    edits, spans = dictionaries.find("因该，因该让坐")
    assert apply_edits("因该，因该让坐", edits) == "应该，应该让座"
    assert spans == [(0, 2), (3, 7)]
    edits, _ = Dictionaries(confusion={"甲乙": "丁丁", "乙丙丙": "戊戊戊"}).find("甲乙丙丙")
    assert apply_edits("甲乙丙丙", edits) == "甲戊戊戊"


def test_protection_wins_over_confusion():
    edits, spans = Dictionaries(["该"], {"因该": "应该"}).find("因该")
    assert (edits, spans) == ([], [(1, 2)])


@pytest.mark.parametrize(
    ("wrong", "right", "text", "target"),
    [
        ("teh", "the", "teh cat, stehen, teh2, (teh)", "the cat, stehen, teh2, (the)"),
        ("teh", "the", "我说teh猫teh", "我说the猫the"),
        ("app", "APP", "下载app或apple", "下载APP或apple"),
        ("ему", "емо", "нему ему", "нему емо"),
        ("A股", "B股", "NASA股票，A股", "NASA股票，B股"),
        ("一二", "二一", "一二一二", "二一二一"),
    ],
)
def test_a_latin_word_is_replaced_as_a_word(wrong, right, text, target):
    edits, _ = Dictionaries(confusion={wrong: right}).find(text)
    assert apply_edits(text, edits) == target


def test_a_protected_term_is_protected_within_words_too():
    assert Dictionaries(["app"], {"apple": "APPLE"}).find("apple") == ([], [(0, 3)])


def test_no_entries():
    dictionaries = Dictionaries()
    assert dictionaries.find("甲") == ([], [])
    assert len(dictionaries) == 0
    with pytest.raises(ValueError, match="equal"):
        Dictionaries([""])


def test_10000_entries_cost_no_more_than_a_few(cpu_seconds):
    generator = random.Random(0)
    han = [chr(code) for code in range(0x4E00, 0x4E00 + 3000)]

    def text(length: int) -> str:
        return "".join(generator.choices(han, k=length))

    dictionaries = Dictionaries(
        [text(3) for _ in range(5000)], {text(4): text(4) for _ in range(10000)}
    )
    sentences = [text(60) for _ in range(1000)]
    seconds = cpu_seconds(lambda: [dictionaries.find(sentence) for sentence in sentences])
    assert seconds / len(sentences) < 0.001


def test_files(tmp_path):
    protect = tmp_path / "protect.txt"
    protect.write_bytes("\ufeff 讯飞 \r\n\n甲 乙\n".encode())
    assert read_protect(protect) == ["讯飞", "甲 乙"]
    confusion = tmp_path / "confusion.txt"
    confusion.write_bytes("因该 应该\r\n\n讯飞\t讯飞\na b\tc d\n因该  应该".encode())
    assert read_confusion(confusion) == {"因该": "应该", "讯飞": "讯飞", "a b": "c d"}
    as_json = tmp_path / "confusion.json"
    as_json.write_text('{\n "因该": "应该",\n "讯飞": "讯飞"}', "utf-8")
    assert read_confusion(as_json) == {"因该": "应该", "讯飞": "讯飞"}
    dictionaries = Dictionaries.from_files(protect, as_json)
    assert len(dictionaries) == 3
    assert len(Dictionaries.from_files()) == 0


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("c.txt", "甲 乙\n丙\n", r"c\.txt:2: 1 fields"),
        ("c.txt", "甲 乙 丙", r"c\.txt:1: 3 fields"),
        ("c.txt", "甲\t", r"c\.txt:1: 1 fields"),
        ("c.txt", "甲 乙\n\n甲甲 乙", r"c\.txt:3: '甲甲' and '乙' differ in length \(2 and 1"),
        ("c.txt", "甲 乙\n甲 丙", r"c\.txt:2: '甲' has two right forms"),
        ("c.json", '{"甲": "乙",\n}', r"c\.json:2: not valid JSON"),
        ("c.json", '["甲"]', r"c\.json: not a JSON object"),
        ("c.json", '{"甲": 1}', r"c\.json: entry 1: not two texts"),
        ("c.json", '{"甲": "乙", "甲": "丙"}', r"entry 2: '甲' has two right forms"),
        ("c.txt", "甲 乙\n\udcff", r"c\.txt:2: not UTF-8"),
        ("c.txt", "\ufeff甲\n\udcff", r"c\.txt:2: not UTF-8"),
    ],
)
def test_malformed_confusion_files(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=message):
        read_confusion(path)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_protect(tmp_path / "absent.txt")
