"""The sample of hate speech that ships with the package: form, balance, separation of splits."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from nlpcl.data import corpora
from nlpcl.data import loading as data
from nlpcl.data.holdout import text_key
from nlpcl.data.labelled_text import LABELLED
from nlpcl.data.sample_hate import FOLDER

SIZES = {"train": 300, "dev": 60, "test": 80}
GROUPS = {
    "en": {"Zorblaxians", "Quillans", "Marrowdeans"},
    "zh": {"云雾族人", "石灯人", "汐岩人"},
}


def rows(split):
    text = (FOLDER / f"{split}.tsv").read_bytes().decode("utf-8")
    assert text.endswith("\n")
    assert "\r" not in text
    found = list(csv.DictReader(text.split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE))
    assert list(found[0]) == ["id", "text", "label", "language", "targets", "group"]
    return found


@pytest.mark.parametrize("split", SIZES)
def test_rows_are_well_formed(split):
    found = rows(split)
    assert len(found) == SIZES[split]
    for row in found:
        assert None not in row.values(), row
        assert row["text"] == row["text"].strip()
        assert not re.search(r"[{}]", row["text"]), row
        assert bool(re.search(r"[\u4e00-\u9fff]", row["text"])) == (row["language"] == "zh")
        assert row["targets"] in GROUPS[row["language"]] | {""}
        assert row["id"].startswith(row["group"])
        stem = row["targets"].removesuffix("s")
        assert stem in row["text"]
        named = [name for name in GROUPS[row["language"]] if name.removesuffix("s") in row["text"]]
        assert named == [row["targets"]] * bool(row["targets"])


@pytest.mark.parametrize("split", SIZES)
def test_labels_languages_and_groups_are_balanced(split):
    found = rows(split)
    for language in GROUPS:
        labels = Counter(row["label"] for row in found if row["language"] == language)
        assert labels == {"hateful": SIZES[split] * 0.2, "not hateful": SIZES[split] * 0.3}
    assert all(row["targets"] for row in found if row["label"] == "hateful")
    for label in ("hateful", "not hateful"):
        counts = Counter(row["targets"] for row in found if row["label"] == label)
        counts.pop("", None)
        assert max(counts.values()) - min(counts.values()) <= 1


def test_no_text_twice_and_no_family_in_two_splits():
    parts = {split: rows(split) for split in SIZES}
    texts = Counter(text_key(row["text"]) for part in parts.values() for row in part)
    assert [text for text, times in texts.items() if times > 1] == []
    for field in ("id", "group"):
        owners = [{row[field] for row in part} for part in parts.values()]
        assert sum(map(len, owners)) == len(set().union(*owners))


def test_it_is_found_by_its_name():
    splits = data.load("sample", schema=LABELLED)
    assert splits.sizes() == {"train": 300, "dev": 60, "test:sample": 80}
    assert splits.problems == splits.notes == []
    row = next(row for row in splits.train if row["label"] == "hateful")
    assert set(row) == {"id", "text", "label", "language", "targets", "group"}
    assert row["targets"][0] in GROUPS[row["language"]]
    assert corpora.named("sample", "classification") is corpora.dataset("sample-classification")


def test_the_numbers_of_its_readme():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for split in SIZES:
        found = rows(split)
        count = Counter(row[field] for field in ("label", "language") for row in found)
        cells = [len(found), count["hateful"], count["not hateful"], count["en"], count["zh"]]
        cells.append(len({row["group"] for row in found}))
        assert f"| `{split}.tsv` | {' | '.join(map(str, cells))} |" in text


def test_it_is_part_of_the_package():
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert 'packages = ["nlpcl"]' in project
    assert FOLDER.is_relative_to(Path(data.__file__).parents[1])
