"""Noise: confusion sets, sounds, tables of errors, and how often what is replaced by what."""

import dataclasses
import functools

import numpy
import pytest

from nlpcl.core.errors import UserError
from nlpcl.text.noise.confusions import one_stroke_apart, read_confusions
from nlpcl.text.noise.noise import MASK, RANDOM, WORD, Noise
from nlpcl.text.noise.sounds import blurred, read_readings
from nlpcl.text.noise.tables import OBSERVED, Draws, build_tables, observed_edits, words_of_two

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


LETTERS = {index + 4: character for index, character in enumerate("在再载才财早枣旱甲乙")}
IDS = {character: index for index, character in LETTERS.items()}
SIZE, HIDDEN = 15, 14


def ids_of(text):
    return numpy.array([IDS.get(character, -1) for character in text])


def tables_of(text, confusions=(), readings=None, edits=None):
    return build_tables(ids_of(text), LETTERS, SIZE, dict(confusions), readings or {}, edits or {})


def noise_of(fractions, **options):
    is_han = numpy.zeros(SIZE, dtype=bool)
    is_han[list(LETTERS)] = True
    return Noise(fractions, HIDDEN, is_han, **options)


def applied(noise, tables, rows):
    """What the noise makes of rows of equal length, and what it selects."""
    text = numpy.concatenate([[0, *map(IDS.get, row), 2] for row in rows])
    number = numpy.repeat(numpy.arange(len(rows)), len(rows[0]) + 2)
    generator = numpy.random.default_rng(0)
    noised, selected = noise.apply(text, number, text > 3, tables, generator)
    shape = (len(rows), -1)
    return text.reshape(shape), noised.reshape(shape), selected.reshape(shape)


def test_a_character_has_the_readings_of_those_it_is_confused_with(folder):
    (folder / "zi_py.txt").write_text(
        "1.0\tversion:\n早\tzao\n枣\tzao\n旱\than\n", encoding="utf-8"
    )
    same = {"早": ["枣", "旱"], "枣": ["早", "旱"], "旱": []}
    readings = read_readings(folder, same)
    assert readings == {"早": ["zao"], "枣": ["zao"], "旱": ["han", "zao"]}
    assert read_readings(folder / "elsewhere", same) == {}


def test_sounds_that_are_told_apart_badly_are_one():
    for one, other in [("zhang", "zan"), ("ning", "lin"), ("hu", "fu"), ("shi", "si")]:
        assert blurred(one) == blurred(other)
    assert len({blurred(reading) for reading in ("hua", "fa", "jin", "ji", "zi", "ci")}) == 6


def test_values_are_drawn_as_often_as_they_weigh():
    draws = Draws.of({1: {7: 1.0, 8: 3.0}, 3: {9: 2.0}}, 5)
    assert draws.filled.tolist() == [False, True, False, True, False]
    drawn = draws.draw(numpy.repeat([1, 3], 4000), numpy.random.default_rng(0))
    assert set(drawn[:4000]) == {7, 8}
    assert (drawn[:4000] == 8).mean() == pytest.approx(0.75, abs=0.03)
    assert set(drawn[4000:]) == {9}


def test_common_characters_are_written_by_mistake_more_often():
    confusions = {"pinyin": {"在": ["再", "载", "在"], "乙": ["甲"]}}
    draws = tables_of("在" + "再" * 16 + "载", confusions).characters["pinyin"]
    drawn = draws.draw(numpy.full(6000, IDS["在"]), numpy.random.default_rng(0))
    assert (drawn == IDS["再"]).mean() == pytest.approx(8 / 9, abs=0.02)  # 16 ** 0.75 : 1
    assert set(drawn) == {IDS["再"], IDS["载"]}
    assert not draws.filled[IDS["乙"]]  # neither stands in the text


def test_words_stand_together_more_often_than_by_chance():
    text = ids_of("早枣，" * 5 + "在，再，" * 50 + "在再，" * 6 + "甲乙，" * 3)
    keys, counts = words_of_two(text, SIZE)  # 在再 is as frequent as chance has it, 甲乙 is rare
    assert keys.tolist() == [IDS["早"] * SIZE + IDS["枣"]]
    assert counts.tolist() == [5]


