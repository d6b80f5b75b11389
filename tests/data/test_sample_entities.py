"""The sample of entities that ships with the package: form, splits, the numbers of its page."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from nlpcl.data import corpora, loading
from nlpcl.data.check import check
from nlpcl.data.holdout import text_key
from nlpcl.data.sample_entities import FOLDER
from nlpcl.data.spans import SPANS, overlapping, spans_of
from nlpcl.text.script import Script, script_of

PARTS = ("train", "dev", "test")


def rows(part):
    text = (FOLDER / f"{part}.jsonl").read_bytes().decode("utf-8")
    assert text.endswith("\n")
    assert "\r" not in text
    return [json.loads(line) for line in text.splitlines()]


def forms(part):
    return [row["text"][start:end] for row in rows(part) for start, end, _ in spans_of(row)]


@pytest.mark.parametrize("part", PARTS)
def test_rows_are_well_formed(part):
    for row in rows(part):
        assert list(row) == ["id", "text", "entities", "language"]
        kind, named, _ = row["id"].split("-")
        assert named == part
        assert row["language"] == kind[:2]
        assert row["text"] == row["text"].strip()
        assert not set("[]{}<>") & set(row["text"])
        assert spans_of(row) == sorted(set(spans_of(row)))
        for start, end, type_ in spans_of(row):
            form = row["text"][start:end]
            assert form and form == form.strip(" ，。、.,'")
            assert type_ in ("PER", "LOC", "ORG")
        wrong = {"zh": Script.TRADITIONAL, "zht": Script.SIMPLIFIED, "en": None}[kind]
        assert script_of(row["text"]) is not wrong


def test_pairs_are_nested_and_never_cross():
    pairs = Counter(
        (outer[2], inner[2], is_nested)
        for part in PARTS
        for row in rows(part)
        for one, other, is_nested in overlapping(spans_of(row))
        for outer, inner in [sorted((one, other), key=lambda span: span[0] - span[1])]
    )
    assert {key[:2] for key in pairs} == {
        ("ORG", "LOC"), ("ORG", "PER"), ("ORG", "ORG"), ("LOC", "LOC"),
    }  # fmt: skip
    assert all(is_nested for *_, is_nested in pairs)
    assert pairs["ORG", "LOC", True] > 50


def test_no_sentence_twice_and_few_forms_of_test_in_train():
    texts = Counter(text_key(row["text"]) for part in PARTS for row in rows(part))
    assert [text for text, times in texts.items() if times > 1] == []
    ids = [row["id"] for part in PARTS for row in rows(part)]
    assert len(set(ids)) == len(ids)
    known = set(forms("train"))
    for part in ("dev", "test"):
        assert sum(form in known for form in forms(part)) < 0.05 * len(forms(part))


def test_a_place_is_marked_wherever_its_name_stands():
    found = [row for part in PARTS for row in rows(part)]
    places = {
        row["text"][start:end]
        for row in found
        for start, end, kind in spans_of(row)
        if kind == "LOC"
    }
    for row in found:
        marked = {(start, end) for start, end, _ in spans_of(row)}
        for place in places:
            for match in re.finditer(re.escape(place), row["text"]):
                assert any(
                    start <= match.start() and match.end() <= end for start, end in marked
                ), (row["id"], place)


def test_it_is_found_by_its_name_and_has_no_problem():
    splits = loading.load("sample", SPANS)
    assert splits.sizes() == {"train": 256, "dev": 39, "test:sample": 71}
    assert splits.problems == splits.notes == []
    assert set(splits.train[0]) == {"id", "text", "entities", "language"}
    assert corpora.named("sample", "entities") is corpora.dataset("sample-entities")
    report = check("sample-entities", SPANS)
    assert {kind for kind, found in report.findings.items() if found} == {"nested spans"}


def test_the_numbers_of_its_readme():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for part in PARTS:
        found = rows(part)
        kinds = Counter(row["id"].split("-")[0] for row in found)
        types = Counter(kind for row in found for *_, kind in spans_of(row))
        nested = sum(1 for row in found for _ in overlapping(spans_of(row)))
        cells = [len(found), kinds["zh"], kinds["zht"], kinds["en"]]
        cells += [sum(not row["entities"] for row in found)]
        cells += [types["PER"], types["LOC"], types["ORG"], nested]
        assert f"| `{part}.jsonl` | {' | '.join(map(str, cells))} |" in text
