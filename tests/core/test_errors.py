"""One line that says what, where, and how to mend it."""

from __future__ import annotations

import pytest

from nlpcl.core.errors import UserError, first_line, unknown_name


def test_the_parts_stand_in_order():
    assert str(UserError("is empty", "a.tsv", "Fill it.")) == "a.tsv: is empty. Fill it."
    assert str(UserError("is empty")) == "is empty"


def test_it_is_one_line_whatever_it_is_made_of():
    assert "\n" not in str(UserError("a\nb", "c\r\nd", "e\n"))


def test_the_nearest_name_and_all_names():
    text = str(unknown_name("model", "scdl", ["sdcl", "mlm"], where="train"))
    assert text == "train: unknown model 'scdl'. Did you mean 'sdcl'? Known: mlm, sdcl."
    assert "Did you mean" not in str(unknown_name("model", "zzz", ["sdcl"]))
    assert "There are none" in str(unknown_name("model", "zzz", []))


@pytest.mark.parametrize(
    ("text", "wanted"), [("", "ValueError"), ("\n a \nb", "a"), ("x" * 500, "x" * 157 + "...")]
)
def test_first_line(text, wanted):
    assert first_line(ValueError(text)) == wanted
