"""Correct sentences that look wrong, written for this project (classical ones are quoted)."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from nlpcl import tasks
from nlpcl.nn.devices import choose_machine
from nlpcl.runs.opening import open_builtin

FILE = Path(__file__).parent / "tricky_sentences.tsv"
MOST = 2
"""Sentences that may be changed."""


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return [row["sentence"] for row in csv.DictReader(file, delimiter="\t")]


@pytest.fixture(scope="module")
def builtin():
    return open_builtin(tasks.spec("correction"), choose_machine("cpu", "fp32"))


def test_there_are_200_of_them(sentences):
    assert len(set(sentences)) == len(sentences) == 200


def test_they_stay_as_they_are(builtin, sentences):
    changed = [row["target"] for row in builtin.stream(sentences) if row["edits"]]
    assert len(changed) <= MOST, changed
