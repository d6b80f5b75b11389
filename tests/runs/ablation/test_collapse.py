"""Collapsed trainings and variants that answer alike, in the tables of an ablation."""

from __future__ import annotations

import pytest

from nlpcl import zoo
from nlpcl.runs.ablation.collapse import alike, collapse_of, collapsed
from nlpcl.runs.ablation.outcomes import Result, score
from nlpcl.runs.ablation.plan import make_plan
from nlpcl.runs.ablation.report import as_record, make_report

GOLD = "aabbab"
ANSWERS = {
    "none": ["aabbab", "abbbab", "aabbab"],
    "original": ["bbbbbb", "aabbaa", "aabbab"],
    "span": ["aabbab", "abbbab", "aabbab"],
    "position": ["aabbab", "abbbaa", "aabbab"],
    "contrastive": ["bbbbbb", "aaaaaa", "aabbab"],
}


@pytest.fixture
def plan():
    return make_plan(zoo.entry("asrm"), {}, variants=list(ANSWERS), seeds=3)


def results_of(plan, missing=()):
    found = []
    for cell in plan.cells():
        one = Result(cell, "finished")
        if (cell.variant, cell.seed) not in missing:
            pairs = zip(GOLD, ANSWERS[cell.variant][cell.seed], strict=True)
            rows = [
                {"id": str(at), "gold": gold, "label": label, "probabilities": {"a": 0.5, "b": 0.5}}
                for at, (gold, label) in enumerate(pairs)
            ]
            one.rows["sample"] = rows
        found.append(one)
    return found


def test_collapsed_trainings_are_named_with_their_seeds(plan):
    found = collapsed(plan.task, results_of(plan))
    how = "answers 'b' to every one of the 6 texts."
    assert found == {
        "original": f"COLLAPSED: original (seed 0) {how}",
        "contrastive": f"COLLAPSED: contrastive (seeds 0, 1) {how}",
    }
    assert collapse_of(plan.task, Result(plan.cells()[0], "failed")) == ""


def test_variants_are_alike_only_where_every_answer_at_every_seed_is(plan):
    assert alike(results_of(plan)) == [["none", "span"]]
    assert alike(results_of(plan, missing={("span", 1)})) == []
    assert alike([Result(cell, "failed") for cell in plan.cells()]) == []


def test_the_tables_and_the_verdicts_say_it(plan):
    results = results_of(plan)
    compared = score(plan, results, "macro_f1")
    report = make_report(plan, results, compared, [])
    tables = {table.name: table for table in report.tables}
    note = tables["comparison"].note
    assert "SAME ANSWERS: none and span answer every item alike at every seed. " in note
    assert note.count("COLLAPSED") == 2
    verdicts = dict(tables["verdicts"].rows)
    assert "COLLAPSED: original (seed 0) answers 'b'" in verdicts["original"]
    assert "SAME ANSWERS: none and span" in verdicts["span"]
    assert "COLLAPSED" not in verdicts["position"] and "SAME" not in verdicts["position"]
    reasons = {(row[0], row[1]): row[-1] for row in tables["cells"].rows}
    assert reasons["original", 0] == "answers 'b' to every one of the 6 texts"
    assert reasons["original", 1] is None
    cells = as_record(plan, results, compared, [], "finished")["cells"]
    said = {(one["variant"], one["seed"]): one["collapsed"] for one in cells}
    assert said["contrastive", 1] == "answers 'a' to every one of the 6 texts"
    assert said["none", 0] == ""
