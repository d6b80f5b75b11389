"""A study over folds: every clip tested once by a model that never heard its speaker."""

from __future__ import annotations

import csv
import dataclasses
import json

import numpy as np
import pytest
import soundfile

import nlpcl
from nlpcl import zoo
from nlpcl.core.errors import UserError

RATE = 16_000
TONES = {"angry": 900.0, "sad": 180.0}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """Thirty-six short clips of six speakers, two emotions told apart by their pitch."""
    folder = tmp_path_factory.mktemp("clips")
    generator = np.random.default_rng(0)
    time = np.arange(int(0.3 * RATE)) / RATE
    lines = [["path", "label", "speaker", "gender"]]
    for speaker in range(6):
        for label, tone in TONES.items():
            for take in range(3):
                name = f"s{speaker}_{label}_{take}.wav"
                wave = np.sin(2 * np.pi * tone * (1 + 0.05 * speaker) * time)
                wave = 0.3 * wave + 0.01 * generator.standard_normal(len(time))
                soundfile.write(folder / name, wave, RATE)
                lines.append([name, label, f"s{speaker}", "female" if speaker % 2 else "male"])
    path = folder / "clips.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(lines)
    return path


@pytest.fixture(scope="module")
def settings(manifest):
    return zoo.entry("emotion-gru").config_class(
        data=str(manifest), backbone="logmel", protocol="kfold:3", hidden=16, epochs=12,
        lr=5e-3, batch_size=8, precision="fp32", device="cpu", speech_gate="off",
    )  # fmt: skip


@pytest.fixture(scope="module")
def study(settings, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NLPCL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield nlpcl.fit(settings, out=tmp_path_factory.mktemp("study") / "run")


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_clip_is_tested_once_by_a_model_that_never_heard_its_speaker(study):
    rows = lines_of(study.folder / "predictions.jsonl")
    assert len({row["id"] for row in rows}) == len(rows) == 36
    for fold in study.record["leaks"]["folds"]:
        heard = {*fold["train"].split(", "), *fold["dev"].split(", ")}
        tested = {row["speaker"] for row in rows if row["fold"] == fold["name"]}
        assert tested == set(fold["test"].split(", "))
        assert not heard & tested
        assert fold["shared"] == "none"


def test_the_report_pools_the_folds(study):
    from sklearn.metrics import balanced_accuracy_score

    rows = lines_of(study.folder / "predictions.jsonl")
    gold, found = [row["gold"] for row in rows], [row["label"] for row in rows]
    metrics = study.report["metrics"]
    assert metrics["ua"] == pytest.approx(100 * balanced_accuracy_score(gold, found))
    assert metrics["ua"] > 90, "pitch tells these two apart"
    names = [table["name"] for table in study.report["tables"]]
    for name in ("classification", "folds", "by_speaker", "by_gender", "leaks", "confusion"):
        assert name in names
    assert "3 folds, speaker-independent" in study.report["tables"][0]["title"]
    epochs = [
        nlpcl.load(study.folder / "folds" / fold["name"]).record["seconds_per_epoch"]
        for fold in study.record["leaks"]["folds"]
    ]
    assert study.record["seconds_per_epoch"] == sorted(epochs)[1] > 0


def test_eval_shows_the_out_of_fold_predictions(study, run_main):
    report, rows = study.evaluate()
    kept = {name: one for name, one in study.report["metrics"].items() if "baseline" not in name}
    assert report.metrics == pytest.approx(kept)
    assert study.report["metrics"]["baseline_ua"] == 100, "mean and deviation tell pitch apart"
    out = " ".join(run_main("eval", study.folder).out.split())
    assert "beside a plain baseline" in out
    assert len(rows) == 36
    result = run_main("eval", study.folder, "--by", "gender", "--format", "json")
    tables = json.loads(result.out)["tables"]
    assert tables[0]["name"] == "by_gender"
    assert "Did you mean 'gender'" in run_main("eval", study.folder, "--by", "gendr").error_line


def test_a_finished_fold_is_kept_when_the_study_goes_on(study, settings, tmp_path):
    import shutil

    copy = tmp_path / "run"
    shutil.copytree(study.folder, copy)
    record = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(record | {"state": "interrupted"}))
    folds = sorted((copy / "folds").iterdir())
    shutil.rmtree(folds[-1])
    kept = (folds[0] / "run.json").stat().st_mtime_ns
    again = nlpcl.fit(settings, out=copy, resume=True)
    assert (folds[0] / "run.json").stat().st_mtime_ns == kept
    assert again.report["metrics"]["ua"] == pytest.approx(study.report["metrics"]["ua"])


