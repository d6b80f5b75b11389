"""The built-in corrector: what it leaves alone, script, sentences in one line."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from nlpcl import tasks
from nlpcl.data.loading import load
from nlpcl.data.pairs import PAIRS
from nlpcl.nn.devices import choose_machine
from nlpcl.runs.opening import open_builtin
from nlpcl.tasks.protocol import new_notes
from nlpcl.text.script import forms

TRICKY = Path(__file__).parent / "tricky_sentences.tsv"
"""Correct sentences that look wrong, written for this project (classical ones are quoted)."""
MOST = 2
"""Tricky sentences that may be changed."""


@pytest.fixture(scope="module")
def builtin():
    return open_builtin(tasks.spec("correction"), choose_machine("cpu", "fp32"))


def test_tricky_sentences_stay_as_they_are(builtin):
    with TRICKY.open(encoding="utf-8", newline="") as file:
        sentences = [row["sentence"] for row in csv.DictReader(file, delimiter="\t")]
    assert len(set(sentences)) == len(sentences) == 200
    changed = [row["target"] for row in builtin.stream(sentences) if row["edits"]]
    assert len(changed) <= MOST, changed


@pytest.mark.parametrize(
    "text",
    [
        "臺灣",
        "圓",
        "公園",
        "他在公園裡走走。",
        "圓圓的月亮掛在臺灣的天上。",
        "我們下週在圖書館見面。",
    ],
)
def test_traditional_text_gets_no_simplified_character(builtin, text):
    (row,) = builtin.stream([text])
    assert row["target"] == text
    (row,) = builtin.stream([text], threshold=0.0)
    assert not set(row["target"]) & forms().simplified


def test_text_of_mixed_script_is_left_alone_and_told(builtin):
    notes = new_notes()
    texts = ["他在公圆裡走走。", "他在公圆里走走。"]
    mixed, plain = builtin.stream(texts, notes=notes)
    assert mixed["edits"] == []
    assert plain["target"] == "他在公园里走走。"
    assert notes["mixed"] == {"sentences": 1}


def test_sentences_in_one_line_get_the_edits_of_each_alone(builtin):
    rows = next(iter(load("sample", schema=PAIRS).test.values()))
    sentences = [row["source"] for row in rows if row["source"].endswith(("。", "！", "？"))][:16]
    assert len(sentences) == 16
    for threshold in (0.0, 0.9):
        alone = [row["target"] for row in builtin.stream(sentences, threshold=threshold)]
        assert alone != sentences
        lines = ["".join(sentences[start : start + 8]) for start in (0, 8)]
        joined = [row["target"] for row in builtin.stream(lines, threshold=threshold)]
        assert "".join(joined) == "".join(alone)


@pytest.mark.data
def test_native_traditional_text_stays_traditional(builtin, shared_data):
    file = shared_data / "ner" / "uner" / "zh_gsd-ud-dev.iob2"
    lines = file.read_text(encoding="utf-8").splitlines()
    texts = [line.split("=", 1)[1].strip() for line in lines if line.startswith("# text")][:100]
    assert len(texts) == 100
    rows = list(builtin.stream(texts, threshold=0.0))
    assert any(row["edits"] for row in rows)
    assert not {edit["right"] for row in rows for edit in row["edits"]} & forms().simplified
