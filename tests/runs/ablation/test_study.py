"""Cells are trained in pairs, reused, refused, and none is lost for another's fault."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest

from nlpcl import zoo
from nlpcl.core.errors import UserError
from nlpcl.core.renamed import former_names
from nlpcl.runs.ablation.plan import make_plan
from nlpcl.runs.ablation.study import ablate

NAMES = ["sdcl", "no-contrast"]


def plan(short, **options):
    return make_plan(zoo.entry("sdcl"), short, **({"variants": NAMES, "seeds": 2} | options))


@pytest.fixture(scope="module")
def study(short, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ablation") / "study"
    return ablate(plan(short), out=folder, metrics=["correction_f1_strict", "wa"][:1], jobs=2)


def table(study, name):
    found = next(table for table in study.report.tables if table.name == name)
    return [dict(zip(found.columns, row, strict=True)) for row in found.rows]


def note(study):
    return next(table.note for table in study.report.tables if table.name == "comparison")


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("model/model.safetensors")}


def test_a_cell_is_a_run_like_any_other(study, short, read, tmp_path):
    import torch

    import nlpcl

    config = zoo.entry("sdcl").config_class(**short, seed=1, beta=0.0)
    with torch.backends.mkldnn.flags(enabled=True):  # as in the processes of the cells
        alone = nlpcl.fit(config, out=tmp_path / "alone").folder
    cell = study.folder / "cells" / "no-contrast" / "seed-1"
    for name in ("predictions.jsonl", "report.json", "history.csv", "model/model.safetensors"):
        assert (cell / name).read_bytes() == (alone / name).read_bytes(), name
    assert read(cell / "run.json")["state"] == "finished"


def test_pairs_share_data_and_seed(study, read):
    for seed in (0, 1):
        records = [
            read(study.folder / "cells" / name / f"seed-{seed}" / "run.json") for name in NAMES
        ]
        assert records[0]["data"] == records[1]["data"]
        assert {record["seed"] for record in records} == {seed}
        configs = [record["config"] for record in records]
        assert {key for key in configs[0] if configs[0][key] != configs[1][key]} == {"beta"}


def test_the_tables_say_what_the_runs_say(study, read):
    rows = {row["variant"]: row for row in table(study, "comparison")}
    for name in NAMES:
        found = [
            read(study.folder / "cells" / name / f"seed-{seed}" / "report.json")["metrics"]
            for seed in (0, 1)
        ]
        mean = sum(one["correction_f1_strict"] for one in found) / 2
        assert rows[name]["mean"] == pytest.approx(mean)
    gap = rows["no-contrast"]["mean"] - rows["sdcl"]["mean"]
    assert rows["no-contrast"]["difference"] == pytest.approx(gap)
    assert rows["sdcl"]["difference"] is None
    # Two seeds: intervals, no test and no verdict, and one line that says why.
    assert rows["no-contrast"]["p (Dunnett)"] is rows["no-contrast"]["p (Holm)"] is None
    assert rows["no-contrast"]["low"] <= gap <= rows["no-contrast"]["high"]
    told = [made.rows for made in study.report.tables if made.name == "verdicts"]
    assert all("score the same" in sentence for rows in told for _, sentence in rows)
    assert "No verdict with fewer than 3 seeds" in note(study)
    for row in table(study, "costs"):
        assert row["parameters"] > 1000
        assert row["seconds"] > 0
        assert 50 < row["memory (MB)"] < 5000
    titles = [made.title for made in study.report.tables]
    assert "n = 8 sentences, seeds 0 to 1" in titles[0]


def test_what_is_written_down(study, read):
    written = read(study.folder / "ablation.json")
    assert (written["model"], written["baseline"], written["state"]) == ("sdcl", "sdcl", "finished")
    assert len(written["cells"]) == 4
    for cell in written["cells"]:
        assert (study.folder / cell["folder"] / "run.json").is_file()
        assert {"correction_f1_strict", "clean_intact"} <= set(cell["scores"]["invented"])
    (comparison,) = written["comparisons"]
    assert comparison["variant"] == "no-contrast"
    assert read(study.folder / "report.json") == study.report.as_dict()


def test_finished_cells_are_reused_and_variants_added(study, short, tmp_path):
    folder = shutil.copytree(study.folder, tmp_path / "copy")
    before = times(folder)
    again = ablate(plan(short), out=folder)
    assert times(folder) == before
    assert table(again, "comparison") == table(study, "comparison")
    more = ablate(plan(short, variants=[*NAMES, "plain"], seeds=1), out=folder)
    kept = {path: time for path, time in times(folder).items() if path in before}
    assert kept == before
    assert [row["variant"] for row in table(more, "comparison")] == [*NAMES, "plain"]
    assert len(more.results) == 3


@pytest.mark.parametrize("damage", ["no model record", "half written", "no predictions"])
def test_a_broken_cell_is_trained_again(study, short, tmp_path, damage):
    folder = shutil.copytree(study.folder, tmp_path / "copy")
    cell = folder / "cells" / "no-contrast" / "seed-0"
    wanted = (cell / "predictions.jsonl").read_bytes()
    if damage == "no model record":
        shutil.rmtree(cell)
        cell.mkdir()
        (cell / ".run.json.77.part").write_text("{")
    elif damage == "half written":
        (cell / "run.json").write_text("{")
    else:
        (cell / "predictions.jsonl").unlink()
    again = ablate(plan(short), out=folder)
    assert (cell / "predictions.jsonl").read_bytes() == wanted
    assert table(again, "comparison") == table(study, "comparison")


def test_other_settings_or_encoders_are_refused(study, short, tmp_path, monkeypatch):
    before = {path: path.read_bytes() for path in study.folder.rglob("*.json")}
    with pytest.raises(UserError, match=r"other settings \(lr was 0.003, is 0.1\)"):
        ablate(plan(short | {"lr": 0.1}), out=study.folder)
    monkeypatch.setattr("nlpcl.runs.ablation.reuse.encoder_digest", lambda backbone: "other")
    with pytest.raises(UserError, match="another encoder"):
        ablate(plan(short), out=study.folder)
    assert before == {path: path.read_bytes() for path in study.folder.rglob("*.json")}


def test_cells_of_other_code_are_trained_anew_and_the_tables_say_so(study, short, tmp_path):
    folder = shutil.copytree(study.folder, tmp_path / "copy")
    file = folder / "cells" / "no-contrast" / "seed-0.json"
    record = json.loads(file.read_text())
    rooms = [name for name in record["code"] if name.startswith("nlpcl/")]
    assert len(rooms) > 5
    record["code"][rooms[0]] = "edited"
    file.write_text(json.dumps(record))
    (folder / "cells" / "no-contrast" / "seed-0" / "mine.txt").write_text("kept")
    before = times(folder)

    kept = ablate(plan(short), out=folder, reuse_other_code=True)
    assert times(folder) == before
    marked = {row["variant"]: row["code"] for row in table(kept, "cells") if row["code"]}
    assert marked == {"no-contrast": f"kept from other code: {rooms[0]}"}
    assert f"1 of {len(kept.results)} trainings were kept from other code" in note(kept)

    anew = ablate(plan(short), out=folder)
    changed = {path for path, time in times(folder).items() if before.get(path) != time}
    assert folder / "cells" / "no-contrast" / "seed-0" / "model" / "model.safetensors" in changed
    aside = folder / "cells" / "no-contrast" / "seed-0.other-code-1"
    assert (aside / "mine.txt").read_text() == "kept"
    marked = {row["variant"]: row["code"] for row in table(anew, "cells") if row["code"]}
    assert marked == {"no-contrast": f"retrained: {rooms[0]}"}
    assert f"1 of {len(anew.results)} trainings by other code were replaced" in note(anew)
    assert table(anew, "comparison") == table(study, "comparison")
    # Trained by today's code, it is reused from now on.
    after = times(folder)
    ablate(plan(short), out=folder)
    assert times(folder) == after


def test_an_ablation_made_before_settings_were_renamed_is_gone_on_with(
    study, short, tmp_path, read
):
    folder = shutil.copytree(study.folder, tmp_path / "copy")
    before = {new: old for old, new in former_names(zoo.entry("sdcl").config_class).items()}
    for file in [*folder.glob("cells/*/*.json"), *folder.glob("cells/*/*/run.json")]:
        record, part = read(file), "config" if file.name == "run.json" else "settings"
        record[part] = {before.get(key, key): value for key, value in record[part].items()}
        assert {"accumulate", "warmup", "clip"} <= record[part].keys()
        file.write_text(json.dumps(record))
    trained = times(folder)
    again = ablate(plan(short), out=folder)
    assert times(folder) == trained
    assert table(again, "comparison") == table(study, "comparison")
    with pytest.raises(UserError, match=r"other settings \(max_grad_norm was 1.0, is 0.5\)"):
        ablate(plan(short | {"max_grad_norm": 0.5}), out=folder)


def test_a_folder_of_something_else_is_refused(study, short, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="exists and is not empty"):
        ablate(plan(short), out=tmp_path)
    gru = make_plan(zoo.entry("emotion-gru"), {}, variants=["dot", "general"])
    with pytest.raises(UserError, match="is an ablation of sdcl"):
        ablate(gru, out=study.folder)
    with pytest.raises(UserError, match="--jobs: 0"):
        ablate(plan(short), out=tmp_path / "new", jobs=0)
    assert not (tmp_path / "new").exists()


def test_data_that_cannot_be_used_are_refused_before_training(short, tmp_path):
    with pytest.raises(UserError, match="no such file"):
        ablate(plan(short | {"data": "nowhere.tsv"}), out=tmp_path / "study")
    assert not (tmp_path / "study" / "cells").exists()


def test_a_failing_cell_does_not_lose_the_rest(faulty, short, tmp_path, read):
    made = make_plan(
        zoo.entry(str(faulty)),
        short,
        seeds=1,
        variants=["none", "mistake", "error", "kill", "calm"],
    )
    study = ablate(made, out=tmp_path / "study", jobs=2)
    reasons = {row["variant"]: row["reason"] for row in table(study, "cells")}
    assert "has no such layer" in reasons["mistake"]
    assert reasons["error"] == "ZeroDivisionError: division by zero"
    assert "killed by SIGKILL" in reasons["kill"]
    assert reasons["none"] is reasons["calm"] is None
    rows = {row["variant"]: row for row in table(study, "comparison")}
    assert rows["calm"]["difference"] is not None
    assert rows["kill"]["mean"] is None
    verdicts = {row["variant"]: row["verdict"] for row in table(study, "verdicts")}
    assert "no seed finished" in verdicts["error"]
    assert len(study.failed) == 3
    assert read(tmp_path / "study" / "ablation.json")["state"] == "failed"


def test_when_everything_fails_the_reason_is_said(faulty, short, tmp_path):
    made = make_plan(zoo.entry(str(faulty)), short, seeds=1, variants=["mistake", "error"])
    with pytest.raises(UserError, match="no training finished: --backbone: has no such layer"):
        ablate(made, out=tmp_path / "study", jobs=2)


def test_studies_over_folds_pool_their_clips_by_speaker(clips, tmp_path, monkeypatch):
    monkeypatch.setenv("NLPCL_CACHE", str(tmp_path / "cache"))
    given = {
        "data": str(clips), "backbone": "logmel", "protocol": "kfold:3", "hidden": 8,
        "epochs": 2, "lr": 5e-3, "batch_size": 8, "precision": "fp32", "device": "cpu",
        "speech_gate": "off",
    }  # fmt: skip
    made = make_plan(zoo.entry("emotion-gru"), given, variants=["general", "no-attention"], seeds=1)
    study = ablate(made, out=tmp_path / "study", metrics=["ua"])
    (scores,) = study.scores
    found = scores.comparisons["no-attention"].difference
    assert (found.n, found.clusters) == (24, 6)
    run = study.results[0]
    assert scores.values["general"][0] == pytest.approx(run.metrics["ua"])
    assert "Clusters: speaker." in study.report.tables[0].note
    assert not dataclasses.asdict(run)["reason"]


def test_each_training_is_verified_in_a_line(study, run_main, tmp_path):
    copy = shutil.copytree(study.folder, tmp_path / "copy")

    def verified():
        result = run_main("verify", copy, "--format", "json")
        (found,) = json.loads(result.out)["tables"]
        return result.code, {name: (held, seen) for name, held, seen in found["rows"]}

    names = [f"{variant} (seed {seed})" for variant in NAMES for seed in (0, 1)]
    assert verified() == (0, dict.fromkeys(names, ("yes", "8 checks")))
    cell = copy / "cells" / "sdcl" / "seed-1"
    (cell / "model" / "model.safetensors").unlink()
    code, found = verified()
    assert code == 1
    assert {name for name, (held, _) in found.items() if held == "no"} == {"sdcl (seed 1)"}
    assert found["sdcl (seed 1)"][1] == "weights: there is no model"
    shutil.rmtree(cell)
    assert verified()[1]["sdcl (seed 1)"] == ("no", "run: no such run folder")


def test_a_table_that_was_edited_contradicts_its_trainings(study, read, run_main, tmp_path):
    copy = shutil.copytree(study.folder, tmp_path / "copy")
    record = read(copy / "ablation.json")
    scores = next(iter(record["cells"][0]["scores"].values()))
    measure = next(iter(scores))
    scores[measure] += 1.0
    (copy / "ablation.json").write_text(json.dumps(record), encoding="utf-8")
    result = run_main("verify", copy, "--format", "json")
    assert result.code == 1
    assert f"{measure} is {scores[measure]:.4f} in ablation.json" in result.out
    record["cells"][0]["scores"] = {"test": [1]}
    for damaged in ([], {"cells": [1]}, record):
        (copy / "ablation.json").write_text(json.dumps(damaged), encoding="utf-8")
        line = run_main("verify", copy).error_line
        assert "ablation.json: " in line and "is damaged" in line