def test_a_word_becomes_one_of_its_sound():
    readings = {"早": ["zao"], "枣": ["zao"], "在": ["zai"], "再": ["zai"], "甲": ["jia"]}
    tables = tables_of("早在，" * 5 + "枣再，" * 5 + "甲乙，" * 50, {}, readings)
    _, noised, selected = applied(noise_of({WORD: 1.0}, probability=0.9, light_fraction=0),
                                  tables, ["早在"] * 40)  # fmt: skip
    changed = (noised[:, 1:-1] == [IDS["枣"], IDS["再"]]).all(1)
    assert changed.mean() > 0.9
    assert (selected[:, 1:-1].all(1) == changed).all()
    assert (noised[~changed, 1:-1] == [IDS["早"], IDS["在"]]).all()


def test_words_do_not_reach_across_rows():
    readings = {"早": ["zao"], "枣": ["zao"], "在": ["zai"], "再": ["zai"]}
    tables = tables_of("早在，" * 5 + "枣再，" * 5 + "甲乙，" * 50, {}, readings)
    words_alone = dataclasses.replace(tables, characters={})
    noise = noise_of({WORD: 1.0}, probability=0.9, light_fraction=0)
    text, number = ids_of("早在" * 40), numpy.arange(80)
    generator = numpy.random.default_rng(0)
    noised, _ = noise.apply(text, number, text > 3, words_alone, generator)
    assert set(noised) == {IDS["早"], IDS["在"], HIDDEN}


def test_observed_edits_are_made_again_and_weigh_on_their_place():
    edits = observed_edits([("甲载", "甲在"), ("乙", "甲乙"), ("再", "再")])
    assert edits == {("在", "载"): 1}
    tables = tables_of("在再载早" * 10, {"pinyin": {"早": ["枣"]}}, {}, edits)
    assert tables.propensity[IDS["在"]] > tables.propensity[IDS["再"]]
    noise = noise_of({OBSERVED: 1.0}, probability=0.5, light_fraction=0)
    _, noised, _ = applied(noise, tables, ["在再"] * 200)
    assert set(noised[:, 1]) == {IDS["载"]}  # so likely to be written wrongly that it always is
    assert set(noised[:, 2]) == {IDS["再"], HIDDEN}  # nothing is known of it: the mask


def test_fractions_are_kept_to():
    confusions = {"pinyin": {"在": ["再"]}, "shape": {"在": ["甲"]}}
    tables = tables_of("在再甲", confusions)
    noise = noise_of(
        {MASK: 0.2, "pinyin": 0.4, "shape": 0.2, RANDOM: 0.0}, probability=0.3, light_fraction=0
    )
    _, noised, selected = applied(noise, tables, ["在" * 40] * 300)
    total = 300 * 40
    assert selected.sum() / total == pytest.approx(0.3, abs=0.015)
    for written, part in [(HIDDEN, 0.2), (IDS["再"], 0.4), (IDS["甲"], 0.2)]:
        assert (noised == written).sum() / total == pytest.approx(0.3 * part, abs=0.01)
    assert selected[:, [0, -1]].sum() == 0


def test_light_rows_hold_few_errors_whatever_their_length():
    tables = tables_of("在再", {"pinyin": {"在": ["再"]}})
    noise = noise_of(
        {MASK: 0.5, "pinyin": 0.5}, probability=0.8, light_fraction=1.0, light_errors=0.5,
        light_mask=0.1,
    )  # fmt: skip
    _, noised, _ = applied(noise, tables, ["在" * 50] * 400)
    wrong, hidden = (noised == IDS["再"]).sum(1), (noised == HIDDEN).mean()
    assert wrong.mean() == pytest.approx(0.5, abs=0.12)
    assert (wrong == 0).mean() > 0.5
    assert hidden == pytest.approx(0.1 * 50 / 52, abs=0.01)


def test_fractions_above_one_are_refused():
    with pytest.raises(UserError, match="more than 1"):
        noise_of({MASK: 0.7, "pinyin": 0.4})
