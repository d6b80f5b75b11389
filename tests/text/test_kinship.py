"""What two characters have in common."""

import pytest

from nlpcl.text.kinship import Kin, Kinship, kinship

TABLE = Kinship.parse("做\tzuo\t\n作\tzuo\t\n早\tzao\t旱\n旱\than\t\n参\tshen can\t\n身\tshen\t\n")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("做", "作", Kin(same_sound=True, near_sound=False, shape=False)),
        ("参", "身", Kin(same_sound=True, near_sound=False, shape=False)),
        ("早", "旱", Kin(same_sound=False, near_sound=False, shape=True)),
        ("做", "早", Kin(same_sound=False, near_sound=False, shape=False)),
        ("做", "𠮷", Kin(same_sound=False, near_sound=False, shape=False)),
    ],
)
def test_pairs_either_way_round(one, other, expected):
    assert TABLE.of(one, other) == TABLE.of(other, one) == expected


def test_a_near_sound_is_one_that_is_blurred():
    table = Kinship.parse("音\tyin\t\n英\tying\t\n诗\tshi\t\n思\tsi\t\n饿\te\t\n")
    assert table.of("音", "英").near_sound
    assert table.of("诗", "思").near_sound
    assert not table.of("诗", "饿").near_sound


def test_the_table_of_the_package():
    assert kinship().of("背", "杯").same_sound
    assert kinship().of("因", "应").near_sound
    assert kinship().of("己", "已").shape
    assert not any(kinship().of("天", "猫"))
