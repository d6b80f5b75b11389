"""The contract of correction, against models that propose anything anywhere."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nlpcl.tasks.correction.dictionaries import Dictionaries
from nlpcl.tasks.correction.edits import Edit, apply_edits, correction_row, select_edits
from nlpcl.text.characters import is_han
from nlpcl.text.segments import model_view, segments, sentences

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]

PIECES = [
    *"今天天气很好我旱上吃饭的地得一〇",
    *"。！？；，、!?;,.\n\r\t ",
    *"aZ09ＡＢ１éñﬁ",
    *"“”‘’—…「」",
    "\u3000",
    "\u200b",
    "\u200d",
    "\ufe0f",
    "\ufeff",
    "\u0301",
    "\u2028",
    "\x00",
    "\x07",
    "\x0b",
    "\x1b",
    "\x85",
    "😀",
    "❤️",
    "👨‍👩‍👧",
    "👍🏽",
    "🇨🇳",
    "e\u0301",
    "琊",
    "擤",
    "魃",
    "𠀀",
    "𪚥",
    "\U0002f800",
    "\uf900",
    "々",
    "⼀",
    "[MASK]",
    "[UNK]",
    "[CLS]",
    "##好",
    "本项目基于Kenlm",
    "GPU",
    "か",
    "한",
    "א",
]
TEXTS = st.lists(
    st.sampled_from(PIECES) | st.characters(exclude_categories=["Cs"]), max_size=30
).map("".join)
CHARACTERS = st.sampled_from([*PIECES, "", "好好"]) | st.characters(exclude_categories=["Cs"])
PROBABILITIES = st.floats(0, 1) | st.just(float("nan"))


@st.composite
def adversaries(draw):
    """A text and a model that proposes any characters at any positions, right or wrong."""
    text = draw(TEXTS)
    anywhere = st.builds(
        Edit, st.integers(-3, len(text) + 3), CHARACTERS, CHARACTERS, PROBABILITIES
    )
    proposals = draw(st.lists(anywhere, max_size=5))
    if text:
        # Proposals that do name what stands there are the ones that could be accepted.
        for position in draw(st.lists(st.integers(0, len(text) - 1), max_size=20)):
            proposals.append(Edit(position, text[position], draw(CHARACTERS), draw(PROBABILITIES)))
    return text, draw(st.permutations(proposals))


SPANS = st.lists(st.tuples(st.integers(-2, 40), st.integers(-2, 40)), max_size=3)


def answered(segment, answers):
    """Proposals of a model that gives these characters for what it sees of a segment."""
    _, positions = model_view(segment.text)
    return [
        Edit(segment.start + at, segment.text[at], character, 0.9)
        for at, character in zip(positions, answers, strict=True)
        if character != segment.text[at]
    ]


@settings(max_examples=500, deadline=None, suppress_health_check=SLOW)
@given(adversaries(), st.floats(0, 1), SPANS)
def test_contract_holds_for_any_model(adversary, threshold, protected):
    text, proposals = adversary
    edits = select_edits(text, proposals, threshold=threshold, protected=protected)
    row = correction_row(text, edits)
    target = row["target"]
    assert row["source"] == text
    assert len(target) == len(text)
    assert target == apply_edits(text, [Edit(**edit) for edit in row["edits"]])
    positions = [edit["position"] for edit in row["edits"]]
    assert positions == sorted(set(positions))
    for position, (old, new) in enumerate(zip(text, target, strict=True)):
        if old == new:
            assert position not in positions
        else:
            assert is_han(old)
            assert is_han(new)
            assert position in positions
            assert not any(start <= position < end for start, end in protected)
    for edit in row["edits"]:
        assert text[edit["position"]] == edit["wrong"]
        assert target[edit["position"]] == edit["right"]
    assert all(edit.probability >= threshold for edit in edits)
    stricter = select_edits(
        text,
        proposals,
        threshold=min(1.0, threshold + 0.3),
        protected=protected,
    )
    assert set(stricter) <= set(edits)


@settings(max_examples=500, deadline=None, suppress_health_check=SLOW)
@given(TEXTS, st.integers(1, 12))
def test_segments_rejoin_within_the_limit(text, limit):
    pieces = list(segments(text, limit))
    assert "".join(piece.text for piece in pieces) == text
    assert all(0 < len(piece.text) <= limit for piece in pieces)
    for piece in pieces:
        assert text[piece.start : piece.start + len(piece.text)] == piece.text


@settings(max_examples=500, deadline=None, suppress_health_check=SLOW)
@given(TEXTS, st.integers(1, 12), st.data())
def test_positions_survive_segmenting(text, limit, data):
    """A model that answers a known character everywhere changes just the Han characters it saw."""
    proposals = []
    for segment in segments(text, limit):
        characters, positions = model_view(segment.text)
        assert characters == [segment.text[position] for position in positions]
        assert positions == sorted(set(positions))
        answers = data.draw(
            st.lists(CHARACTERS, min_size=len(characters), max_size=len(characters))
        )
        proposals += answered(segment, answers)
    row = correction_row(text, select_edits(text, proposals))
    assert len(row["target"]) == len(text)
    everything = [
        edit
        for segment in segments(text, limit)
        for edit in answered(segment, "龘" * len(model_view(segment.text)[0]))
    ]
    target = correction_row(text, select_edits(text, everything))["target"]
    assert target == "".join("龘" if is_han(character) else character for character in text)


@pytest.mark.parametrize(("lead", "accepted"), [(-0.1, 0), (0.0, 0), (0.1, 1)])
def test_an_edit_that_does_not_lead_is_none(lead, accepted):
    assert len(select_edits("甲", [Edit(0, "甲", "乙", 0.4, lead)])) == accepted


@settings(max_examples=300, deadline=None, suppress_health_check=SLOW)
@given(TEXTS)
def test_sentences_rejoin(text):
    found = list(sentences(text))
    assert "".join(one.text for one in found) == text
    assert all(one.text and text[one.start :].startswith(one.text) for one in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("没有句号", ["没有句号"]),
        ("一。二！三", ["一。", "二！", "三"]),
        ("他说：“走吧！”我说：“好。”", ["他说：“走吧！”", "我说：“好。”"]),
        ("真的？！真的……是；啊\n。", ["真的？！", "真的……是；", "啊\n。"]),
        ("a.b 3.5。c", ["a.b 3.5。", "c"]),
    ],
)
def test_sentences(text, expected):
    assert [one.text for one in sentences(text)] == expected


def test_identity_model_changes_nothing():
    for text in PIECES:
        for segment in segments(text, 126):
            assert select_edits(text, answered(segment, model_view(segment.text)[0])) == []


def test_is_han():
    assert all(is_han(character) for character in "一龥㐀鿿〇𠀀𪚥𰀀豈\U0002f800")
    assert not any(is_han(character) for character in "aＡ1々かア한。，⼀㈠①𝐀😀 \n")
    assert not is_han("")
    assert not is_han("一一")
    assert not is_han("\U0002ffff")


def test_model_view_leaves_out_what_is_not_seen():
    text = "我 爱\u200b你❤\ufe0f\u3000e\u0301\t\x00好\u2028"
    characters, positions = model_view(text)
    assert characters == list("我爱你❤e好")
    assert positions == [0, 2, 4, 5, 8, 12]
    assert model_view("") == ([], [])
    assert model_view("\ud800") == ([], [])


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("", 5, []),
        ("今天。明天", 5, ["今天。明天"]),
        ("今天。明天，后天", 5, ["今天。", "明天，后天"]),
        ("一，二。三，四五", 6, ["一，二。", "三，四五"]),
        ("一二，三四五六七", 5, ["一二，", "三四五六七"]),
        ("一二三四五六七", 3, ["一二三", "四五六", "七"]),
        ("他说：“好。”我走了", 7, ["他说：“好。”", "我走了"]),
        ("他说：“好。”我走了", 6, ["他说：“好。", "”我走了"]),
        ("我用GPU2跑", 4, ["我用", "GPU2", "跑"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("一\r\n二三四", 4, ["一\r\n", "二三四"]),
        ("真的？！好吧好吧", 6, ["真的？！", "好吧好吧"]),
    ],
)
def test_segments(text, limit, expected):
    pieces = list(segments(text, limit))
    assert [piece.text for piece in pieces] == expected
    assert [piece.start for piece in pieces] == [
        sum(map(len, expected[:index])) for index in range(len(expected))
    ]


def test_segments_need_a_positive_limit():
    with pytest.raises(ValueError, match="at least 1"):
        next(segments("一", 0))


@pytest.mark.parametrize("unit", ["字", "a", "字，", "好。", "字a1 ", "。" + "字" * 125])
def test_a_million_characters_take_linear_time(unit, cpu_seconds):
    text = unit * (1_000_000 // len(unit))
    assert cpu_seconds(lambda: list(segments(text, 126))) < 2.0
    pieces = list(segments(text, 126))
    assert len(pieces) <= 2 * len(text) / 126 + 1
    assert sum(len(piece.text) for piece in pieces) == len(text)


def test_select_edits_one_rule_at_a_time():
    text = "我旱上a。旱"
    good = Edit(1, "旱", "早", 0.8)
    assert select_edits(text, [good], threshold=0.8) == [good]
    assert select_edits(text, [good], threshold=0.81) == []
    assert select_edits(text, [good], protected=[(0, 2)]) == []
    assert select_edits(text, [good], protected=[(0, 1), (2, 9)]) == [good]
    better = Edit(1, "旱", "汉", 0.9)
    assert select_edits(text, [good, better]) == [better]
    for unfit in (
        Edit(1, "上", "早"),
        Edit(1, "旱", "旱"),
        Edit(1, "旱", "早早"),
        Edit(1, "旱", "b"),
        Edit(3, "a", "早"),
        Edit(-1, "旱", "早"),
        Edit(6, "旱", "早"),
        Edit(1, "旱", "早", float("nan")),
    ):
        assert select_edits(text, [unfit]) == [], unfit


def test_apply_edits_refuses_what_does_not_fit():
    for edits in (
        [Edit(0, "乙", "丙")],
        [Edit(5, "甲", "丙")],
        [Edit(-1, "甲", "丙")],
        [Edit(0, "甲", "")],
        [Edit(0, "甲", "乙"), Edit(0, "甲", "丙")],
    ):
        with pytest.raises(ValueError, match="does not fit"):
            apply_edits("甲", edits)


def test_dictionary_and_model_edits_together():
    text = "我旱上用迅飞输入法"
    edits, closed = Dictionaries(["旱上"], {"迅飞": "讯飞"}).find(text)
    model = [Edit(1, "旱", "早", 0.9), Edit(5, "飞", "非", 0.9), Edit(0, "我", "窝", 0.9)]
    row = correction_row(text, [*edits, *select_edits(text, model, protected=closed)])
    assert row["target"] == "窝旱上用讯飞输入法"
    assert row["edits"][1] == {"position": 4, "wrong": "迅", "right": "讯", "probability": 1.0}
