"""Attention over the sound, probabilities over time, of invented answers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import emotion_sound
from nlpcl.analysis.figures.kinds import Options
from nlpcl.analysis.figures.style import COLOURS, colour
from nlpcl.audio import reading

RATE = 16_000


@pytest.fixture
def clip():
    """Half a second, four stretches a sample of which stands out, and four frames."""
    waveform = np.zeros(8000)
    waveform[0], waveform[25], waveform[7999] = 0.5, -0.25, 1.0
    return emotion_sound.Clip(
        title="sad → angry (0.70)",
        waveform=waveform,
        times=np.array([0.0625, 0.1875, 0.3125, 0.4375]),
        attention=np.array([0.1, 0.2, 0.3, 0.4]),
        mel=np.arange(100.0).reshape(2, 50),
        entropy=0.9233,
    )


def test_attention_is_drawn_relative_to_equal_weights(clip, drawn):
    figure = emotion_sound.draw_attention([clip])
    above, below, over, over_mel = figure.axes
    line = [(0.0625, 0.4), (0.1875, 0.8), (0.3125, 1.2), (0.4375, 1.6)]
    for axes in (over, over_mel):
        assert_allclose(drawn.lines(axes)["_child0"], line)
        # 1.2 times the 97th percentile: 1.2 + 0.91 x 0.4.
        assert_allclose(axes.get_ylim(), (0, 1.2 * 1.564))
    assert over.lines[0].get_color() == COLOURS[1]
    assert drawn.title(above) == "sad → angry (0.70)  entropy 0.923"
    band = drawn.band(above)
    assert len(band) == 400
    assert_allclose(list(band)[1], 0.5 / 399)
    assert band[0.0] == (0, 0.5)  # 20 samples each
    assert band[list(band)[1]] == (-0.25, 0)
    assert band[0.5] == (0, 1)
    (image,) = below.images
    assert image.get_array().tolist() == clip.mel.tolist()
    assert tuple(image.get_extent()) == (0, 0.5, 0, 2)
    assert image.origin == "lower"
    assert above.get_xlim() == below.get_xlim() == (0, 0.5)


def test_clips_stand_side_by_side_with_the_sound_above(clip, drawn):
    clips = [
        emotion_sound.Clip(name, clip.waveform, clip.times, clip.attention, clip.mel + at, 1.0)
        for at, name in enumerate("abc")
    ]
    figure = emotion_sound.draw_attention(clips)
    grid = figure.axes[:8]
    assert [drawn.title(axes) for axes in grid] == [
        *("a  entropy 1.000", "b  entropy 1.000", "", ""),
        *("c  entropy 1.000", "", "", ""),
    ]
    assert [axes.images[0].get_array()[0, 0] for axes in (grid[2], grid[3], grid[6])] == [0, 1, 2]
    assert [axes.axison for axes in grid] == [True, True, True, True, True, False, True, False]


@pytest.fixture
def hearing(monkeypatch):
    """A run whose model attends to two of three real frames; the clip is half a second long."""

    class Model(torch.nn.Linear):
        def explain(self, inputs, attention_mask):
            assert inputs.tolist() == [[1.0]]
            return torch.tensor([[0.25, 0.0, 0.75, 0.0, 0.0]])

    def collate(features):
        return {"inputs": torch.tensor([features]), "attention_mask": torch.ones(1, 1)}

    processor = SimpleNamespace(frame_rate=10.0, prepare=lambda waveform: waveform)
    task = SimpleNamespace(collate=collate, processor=processor)
    run = SimpleNamespace(model=Model(1, 1), task=task, record={"model": "invented"})
    monkeypatch.setattr(emotion_sound, "listening", lambda run: run.model)
    monkeypatch.setattr(emotion_sound, "encoded", lambda run, examples: [1.0])
    monkeypatch.setattr(reading, "read_clip", lambda example: torch.ones(8000))
    return run


def test_a_clip_is_cut_behind_its_last_frame(hearing):
    answer = {"gold": "sad", "label": "angry", "probabilities": {"angry": 0.7, "sad": 0.3}}
    found = emotion_sound.clip_of(hearing, {"id": "x"}, answer)
    assert found.title == "sad → angry (0.70)"
    assert_allclose(found.times, [0.05, 0.15, 0.25])
    assert_allclose(found.attention, [0.25, 0, 0.75])
    # Of the two used frames over three equal ones.
    entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75)) / np.log(3)
    assert found.entropy == pytest.approx(entropy)
    assert found.waveform.tolist() == [1.0] * 8000
    assert found.mel.shape[1] in (50, 51)


def test_of_each_class_the_surest_right_answer_is_chosen():
    def row(name, gold, label, share):
        return {"id": name, "gold": gold, "label": label, "probabilities": {label: share}}

    rows = [
        row("a", "sad", "sad", 0.6),
        row("b", "sad", "sad", 0.7),
        row("c", "sad", "angry", 0.9),
        row("d", "angry", "sad", 0.5),
        row("e", "angry", "sad", 0.8),
        row("f", "sad", "sad", 0.95),
    ]
    run = SimpleNamespace(predictions=rows)
    chosen = emotion_sound.surest(run, set("abcde"))
    assert [found["id"] for found in chosen] == ["e", "b"]


def test_probabilities_over_time_are_drawn_in_the_middle_of_windows(tmp_path, drawn):
    soundfile.write(tmp_path / "long.wav", np.zeros(8 * RATE), RATE)
    asked = {}
    answers = [(0, 3, "a", 0.7), (1, 4, "b", 0.4), (2, 5, "b", 0.1), (7, 8, "a", 0.9)]

    def predict(files, **options):
        asked.update(options, files=files)
        return [
            {"start": float(start), "end": float(end), "label": label}
            | {"probabilities": {"a": share, "b": 1 - share}}
            for start, end, label, share in answers
        ]

    run = SimpleNamespace(predict=predict, name="run", is_study=False)
    found = emotion_sound.load_timeline(run, Options(audio=tmp_path / "long.wav"))
    assert asked == {"files": [str(tmp_path / "long.wav")], "window": 3.0, "hop": 1.0}
    assert "long.wav, 8.0 s: 3 windows of 3 s, one every 1 s" in found.caption
    above, below = emotion_sound.draw_timeline(**found.values).axes
    # The last window, shorter than half of the others, tells nothing.
    lines = drawn.lines(above)
    assert_allclose(lines["a"], [(1.5, 0.7), (2.5, 0.4), (3.5, 0.1)])
    assert_allclose(lines["b"], [(1.5, 0.3), (2.5, 0.6), (3.5, 0.9)])
    spans = [(part.get_x(), part.get_x() + part.get_width()) for part in below.patches]
    assert spans == [(0, 2), (2, 3), (3, 8)]
    assert [to_hex(part.get_facecolor()) for part in below.patches] == [
        *(colour(0), colour(1), colour(1))
    ]
    assert below.get_xlim() == (0, 8)


def test_where_nobody_speaks_there_is_a_gap(drawn):
    rows = [
        {"start": 0.0, "end": 3.0, "label": "a", "a": 0.7, "b": 0.3},
        {"start": 1.0, "end": 4.0, "label": "no speech", "a": None, "b": None},
        {"start": 2.0, "end": 5.0, "label": "b", "a": 0.2, "b": 0.8},
    ]
    above, below = emotion_sound.draw_timeline(rows, ["a", "b"], 5.0).axes
    assert np.isnan(drawn.lines(above)["a"][1][1])
    spans = [(part.get_x(), part.get_x() + part.get_width()) for part in below.patches]
    assert spans == [(0, 2), (3, 5)]


def test_a_very_long_file_has_about_200_answers(tmp_path):
    soundfile.write(tmp_path / "long.wav", np.zeros(500 * 8000, np.int16), 8000)
    asked = []
    row = {"start": 0.0, "end": 3.0, "label": "a", "probabilities": {"a": 1.0}}
    run = SimpleNamespace(
        predict=lambda files, window, hop: asked.append(hop) or [row], name="run", is_study=False
    )
    emotion_sound.load_timeline(run, Options(audio=tmp_path / "long.wav"))
    assert asked == [2.5]
