"""The numbers behind figures that need no model."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nlpcl.analysis.figures import (
    ablation,
    classification,
    comparison,
    curves,
    emotion,
    mistakes,
    modules,
)
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.analysis.figures.sources import AblationSource, open_sources
from nlpcl.runs.run import Run

OPTIONS = Options()


def test_curves_are_means_over_folds_with_deviation_and_n(make_run, history):
    found = curves.load_runs([Run(make_run(history=history))], OPTIONS)
    cells = {(row["name"], row["epoch"]): row for row in found.rows}
    ua = cells["dev_ua", 2.0]
    assert (ua["mean"], ua["n"]) == (75.0, 2)
    assert ua["std"] == pytest.approx(np.std([70, 80], ddof=1))
    # The loss that is no number is left out, and n says so.
    assert (cells["loss", 1.0]["mean"], cells["loss", 1.0]["n"]) == (1.0, 1)
    assert cells["loss", 1.0]["std"] == ""
    assert cells["loss", 2.0]["n"] == 2


def test_curves_mark_the_epoch_each_fold_selected(make_run, history):
    found = curves.load_runs([Run(make_run(history=history))], OPTIONS)
    assert found.values["selected"] == {"run": [2.0, 3.0]}
    panels = found.values["curves_by_panel"]
    assert list(panels)[:2] == ["loss", "parts of the loss"]
    assert [curve.name for curve in panels["parts of the loss"]] == [
        "loss_emotion",
        "loss_speaker",
    ]
    assert "α of the adversary" in panels
    assert len(curves.draw(**found.values).axes) >= len(panels)


def test_runs_that_differ_in_the_seed_alone_are_replicates(make_run, history):
    one = [row for row in history if row["fold"] == "fold-1"]
    folders = [
        make_run(f"seed-{seed}", history=one, config={"epochs": 3, "seed": seed}) for seed in (0, 1)
    ]
    other = make_run("other", history=one, config={"epochs": 3, "seed": 0, "lr": 1.0})
    found = curves.load_runs([Run(folder) for folder in [*folders, other]], OPTIONS)
    counts = {(row["run"], row["n"]) for row in found.rows}
    assert counts == {("seed-0", 2), ("other", 1)}


def test_confusion_counts(make_run, clip_rows):
    found = classification.load_confusion(Run(make_run(rows=clip_rows)), OPTIONS)
    counts = found.values["counts"]
    assert counts.sum() == 60
    assert counts.trace() == 45
    first = found.rows[0]
    assert first == {"gold": "angry", "angry": 15, "neutral": 5, "sad": 0}
    assert "n = 60 items" in found.caption
    assert "invented protocol" in found.caption


def test_class_scores_have_intervals_around_them(make_run, clip_rows):
    found = classification.load_classes(Run(make_run(rows=clip_rows)), OPTIONS)
    assert len(found.rows) == 9
    recall = next(r for r in found.rows if (r["class"], r["score"]) == ("angry", "recall"))
    assert recall["value"] == 75.0
    assert recall["low"] <= 75.0 <= recall["high"]
    assert "6 clusters" in found.caption  # speakers are resampled as a whole


def test_calibration_bins_hold_every_item(make_run, clip_rows):
    found = classification.load_calibration(Run(make_run(rows=clip_rows)), OPTIONS)
    assert sum(row["n"] for row in found.rows) == 60
    assert all(0 <= row["accuracy"] <= 100 for row in found.rows)


def test_threshold_speaks_of_the_class_that_is_sought(make_run, binary_rows):
    run = Run(make_run(task="classification", rows=binary_rows))
    found = classification.load_threshold(run, OPTIONS)
    assert found.values["label"] == "hateful"
    assert found.values["used"] == 0.5
    row = next(row for row in found.rows if row["threshold"] == 0.5)
    said = [r for r in binary_rows if r["probabilities"]["hateful"] >= 0.5]
    hits = sum(r["gold"] == "hateful" for r in said)
    assert row["precision"] == pytest.approx(100 * hits / len(said))
    assert row["recall"] == pytest.approx(100 * hits / 20)


def test_threshold_used_is_read_from_the_answers(make_run, binary_rows):
    for row in binary_rows:
        row["label"] = "hateful" if row["probabilities"]["hateful"] >= 0.3 else "normal"
    run = Run(make_run(task="classification", rows=binary_rows))
    used = classification.load_threshold(run, OPTIONS).values["used"]
    decided = [r["probabilities"]["hateful"] for r in binary_rows if r["label"] == "hateful"]
    assert used == min(decided)
    assert used < 0.5


def test_mistakes_come_with_the_surest_first(make_run, clip_rows):
    found = mistakes.load_labels(Run(make_run(rows=clip_rows)), OPTIONS)
    assert len(found.rows) == 15
    shares = [row["p(predicted)"] for row in found.rows]
    assert shares == sorted(shares, reverse=True)
    assert all(row["gold"] != row["predicted"] for row in found.rows)
    assert "15 of 60" in found.caption


def test_spelling_mistakes_name_their_kind(make_run):
    def row(source, gold, edits):
        written = list(source)
        for edit in edits:
            written[edit["position"]] = edit["right"]
        target = "".join(written)
        return {
            "test": "t",
            "id": source,
            "source": source,
            "gold": gold,
            "target": target,
            "edits": edits,
        }

    edit = {"position": 0, "wrong": "甲", "right": "乙", "probability": 0.9}
    rows = [
        row("甲乙", "甲乙", [edit]),
        row("甲丙", "丁丙", [edit | {"probability": 0.95}]),
        row("甲戊", "丁戊", []),
        row("甲己", "乙己", [edit]),
    ]
    found = mistakes.load_spelling(Run(make_run(task="correction", rows=rows)), OPTIONS)
    faults = [(row["source"], row["fault"]) for row in found.rows]
    assert faults == [("甲丙", "wrongly corrected"), ("甲乙", "over-corrected"), ("甲戊", "missed")]
    assert "甲丙" in found.html


def test_groups_have_n_and_intervals(make_run, clip_rows):
    found = emotion.load_groups(Run(make_run(rows=clip_rows)), OPTIONS)
    speakers = [row for row in found.rows if row["by"] == "speaker" and row["score"] == "accuracy"]
    assert [row["n"] for row in speakers] == [10] * 6
    own = [row for row in clip_rows if row["speaker"] == "s0"]
    right = sum(row["gold"] == row["label"] for row in own)
    first = speakers[0]
    assert first["value"] == pytest.approx(100 * right / 10)
    assert first["low"] < first["value"] < first["high"]
    assert {row["by"] for row in found.rows} == {"speaker", "gender", "session"}


def test_too_many_groups_are_cut_to_the_worst(make_run, answer):
    rows = [
        answer(at, "sad", "sad" if at % 40 > 5 else "angry", speaker=f"s{at % 40:02}")
        for at in range(80)
    ]
    found = emotion.load_groups(Run(make_run(rows=rows)), OPTIONS)
    assert "Of 40 speakers the 30 with the lowest UA are drawn" in found.caption
    assert {"s00", "s05"} <= set(emotion.lowest(found.rows, "speaker"))
    assert len(found.rows) == 80  # the data hold them all


def test_duration_bins_and_reason_without_sounds(make_run, clip_rows):
    found = emotion.load_duration(Run(make_run(rows=clip_rows)), OPTIONS)
    by_length = [row for row in found.rows if row["of"] == "seconds"]
    assert [row["n"] for row in by_length] == [16, 20, 24]  # up to 2 s, 4 s, 8 s
    assert "No SNR" in found.caption


def test_probe_shows_the_study_and_its_folds(make_run):
    metrics = {"ua": 60.0, "ua_low": 50.0, "ua_high": 70.0}
    metrics |= {"probe_speaker_heard": 40.0, "probe_speaker_heard_chance": 25.0}
    leaks = {"statement": "None.", "manifest": "0", "folds": [{"name": "a"}]}
    folder = make_run(report={"metrics": metrics, "tables": []}, leaks=leaks)
    (folder / "folds" / "a").mkdir(parents=True)
    (folder / "folds" / "a" / "report.json").write_bytes((folder / "report.json").read_bytes())
    found = emotion.load_probe([Run(folder)], OPTIONS)
    assert [(row["fold"], row["UA"], row["probe"]) for row in found.rows] == [
        ("", 60.0, 40.0),
        ("a", 60.0, 40.0),
    ]


def test_forest_tells_of_failed_cells_and_lost_variants(make_ablation, compared):
    cells = [
        {"variant": "none", "seed": 0, "state": "failed", "reason": "out of memory", "folder": "x"},
        {"variant": "span", "seed": 0, "state": "finished", "reason": "", "folder": "y"},
    ]
    folder = make_ablation([compared("span", 1.5, 0.5, 2.5)], cells)
    source = open_sources([folder])[0]
    found = ablation.load_forest(source, OPTIONS)
    assert "none seed 0" in found.caption
    assert "Without a comparison: none" in found.caption
    assert found.rows[0]["difference"] == 1.5
    assert ablation.draw_forest(**found.values).axes


def test_forest_without_intervals_is_drawn(make_ablation, compared):
    folder = make_ablation([compared("span", 1.5, None, None, is_found=False)], [])
    found = ablation.load_forest(AblationSource(folder, open_sources([folder])[0].record), OPTIONS)
    assert ablation.draw_forest(**found.values).axes


def test_an_ablation_without_comparisons_has_no_forest(make_ablation):
    cells = [{"variant": "span", "seed": 0, "state": "failed", "reason": "no space", "folder": "x"}]
    with pytest.raises(LeftOut, match="no space"):
        ablation.load_forest(open_sources([make_ablation([], cells)])[0], OPTIONS)


def test_costs_of_parts_come_from_the_record(make_run):
    table = {"name": "costs", "columns": ["part", "parameters", "time (%)"]}
    table["rows"] = [["encoder", 900, 80.0], ["head", 100, None]]
    found = modules.load(Run(make_run(costs=table)), OPTIONS)
    assert [row["parameters"] for row in found.rows] == [900, 100]
    assert modules.draw(**found.values).axes


def test_two_runs_side_by_side(make_run):
    folders = [
        make_run(name, report={"metrics": {"wa": value, "wa_low": 1.0}, "tables": []})
        for name, value in (("a", 50.0), ("b", 60.0))
    ]
    found = comparison.load([Run(folder) for folder in folders], OPTIONS)
    assert [(row["run"], row["value"]) for row in found.rows] == [("a", 50.0), ("b", 60.0)]
    with pytest.raises(LeftOut, match="two runs"):
        comparison.load([Run(folders[0])], OPTIONS)


def test_one_class_is_a_reason(make_run, answer):
    run = Run(make_run(rows=[answer(at, "sad", "sad") for at in range(5)]))
    for load in (
        classification.load_confusion,
        classification.load_classes,
        classification.load_calibration,
        classification.load_threshold,
        emotion.load_groups,
    ):
        with pytest.raises(LeftOut, match="one class"):
            load(run, OPTIONS)


def test_probabilities_that_are_no_numbers_are_a_reason(make_run, clip_rows):
    clip_rows[3]["probabilities"]["sad"] = math.nan
    with pytest.raises(LeftOut, match="not finite"):
        classification.load_confusion(Run(make_run(rows=clip_rows)), OPTIONS)
