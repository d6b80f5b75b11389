"""Scripts of texts, and forms of characters."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from nlpcl.text.script import Script, families, forms, script_of


def test_characters_of_one_script_and_of_both():
    known = forms()
    assert set("臺灣園圓裡裏麵後發為爲溫啟") <= known.traditional
    assert set("湾园圆发为们门吗") <= known.simplified
    for both in "台后里于面干云谷斗丑余松只准群峰吃床着著乾於的我":
        assert both not in known.traditional | known.simplified
    assert not known.traditional & known.simplified


@pytest.mark.parametrize(
    "one", ["圆圓", "台臺颱", "干乾幹", "于於", "为為爲", "群羣", "著着", "面麵"]
)
def test_forms_of_one_character_are_a_family(one):
    numbers = {forms().family[character] for character in one}
    assert len(numbers) == 1


@pytest.mark.parametrize("two", ["圆园", "坐座", "象像", "呆待", "里哩", "它牠", "仿彷"])
def test_other_characters_are_not(two):
    first, second = (forms().family.get(character) for character in two)
    assert first is None or first != second


def test_families_agree_with_naive_merging():
    generator = random.Random(0)
    for _ in range(200):
        rows = ["".join(generator.sample("甲乙丙丁戊己庚辛", 2)) for _ in range(4)]
        groups = [set(row) for row in rows]
        while True:
            pair = next(((a, b) for a in groups for b in groups if a is not b and a & b), None)
            if pair is None:
                break
            groups = [group for group in groups if group not in pair] + [pair[0] | pair[1]]
        found = families(rows)
        assert set(found) == set("".join(rows))
        for one in found:
            (own,) = (group for group in groups if one in group)
            assert {other for other in found if found[other] == found[one]} == own


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("", Script.EITHER),
        ("今天早上好", Script.EITHER),
        ("他在公园里走走", Script.SIMPLIFIED),
        ("他在公園裡走走", Script.TRADITIONAL),
        ("臺灣", Script.TRADITIONAL),
        ("園园", Script.MIXED),
        ("龍先生说过这话吗", Script.SIMPLIFIED),  # 说 过 这 话 吗 against 龍
        ("龍先生说过这", Script.MIXED),  # 3 against 1
        ("我们說話", Script.MIXED),
    ],
)
def test_script_of_a_text(text, script):
    assert script_of(text) == script


@pytest.mark.data
def test_native_text_is_in_its_script(shared_data: Path):
    """The treebank GSD: sentences of Taiwan's Wikipedia, and the same in simplified script."""
    for name, script in (("zh_gsd", Script.TRADITIONAL), ("zh_gsdsimp", Script.SIMPLIFIED)):
        (file,) = (shared_data / "ner" / "uner").glob(f"{name}-*dev.iob2")
        lines = file.read_text(encoding="utf-8").splitlines()
        texts = [line.split("=", 1)[1] for line in lines if line.startswith("# text")]
        other = [text for text in texts if script_of(text) not in (script, Script.EITHER)]
        neutral = [text for text in texts if script_of(text) is Script.EITHER]
        assert len(texts) == 500
        assert len(other) + len(neutral) <= 10
