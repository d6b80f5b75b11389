"""The built-in emotion model: its size, its answers, its card, and how one is packed."""

from __future__ import annotations

import json

import numpy
import pytest
import soundfile
import soxr
from pack_emotion_model import pack

from nlpcl import tasks
from nlpcl.audio.voices import VOICES, spoken
from nlpcl.core.errors import UserError
from nlpcl.runs.opening import open_checkpoint

EMOTION = tasks.spec("emotion").builtin.weights.parent
LABELS = ["angry", "happy", "neutral", "sad"]


@pytest.fixture
def sound(tmp_path):
    """Two seconds of a voice at another rate than the model's, in two channels."""
    wave = spoken(VOICES[1], "angry", numpy.random.default_rng(0))
    wave = soxr.resample(numpy.resize(wave, 32_000), 16_000, 22_050)
    soundfile.write(tmp_path / "file.wav", numpy.stack([wave, wave], axis=1), 22_050)
    return tmp_path / "file.wav"


def test_it_is_small_and_its_card_names_terms_and_numbers():
    size = sum(path.stat().st_size for path in EMOTION.iterdir())
    assert size <= 2_000_000
    card = (EMOTION / "README.md").read_text(encoding="utf-8")
    for part in ("CC BY-NC-SA 4.0", "RAVDESS", "EmoDB", "not heard", "pack_emotion_model"):
        assert part in card


def test_it_answers_without_a_run(run_main, sound, monkeypatch):
    monkeypatch.chdir(sound.parent)
    result = run_main("predict", "emotion", "file.wav", "--format", "jsonl", "--device", "cpu")
    assert result.code == 0, result.err
    assert "built-in emotion model" in result.err
    (row,) = map(json.loads, result.out.splitlines())
    assert row["start"] == 0 and row["end"] == pytest.approx(2, abs=0.02)
    assert sorted(row["probabilities"]) == LABELS
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert row["label"] == max(row["probabilities"], key=row["probabilities"].get)
    windows = run_main(
        *("predict", "emotion", "file.wav", "--window", "1", "--hop", "0.5", "--format", "jsonl")
    )
    starts = [json.loads(line)["start"] for line in windows.out.splitlines()]
    assert starts[:3] == [0, 0.5, 1.0]


def test_half_precision_is_read_as_full():
    predictor = open_checkpoint("builtin", tasks.spec("emotion"), device="cpu", precision="fp32")
    assert {str(weight.dtype) for weight in predictor.model.parameters()} == {"torch.float32"}
    assert predictor.task.labels == LABELS


def test_other_runs_are_refused(finished_run, tmp_path):
    with pytest.raises(UserError, match="no speech model"):
        pack(finished_run, tmp_path / "out")
    with pytest.raises(UserError, match="no such run"):
        pack(tmp_path / "none", tmp_path / "out")
    assert not (tmp_path / "out").exists()
