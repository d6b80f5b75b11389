"""What is said of a test beside its scores."""

from __future__ import annotations

import nlpcl
from nlpcl import tasks
from nlpcl.core.tables import Report, Table
from nlpcl.runs.evaluation import say_collapse


def test_a_model_that_changes_nothing_is_said_to(finished_run):
    run = nlpcl.load(finished_run, device="cpu", precision="fp32")
    before, _ = run.evaluate()
    assert not any("COLLAPSED" in table.note for table in before.tables)
    task = run.task
    task.finder.is_candidate[:] = False
    run.task_for = lambda config, names: task
    report, rows = run.evaluate()
    wanted = f"COLLAPSED: the model changes none of the {len(rows)} sentences."
    assert report.tables[0].note.startswith(wanted)
    assert sum("COLLAPSED" in table.note for table in report.tables) == 1


def test_in_a_study_the_fold_is_named():
    rows = [
        {"fold": fold, "gold": gold, "label": label}
        for fold, labels in (("1", "aa"), ("2", "ab"), ("3", "bb"))
        for gold, label in zip("ab", labels, strict=True)
    ]
    report = Report(tables=[Table("classification", [], [], note="95 % intervals.")])
    say_collapse(report, tasks.spec("emotion"), rows)
    said = report.tables[0].note
    assert "the model of fold 1 answers 'a' to every one of the 2 clips." in said
    assert "the model of fold 3 answers 'b' to every one of the 2 clips." in said
    assert "fold 2" not in said
    assert said.endswith("95 % intervals.")