def test_a_study_is_verified_with_its_folds(study, run_main, tmp_path):
    import shutil

    copy = shutil.copytree(study.folder, tmp_path / "run")
    result = run_main("verify", copy, "--format", "json")
    rows = json.loads(result.out)["tables"][0]["rows"]
    assert result.code == 0, rows
    assert {held for _, held, _ in rows} == {"yes"}
    assert sum(check.startswith("fold ") for check, _, _ in rows) == 3, "a line each"
    first = study.record["leaks"]["folds"][0]["name"]
    lines = (copy / "folds" / first / "predictions.jsonl").read_text(encoding="utf-8")
    (copy / "folds" / first / "predictions.jsonl").write_text(
        lines.replace('"label": "angry"', '"label": "sad"')
    )
    result = run_main("verify", copy, "--format", "json")
    rows = json.loads(result.out)["tables"][0]["rows"]
    assert result.code == 1
    ((check, seen),) = [(check, seen) for check, held, seen in rows if held == "no"]
    assert check == f"fold {first}"
    assert "predictions: predictions.jsonl has changed, report from predictions: " in seen


def test_an_interrupted_study_names_its_folds(study, settings, run_main, tmp_path, monkeypatch):
    from nlpcl.runs import folds

    usual = folds.fit_fold

    def stopped(*given):
        if given[3].name == study.record["leaks"]["folds"][1]["name"]:
            raise KeyboardInterrupt
        return usual(*given)

    monkeypatch.setattr(folds, "fit_fold", stopped)
    with pytest.raises(KeyboardInterrupt, match=f"--resume {tmp_path / 'run'}"):
        nlpcl.fit(dataclasses.replace(settings, epochs=1), out=tmp_path / "run")
    line = run_main("eval", tmp_path / "run").error_line
    assert "state: interrupted" in line
    first = study.record["leaks"]["folds"][0]["name"]
    assert run_main("eval", tmp_path / "run" / "folds" / first).code == 0


def test_predict_gives_probabilities_with_times(study, manifest, run_main):
    clip = manifest.parent / "s0_angry_0.wav"
    whole = run_main("predict", "emotion", clip, "--checkpoint", study.folder, "--format", "jsonl")
    (row,) = [json.loads(line) for line in whole.out.splitlines()]
    assert set(row) == {"path", "start", "end", "label", "probabilities"}
    assert (row["start"], row["end"]) == (0.0, 0.3)
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert row["label"] == "angry"
    options = ["--window", "0.2", "--hop", "0.1", "--checkpoint", study.folder]
    result = run_main("predict", "emotion", clip, *options, "--format", "csv")
    found = list(csv.DictReader(result.out.splitlines()))
    assert [(float(one["start"]), float(one["end"])) for one in found] == [(0, 0.2), (0.1, 0.3)]


def test_what_cannot_be_read_is_a_row_with_an_error(study, manifest, tmp_path, run_main):
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF nothing")
    clip = manifest.parent / "s1_sad_0.wav"
    options = ["--checkpoint", study.folder, "--format", "jsonl"]
    result = run_main("predict", "emotion", broken, clip, *options)
    assert result.code == 1
    error, answer = map(json.loads, result.out.splitlines())
    assert error["path"] == str(broken)
    assert "broken.wav" in error["error"]
    assert answer["label"]
    assert "skipped" in result.err
    alone = run_main("predict", "emotion", broken, *options)
    assert alone.code == 2


