"""``nlpcl eval RUN --robustness``: hand-worked changes, folds that answer for themselves."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import soundfile

import nlpcl
from nlpcl import zoo
from nlpcl.analysis import robustness
from nlpcl.analysis.robustness import AS_IT_IS, Condition, conditions, table_of
from nlpcl.audio.voices import VOICES, spoken

RATE = 16_000


def rows_of(gold, plain, changed):
    return [
        {"gold": right, "speaker": f"s{at % 4}", "answers": {AS_IT_IS: before, "other": after}}
        for at, (right, before, after) in enumerate(zip(gold, plain, changed, strict=True))
    ]


def test_changes_against_hand_worked_numbers():
    gold = list("aaaabbbb")
    rows = rows_of(gold, list("aaaabbba"), [*"aabb", *"bbb", "no speech"])
    table, metrics = table_of(rows, ["a", "b"], [AS_IT_IS, "other"])
    before, after = table.rows
    assert before[:3] == [AS_IT_IS, 87.5, None] and before[-1] == 0
    assert after[1] == 62.5 and after[2] == -25.0
    assert after[3] <= -25.0 <= after[4]
    assert after[5:] == [37.5, 1]
    assert metrics["other/ua_change"] == -25.0 and metrics["other/changed"] == 37.5


def test_where_nothing_changes_there_is_no_interval_of_width_0():
    rows = rows_of("aabb" * 5, "abab" * 5, "abab" * 5)
    table, _ = table_of(rows, ["a", "b"], [AS_IT_IS, "other"])
    assert list(table.rows[1][1:]) == [50.0, 0.0, None, None, 0.0, 0]
    assert "up to 16.8 %" in table.note


def test_conditions_are_those_that_are_told_and_seeded_by_the_clip():
    import torch

    known = conditions()
    names = [one.name for one in known]
    assert names[0] == AS_IT_IS and len(set(names)) == len(names)
    for part in ("gain -30 dB", "gain +6 dB", "SNR 5 dB", "300-3400 Hz", "8 kHz", "silence after"):
        assert any(part in name for name in names)
    wave = torch.from_numpy(spoken(VOICES[0], "sad", np.random.default_rng(0))).float()
    for one in known:
        first, again = (one.change(wave, robustness.seeded({"id": "x"}, one)) for _ in range(2))
        assert torch.equal(first, again)
        assert torch.equal(first, wave) == (one.name == AS_IT_IS)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two folds of four voices in two moods."""
    folder = tmp_path_factory.mktemp("clips")
    generator = np.random.default_rng(0)
    lines = [["path", "label", "speaker"]]
    for number, voice in enumerate(VOICES[:4]):
        for mood in ("angry", "happy"):
            for take in range(2):
                name = f"s{number}_{mood}_{take}.wav"
                soundfile.write(folder / name, spoken(voice, mood, generator), RATE)
                lines.append([name, mood, f"s{number}"])
    with (folder / "clips.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(lines)
    config = zoo.entry("emotion-gru").config_class(
        data=str(folder / "clips.csv"), backbone="logmel", protocol="kfold:2", hidden=8, epochs=2,
        batch_size=4, dev_fraction=0.4, precision="fp32", device="cpu", speech_gate="voice",
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NLPCL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield nlpcl.fit(config, out=tmp_path_factory.mktemp("study") / "run", quiet=True)


@pytest.fixture
def few(monkeypatch):
    """Three conditions: as it is, silence, and ten decibels less."""
    known = [
        Condition(AS_IT_IS, lambda waveform, generator: waveform),
        Condition("nothing", lambda waveform, generator: 0 * waveform),
        Condition("quieter", lambda waveform, generator: 0.3 * waveform),
    ]
    monkeypatch.setattr(robustness, "conditions", lambda: known)
    monkeypatch.setattr(robustness, "SECONDS", 3.0)


def test_each_fold_answers_for_its_own_clips(study, few, run_main, tmp_path):
    out = tmp_path / "report.json"
    given = ("--format", "json", "--output", out, "--device", "cpu", "--precision", "fp32")
    result = run_main("eval", study.folder, "--robustness", *given)
    assert result.code == 0, result.err
    (table,) = json.loads(result.out)["tables"]
    cells = {row[0]: dict(zip(table["columns"], row, strict=True)) for row in table["rows"]}
    assert cells[AS_IT_IS]["UA"] == pytest.approx(study.report["metrics"]["ua"])
    assert cells["nothing"]["UA"] == 0 and cells["nothing"]["no speech"] == 16
    assert cells["nothing"]["changed (%)"] == 100
    assert cells["quieter"]["changed (%)"] == 0
    assert "n = 16" in table["title"]
    rows = [json.loads(line) for line in out.with_suffix(".predictions.jsonl").open()]
    scored = {row["id"]: row["label"] for row in study.all_predictions}
    assert {row["id"]: row["answers"][AS_IT_IS] for row in rows} == scored


def test_one_model_on_other_data(study, few, run_main):
    data = study.config.data
    result = run_main(
        *("eval", study.folder, "--robustness", "--data", data, "--keep-overlap"),
        *("--format", "json", "--device", "cpu"),
    )
    assert result.code == 0, result.err
    (table,) = json.loads(result.out)["tables"]
    assert "SPEAKER-DEPENDENT" in table["note"]


def test_it_is_for_speech_alone(finished_run, run_main):
    result = run_main("eval", finished_run, "--robustness")
    assert result.code == 2
    assert "--robustness: is for models of speech" in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_it_stands_alone(study, run_main):
    result = run_main("eval", study.folder, "--robustness", "--by", "speaker")
    assert result.code == 2 and "--by and --robustness" in result.err
