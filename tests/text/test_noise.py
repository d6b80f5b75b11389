"""Noise: shares, falls back to the mask, light texts, damaged confusion sets."""

import functools
from collections import Counter

import numpy
import pytest

from nlpcl.core.errors import UserError
from nlpcl.text.noise import KEEP, MASK, Noise, one_stroke_apart, read_confusions

SETS = {
    "same_pinyin.txt": "在\t再 在 载 载\n早\t枣\n",
    "simi_pinyin.txt": "在\t才 财\n",
    "same_stroke.txt": "早,旱,早\n",
}


@pytest.fixture
def folder(tmp_path):
    for name, text in SETS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_confusions_are_sets_without_their_head(folder):
    sets = read_confusions(folder)
    assert sets["pinyin"] == {"在": ["再", "载"], "早": ["枣"]}
    assert sets["shape"] == {"早": ["旱"]}


def test_characters_one_stroke_apart_join_the_shapes(folder):
    (folder / "zi_sk.txt").write_text("head\n在\t132121\n早\t251112\n旱\t2511112\n枣\t12523444\n")
    assert read_confusions(folder)["shape"] == {"早": ["旱"]}
    (folder / "same_stroke.txt").write_text("早,枣\n旱,枣\n", encoding="utf-8")
    assert read_confusions(folder)["shape"] == {"早": ["枣", "旱"], "旱": ["枣", "早"]}


def test_strokes_agree_with_the_edit_distance_of_every_pair():
    generator = numpy.random.default_rng(3)
    words = {"".join(generator.choice(list("123"), int(n))) for n in generator.integers(4, 8, 90)}
    strokes = {chr(0x4E00 + at): word for at, word in enumerate(sorted(words))}

    @functools.cache
    def distance(a: str, b: str) -> int:
        if not a or not b:
            return len(a) + len(b)
        return min(
            distance(a[1:], b) + 1, distance(a, b[1:]) + 1, distance(a[1:], b[1:]) + (a[0] != b[0])
        )

    found = one_stroke_apart(strokes)
    for head, sequence in strokes.items():
        near = [
            other
            for other, its in strokes.items()
            if min(len(sequence), len(its)) >= 5 and other != head and distance(sequence, its) == 1
        ]
        assert found.get(head, []) == sorted(near)


def test_a_missing_file_is_named(folder):
    (folder / "same_stroke.txt").unlink()
    with pytest.raises(UserError, match=r"same_stroke\.txt"):
        read_confusions(folder)


def test_a_file_without_sets_is_refused(folder):
    (folder / "same_stroke.txt").write_text("abc\n", encoding="utf-8")
    with pytest.raises(UserError, match="no confusion sets"):
        read_confusions(folder)


def test_shares_are_kept_to():
    noise = Noise({MASK: 0.2, "pinyin": 0.5}, probability=0.2, light_fraction=0.0)
    generator = numpy.random.default_rng(0)
    kinds = Counter(
        kind for _ in range(400) for _, kind in noise.choose(list(range(50)), generator)
    )
    total = sum(kinds.values())
    assert total == 400 * 10
    assert kinds[MASK] / total == pytest.approx(0.2, abs=0.03)
    assert kinds["pinyin"] / total == pytest.approx(0.5, abs=0.03)
    assert kinds[KEEP] / total == pytest.approx(0.3, abs=0.03)


def test_light_texts_have_one_chosen_character_at_most():
    noise = Noise({MASK: 1.0}, light_fraction=1.0)
    generator = numpy.random.default_rng(0)
    counts = Counter(len(noise.choose(list(range(30)), generator)) for _ in range(300))
    assert set(counts) == {0, 1}
    assert counts[0] == pytest.approx(150, abs=40)


def test_shares_above_one_are_refused():
    with pytest.raises(UserError, match="more than 1"):
        Noise({MASK: 0.7, "pinyin": 0.4})


def test_replacements_come_from_the_sets_and_fall_back_to_the_mask(folder):
    noise = Noise({MASK: 0.0}, read_confusions(folder), alphabet=["甲"])
    generator = numpy.random.default_rng(0)
    seen = {noise.replacement("在", "pinyin", generator) for _ in range(50)}
    assert seen == {"再", "载"}
    assert noise.replacement("没", "pinyin", generator) is None
    assert noise.replacement("没", KEEP, generator) == "没"
    assert noise.replacement("没", "random", generator) == "甲"