@pytest.mark.parametrize(
    ("protocol", "what"), [("loso", "session"), ("kfold:9", "speakers"), ("kfold:1", "no protocol")]
)
def test_a_protocol_that_does_not_fit_is_refused(settings, protocol, what, tmp_path):
    with pytest.raises(UserError, match=what):
        nlpcl.fit(dataclasses.replace(settings, protocol=protocol), out=tmp_path / "run")


def test_the_one_model_is_tested_on_clips_that_it_has_not_learnt(study, manifest, monkeypatch):
    from nlpcl.runs.learnt import load_new

    fold = study.record["model_fold"]
    tested = {row["id"] for row in study.all_predictions if row["fold"] == fold}
    monkeypatch.chdir(manifest.parent)
    for data in (str(manifest), "clips.csv"):
        config = dataclasses.replace(study.config, data=data)
        found = load_new(study, config, keep=False)
        assert {row["id"] for row in found.test["clips"]} == tested
        assert f"{36 - len(tested)} of 36 rows of clips LEFT OUT" in found.protocol
        assert len(load_new(study, config, keep=True).test["clips"]) == 36


@pytest.fixture(scope="module")
def with_a_rare_class(manifest, tmp_path_factory):
    """The clips of five speakers, of whom one alone is ever bored, and of two speakers."""
    lines = manifest.read_text(encoding="utf-8").splitlines()
    rare = manifest.with_name("rare.csv")
    bored = [line.replace(",angry,", ",bored,") if "s2_angry_0" in line else line for line in lines]
    rare.write_text("\n".join(line for line in bored if "s5" not in line) + "\n")
    few = manifest.with_name("few.csv")
    few.write_text("\n".join([lines[0], *(s for s in lines if "s0_" in s or "s1_" in s)]) + "\n")
    return rare, few


def test_a_class_that_a_fold_lacks_is_told_first_and_counted_wrong(
    with_a_rare_class, settings, tmp_path, run_main, capsys
):
    few = dataclasses.replace(settings, data=str(with_a_rare_class[0]), protocol="lospo", epochs=1)
    run = nlpcl.fit(few, out=tmp_path / "run", quiet=False)
    said = "fold s2: no training clip of bored, so that its 1 test clips"
    heard = capsys.readouterr().err
    assert heard.index(said) < heard.index("fold 1 of 5")
    assert said in " ".join(run.record["data"]["notes"])
    assert all(set(row["probabilities"]) == {"angry", "bored", "sad"} for row in run.predictions)
    (row,) = [row for row in run.predictions if row["gold"] == "bored"]
    assert row["label"] != "bored"
    assert run.record["model_fold"] != "s2", "the kept model knows every class"
    lines = (run.folder / "baseline.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(run.predictions)
    assert run_main("eval", run.folder).code == 0


def test_two_speakers_are_selected_on_clips(with_a_rare_class, settings, tmp_path, run_main):
    data = ["--data", with_a_rare_class[1], "--backbone", "logmel", "--protocol", "lospo"]
    line = run_main("train", "emotion-gru", *data).err
    assert "Or select on clips of heard speakers: --dev clips" in line
    line = run_main("train", "emotion-gru", *data[:4], "--protocol", "random", "--dev", "clips")
    assert "--dev: has no effect" in line.error_line
    few = dataclasses.replace(
        settings, data=str(with_a_rare_class[1]), protocol="lospo", dev="clips", epochs=1
    )
    run = nlpcl.fit(few, out=tmp_path / "run")
    assert "HEARD speakers" in run.report["tables"][0]["title"]
    leaks = next(table for table in run.report["tables"] if table["name"] == "leaks")
    assert "Dev SHARES its speakers with train" in leaks["note"]
