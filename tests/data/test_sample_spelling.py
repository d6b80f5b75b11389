"""The spelling sample that ships with the package: counts, form, and separation of the splits."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "nlpcl" / "data" / "samples" / "spelling"
SIZES = {"train": 400, "dev": 60, "test": 60}
HAN = re.compile(r"[\u4e00-\u9fff]")


def pairs(split: str) -> list[tuple[str, str]]:
    text = (FOLDER / f"{split}.tsv").read_bytes().decode("utf-8")
    assert text.endswith("\n")
    rows = [line.split("\t") for line in text[:-1].split("\n")]
    assert all(len(row) == 2 for row in rows)
    return [(source, target) for source, target in rows]


def confusions(rows: list[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """How often each (wrong, right) character pair occurs."""
    return Counter(
        (wrong, right)
        for source, target in rows
        for wrong, right in zip(source, target, strict=True)
        if wrong != right
    )


@pytest.mark.parametrize("split", SIZES)
def test_rows_are_well_formed(split: str) -> None:
    rows = pairs(split)
    assert len(rows) == SIZES[split]
    for source, target in rows:
        assert len(source) == len(target), target
        assert 8 <= len(target) <= 40, target
        assert source == source.strip() and target == target.strip(), target
        assert sum(a != b for a, b in zip(source, target, strict=True)) <= 2, target


@pytest.mark.parametrize("split", SIZES)
def test_only_han_characters_differ(split: str) -> None:
    for wrong, right in confusions(pairs(split)):
        assert HAN.fullmatch(wrong) and HAN.fullmatch(right), (wrong, right)


@pytest.mark.parametrize("split", SIZES)
def test_share_of_clean_sentences(split: str) -> None:
    rows = pairs(split)
    share = sum(source == target for source, target in rows) / len(rows)
    assert 0.3 <= share <= 0.45


def test_no_sentence_occurs_twice() -> None:
    rows = [row for split in SIZES for row in pairs(split)]
    assert [text for text, n in Counter(t for _, t in rows).items() if n > 1] == []
    assert [text for text, n in Counter(s for s, _ in rows).items() if n > 1] == []
    # An erroneous source must not be the correct form of another row.
    targets = {target for _, target in rows}
    assert [s for s, t in rows if s != t and s in targets] == []


@pytest.mark.parametrize("split", ["dev", "test"])
def test_held_out_sentences_are_not_in_train(split: str) -> None:
    known = {text for row in pairs("train") for text in row}
    assert [row for row in pairs(split) if known & set(row)] == []


@pytest.mark.parametrize("split", ["dev", "test"])
def test_held_out_confusions_are_learnable_from_train(split: str) -> None:
    learnt = confusions(pairs("train"))
    assert {pair for pair in confusions(pairs(split)) if learnt[pair] < 2} == set()


def test_frequent_wrong_characters_are_also_used_correctly() -> None:
    rows = pairs("train")
    clean = "".join(target for source, target in rows if source == target)
    missing = [wrong for (wrong, _), n in confusions(rows).items() if n > 3 and wrong not in clean]
    assert missing == []
