"""A model beside a plain baseline: paired differences, warnings, what eval makes of it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from nlpcl import tasks, zoo
from nlpcl.core.tables import Report, Table
from nlpcl.runs import baselines

SPEC = tasks.spec("emotion")


def rows_of(right, clusters=6):
    """Rows of two classes, of which ``right`` says which are answered right."""
    rows = []
    for number, is_right in enumerate(right):
        gold = "ab"[number % 2]
        label = gold if is_right else "ba"[number % 2]
        rows.append(
            {
                **{"id": number, "test": "t", "gold": gold, "label": label},
                **{"speaker": f"s{number % clusters}", "probabilities": {"a": 0.5, "b": 0.5}},
            }
        )
    return rows


def added(model, plain):
    config = zoo.entry("emotion-gru").config_class()
    report = Report(tables=[Table("classification", [], [], note="Percent."), Table("x", [], [])])
    warnings = baselines.add(report, SPEC, config, rows_of(model), rows_of(plain), "rule")
    return report, warnings


def test_a_worse_model_is_called_so_with_the_paired_interval():
    drawn = np.random.default_rng(0)
    report, (said,) = added(drawn.random(240) < 0.5, drawn.random(240) < 0.9)
    table = report.tables[1]
    assert table.name == "baseline"
    line = next(row for row in table.rows if row[0] == "ua")
    model, plain, gap, low, high = line[1:6]
    assert gap == pytest.approx(model - plain)
    assert low < gap < high < 0
    assert report.metrics["baseline_ua"] == plain
    assert report.metrics["above_baseline"] == pytest.approx(gap)
    assert said.startswith(f"BELOW THE BASELINE: ua {model:.1f} against {plain:.1f} of a rule")
    assert report.tables[0].note == f"{said} Percent."
    assert "6 test clusters" in table.note, "speakers are kept together"


def test_the_interval_is_that_of_leaving_out_each_speaker():
    from scipy.stats import t

    drawn = np.random.default_rng(1)
    model, plain = drawn.random(120) < 0.6, drawn.random(120) < 0.8
    report, _ = added(model, plain)
    low, high = next(row for row in report.tables[1].rows if row[0] == "wa")[4:6]
    owner = np.arange(120) % 6
    left = [100 * (model[owner != s].mean() - plain[owner != s].mean()) for s in range(6)]
    error = math.sqrt(5 / 6 * np.sum((np.array(left) - np.mean(left)) ** 2))
    assert high - low == pytest.approx(2 * t.ppf(0.975, 5) * error, rel=1e-6)


def test_an_equal_model_is_not_above_and_a_better_one_is_no_matter():
    drawn = np.random.default_rng(2).random(60) < 0.7
    _, (said,) = added(drawn, drawn)
    assert said.startswith("NOT ABOVE THE BASELINE: ua")
    report, warnings = added(drawn | (np.arange(60) % 3 > 0), drawn)
    assert not warnings
    assert report.tables[0].note == "Percent."


def test_rows_that_an_evaluation_left_out_are_left_out_of_both():
    rows = rows_of([True] * 6)
    plain = rows_of([True, False] * 3)
    assert baselines.in_order(rows[::2], plain) == plain[::2]
    assert baselines.in_order([*rows, {"id": 99}], plain) is None
    report = Report(tables=[Table("classification", [], [])])
    config = zoo.entry("emotion-gru").config_class()
    assert baselines.add(report, SPEC, config, rows, [], "rule") == []
    assert len(report.tables) == 1


def test_one_sentence_for_all_folds_that_have_not_learnt():
    said = "NOT LEARNT: the training loss of the last epoch is 1.90; ..."
    assert baselines.of_folds({"a": [], "b": ["BELOW THE BASELINE: ..."]}) == []
    assert baselines.of_folds({"a": [said], "b": [], "c": [said]}) == [
        "NOT LEARNT: the models of 2 of 3 folds have not learnt; a: the training loss of the last "
        "epoch is 1.90; ..."
    ]


PEOPLE = ["我的朋友", "两个同学", "他的老师", "那位医生", "妈妈", "邻居"]
ACTIONS = {"买了新的衣服": "fine", "在家里做饭": "bad"}


def write(path, tag=""):
    lines = ["text,label"]
    lines += [
        f"{tag}{one}{action}。,{label}" for one in PEOPLE for action, label in ACTIONS.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_encoder, command_line):
    """A run that cannot have learnt: its learning rate is next to nothing."""
    root = tmp_path_factory.mktemp("beside")
    for part, tag in (("train", ""), ("dev", "每天"), ("test", "明天")):
        write(root / "data" / f"{part}.csv", tag)
    write(root / "other.csv", "昨天")
    fast = ["--epochs", "1", "--batch-size", "8", "--precision", "fp32", "--device", "cpu"]
    command = ["train", "asrm", "--data", root / "data", "--backbone", tiny_encoder(), *fast]
    result = command_line([*command, "--lr", "1e-12", "--out", root / "run"])
    assert result.code == 0, result.err
    bare = command_line([*command, "--no-baseline", "--out", root / "bare"])
    assert bare.code == 0, bare.err
    return root, result, bare


def test_training_says_that_the_model_has_not_learnt_and_is_below(trained):
    root, result, _ = trained
    assert "nlpcl: NOT LEARNT: the training loss of the last epoch" in result.err
    assert "THE BASELINE: macro_f1" in result.err
    assert "beside a plain baseline" in result.out
    record = json.loads((root / "run" / "run.json").read_text(encoding="utf-8"))
    report = json.loads((root / "run" / "report.json").read_text(encoding="utf-8"))
    assert len(record["warnings"]) == 2
    assert record["baseline"].startswith("logistic regression on TF-IDF")
    assert "baseline.jsonl" in record["files"]
    assert all(line in report["tables"][0]["note"] for line in record["warnings"])
    assert report["metrics"]["baseline_macro_f1"] == 100
    rows = (root / "run" / "baseline.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(rows[0]).keys() == {"test", "id", "gold", "label", "probabilities"}


def test_it_can_be_left_out(trained, run_main):
    root, _, bare = trained
    assert "baseline" not in bare.err + bare.out
    assert not (root / "bare" / "baseline.jsonl").exists()
    assert "beside a plain" not in run_main("eval", root / "bare").out
    assert "beside a plain" not in run_main("eval", root / "run", "--no-baseline").out


def test_eval_has_it_for_the_own_test_and_for_other_data(trained, run_main):
    root, _, _ = trained
    kept = json.loads((root / "run" / "report.json").read_text(encoding="utf-8"))["metrics"]
    own = json.loads(run_main("eval", root / "run", "--format", "json").out)
    assert own["metrics"]["baseline_macro_f1"] == kept["baseline_macro_f1"]
    assert own["metrics"]["above_baseline"] == pytest.approx(kept["above_baseline"])
    names = ["--map-labels", "bad=wrong"]
    renamed = json.loads(run_main("eval", root / "run", *names, "--format", "json").out)
    assert renamed["metrics"]["baseline_macro_f1"] == kept["baseline_macro_f1"]
    other = run_main("eval", root / "run", "--data", root / "other.csv", "--format", "json")
    assert json.loads(other.out)["metrics"]["baseline_macro_f1"] == 100
    assert "THE BASELINE: macro_f1" in other.err


def test_other_data_are_scored_without_it_once_the_training_data_are_gone(trained, run_main):
    root, _, _ = trained
    (root / "data").rename(root / "moved")
    try:
        found = run_main("eval", root / "run", "--data", root / "other.csv")
        assert found.code == 0
        assert "No plain baseline:" in " ".join(found.out.split())
    finally:
        (root / "moved").rename(root / "data")


def test_a_task_without_a_baseline_refuses_to_leave_it_out(run_main):
    line = run_main("train", "sdcl", "--no-baseline").error_line
    assert "correction has no plain baseline" in line


@pytest.fixture(scope="module")
def ablation(trained, tiny_encoder, tmp_path_factory):
    """Two variants with two seeds, trained as the workers of an ablation do."""
    import nlpcl
    from nlpcl.core.files import write_json
    from nlpcl.runs.ablation.plan import make_plan

    root, _, _ = trained
    given = {"data": str(root / "data"), "backbone": str(tiny_encoder()), "epochs": 1}
    given |= {"precision": "fp32", "device": "cpu", "batch_size": 8}
    plan = make_plan(zoo.entry("asrm"), given, variants=["none", "constant"], seeds=2)
    folder = tmp_path_factory.mktemp("ablation")
    for cell in plan.cells():
        nlpcl.fit(cell.config, out=folder / cell.place, baseline=False)
        write_json(folder / cell.record, {"state": "finished"})
    return plan, folder


def test_the_variants_of_an_ablation_share_one_baseline(ablation, monkeypatch):
    from nlpcl.runs.ablation.outcomes import collect
    from nlpcl.runs.ablation.plain import plain_table
    from nlpcl.runs.run import Run
    from nlpcl.tasks.classification.task import Classification

    plan, folder = ablation
    results = collect(plan, folder)
    table = plain_table(plan, results, folder, "macro_f1")
    assert [row[0] for row in table.rows] == ["(plain baseline)", "none", "constant"]
    assert table.rows[0][1:3] == [100, 0]
    for row in table.rows[1:]:
        runs = [Run(folder / one.cell.place) for one in results if one.cell.variant == row[0]]
        assert row[1] == pytest.approx(np.mean([run.metrics["macro_f1"] for run in runs]))
        assert row[3] == pytest.approx(row[1] - 100)
        assert row[4] <= row[3] <= row[5]
    assert table.note.startswith("BELOW THE BASELINE: none, constant. ")
    assert [file.name for file in (folder / "baselines").iterdir()] == ["seed-0.json"]
    # Kept, not fitted again.
    monkeypatch.setattr(Classification, "baseline", lambda *_: pytest.fail("fitted again"))
    assert plain_table(plan, results, folder, "macro_f1") == table
