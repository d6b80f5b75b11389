"""What a table of runs by corpora says of its single cells."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from nlpcl import tasks
from nlpcl.analysis.crossing import remarks_on


def cell(labels: list[str], speakers: list[str]) -> tuple[Any, list[dict[str, str]]]:
    run = SimpleNamespace(spec=tasks.spec("emotion"), record={"speakers": ["ann"]})
    rows = [
        {"gold": gold, "label": label, "speaker": speaker}
        for gold, label, speaker in zip("ab", labels, speakers, strict=True)
    ]
    return run, rows


def test_a_collapse_and_speakers_that_were_heard_are_said():
    run, rows = cell(["a", "a"], ["ann", "bob"])
    assert remarks_on(run, "mine", "other", rows) == [
        "COLLAPSED: mine answers 'a' to every one of the 2 clips of other.",
        "mine on other: 1 of 2 clips are by speakers the model was trained on or selected with: "
        "in part SPEAKER-DEPENDENT.",
    ]
    run, rows = cell(["a", "b"], ["bob", "eve"])
    assert remarks_on(run, "mine", "other", rows) == []
