"""Groups of speakers, the speaker probe, length and noise of clips."""

from __future__ import annotations

import math

import numpy as np
import pytest
import soundfile
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import emotion, items
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.metrics.rates import wilson_interval
from nlpcl.runs.run import Run

OPTIONS = Options()
THREE_OF_FOUR = (30.06, 95.44)  # Wilson's interval, as in tables
ONE_OF_FOUR = (4.56, 69.94)


@pytest.fixture
def two_speakers(make_run, answer):
    """The run of two speakers with 4 clips: 3 right ones of ada, 1 right one of bob."""
    told = [("ada", "angry", "angry")] * 3 + [("ada", "sad", "angry")]
    told += [("bob", "angry", "sad"), ("bob", "sad", "sad")] + [("bob", "sad", "angry")] * 2
    rows = [
        answer(at, gold, label, speaker=speaker, gender="female")
        for at, (speaker, gold, label) in enumerate(told)
    ]
    return Run(make_run(rows=rows))


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


def test_groups_are_drawn_with_their_ends(two_speakers, drawn):
    found = emotion.load_groups(two_speakers, OPTIONS)
    (axes,) = emotion.draw_groups(**found.values).axes  # one gender alone is no grouping
    assert drawn.title(axes) == "by speaker"
    # From below; accuracy above UA, which is over the classes of the speaker.
    assert drawn.ticks(axes.yaxis) == ["bob (n = 4)", "ada (n = 4)"]
    accuracy, ua = drawn.middles(axes)
    assert_allclose(accuracy, [(25, 0.16), (75, 1.16)])
    assert_allclose(ua, [(100 / 6, -0.16), (50, 0.84)])
    ends = [[(x, 0.16) for x in ONE_OF_FOUR], [(x, 1.16) for x in THREE_OF_FOUR]]
    assert_allclose(drawn.whiskers(axes)[0], ends, atol=0.005)
    assert drawn.legend(axes.get_legend()) == ["accuracy", "UA"]


def test_ends_of_a_group_are_its_own(drawn):
    rows = [
        {"by": by, "group": group, "n": 9, "score": score, "value": 50.0}
        | {"low": 50 - at - more, "high": 60 + at + more}
        for by, groups in (("speaker", "ab"), ("gender", "fm"))
        for at, group in enumerate(groups)
        for score, more in (("accuracy", 0), ("UA", 10))
    ]
    figure = emotion.draw_groups(rows)
    assert [drawn.title(axes) for axes in figure.axes] == ["by speaker", "by gender"]
    for axes in figure.axes:
        accuracy, ua = (ends[:, :, 0].tolist() for ends in drawn.whiskers(axes))
        assert accuracy == [[49, 61], [50, 60]]  # the second group below the first one
        assert ua == [[39, 71], [40, 70]]


def test_too_many_groups_are_cut_to_the_worst(make_run, answer, drawn):
    rows = [
        answer(at, "sad", "sad" if at % 40 > 5 else "angry", speaker=f"s{at % 40:02}")
        for at in range(80)
    ]
    found = emotion.load_groups(Run(make_run(rows=rows)), OPTIONS)
    assert "Of 40 speakers the 30 with the lowest UA are drawn" in found.caption
    assert len(found.rows) == 80  # the data hold them all
    (axes,) = emotion.draw_groups(**found.values).axes
    accuracy, _ = drawn.middles(axes)
    assert len(accuracy) == 30
    assert [value for value, _ in accuracy] == [100.0] * 24 + [0.0] * 6
    assert drawn.ticks(axes.yaxis)[-6:] == [f"s0{at} (n = 2)" for at in (5, 4, 3, 2, 1, 0)]


def test_clips_of_one_group_are_a_reason(make_run, answer):
    rows = [answer(0, "sad", "sad", speaker="a"), answer(1, "angry", "sad", speaker="a")]
    with pytest.raises(LeftOut, match="no two speakers"):
        emotion.load_groups(Run(make_run(rows=rows)), OPTIONS)


def test_duration_bins_and_reason_without_sounds(make_run, clip_rows):
    found = emotion.load_duration(Run(make_run(rows=clip_rows)), OPTIONS)
    by_length = [row for row in found.rows if row["of"] == "seconds"]
    assert [row["n"] for row in by_length] == [16, 20, 24]  # up to 2 s, 4 s, 8 s
    assert "No SNR" in found.caption


def test_accuracy_is_drawn_by_length_and_noise(make_run, answer, monkeypatch, drawn):
    # 5 clips up to 2 s with 4 right ones, 5 up to 4 s with 2, and 4 longer ones, too few to draw.
    lengths = [1.0, 1.0, 1.0, 1.0, 2.0] + [3.0] * 5 + [9.0] * 4
    right = [True] * 4 + [False] + [True, True] + [False] * 3 + [True] * 4
    rows = [
        answer(at, "sad", "sad" if good else "angry", seconds=length)
        for at, (length, good) in enumerate(zip(lengths, right, strict=True))
    ]
    levels = np.array([10.0, 20, 30, 40, 50] * 2 + [math.nan] * 4)
    monkeypatch.setattr(emotion, "noise", lambda run, seed: (levels, "SNR of 10 clips. "))
    monkeypatch.setattr(emotion, "quarters", lambda values: np.array([5.0, 30.0, 50.0]))
    found = emotion.load_duration(Run(make_run(rows=rows)), OPTIONS)
    length, noise = emotion.draw_duration(**found.values).axes
    assert drawn.bars(length) == [[(0, 80), (1, 40)]]
    assert drawn.ticks(length.xaxis) == ["0–2\nn = 5", "2–4\nn = 5"]
    wanted = [wilson_interval(4, 5), wilson_interval(2, 5)]
    assert_allclose(drawn.whiskers(length)[0][:, :, 1], wanted)
    assert_allclose(wanted[0], (37.55, 96.38), atol=0.005)
    # 6 clips up to 30 dB: those of 10, 20 and 30 dB, 5 right of 6; the rest are below the least.
    assert_allclose(drawn.bars(noise), [[(0, 500 / 6)]])
    assert drawn.ticks(noise.xaxis) == ["5–30\nn = 6"]
    assert [axes.get_xlabel() for axes in (length, noise)] == ["seconds", "estimated SNR, dB"]


def test_the_last_bin_is_open():
    assert emotion.between({"above": 8.0, "up to": math.inf}) == "> 8"
    assert emotion.between({"above": -1e-6, "up to": 2.5}) == "0–2.5"


def test_quarters_hold_equally_many_values():
    edges = emotion.quarters(np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9, math.nan]))
    assert_allclose(edges, [1 - 1e-6, 3, 5, 7, 9])


def test_noise_is_told_by_the_quiet_and_the_loud_stretches(tmp_path):
    # 40 stretches of 25 ms: half of them at 0.1, half at 0.01, which is 20 dB less.
    loud = np.repeat([0.1, 0.01] * 20, 400)
    path = tmp_path / "clip.wav"
    soundfile.write(path, loud * np.tile([1, -1], len(loud) // 2), 16_000, subtype="FLOAT")
    level = emotion.level_above_noise({"id": "clip", "path": str(path)})
    assert level == pytest.approx(20.0, abs=0.01)
    soundfile.write(path, np.zeros(16_000), 16_000)
    assert math.isnan(emotion.level_above_noise({"id": "clip", "path": str(path)}))
    soundfile.write(path, np.repeat([0.1, 0.0] * 20, 400), 16_000, subtype="FLOAT")
    assert emotion.level_above_noise({"id": "clip", "path": str(path)}) == 60.0


def test_noise_of_each_prediction_is_that_of_its_own_clip(make_run, answer, monkeypatch):
    rows = [answer(at, "sad", "sad") for at in range(12)]
    run = Run(make_run(rows=rows))
    clips = [{"id": f"clip-{at}", "level": float(at)} for at in reversed(range(11))]
    chosen = items.Items(clips, [True] * 11, 11)
    monkeypatch.setattr(emotion, "items", lambda run, most, seed: chosen)
    monkeypatch.setattr(emotion, "level_above_noise", lambda clip: clip["level"])
    levels, note = emotion.noise(run, 0)
    assert levels[:11].tolist() == list(range(11))
    assert math.isnan(levels[11])
    assert note == "SNR of 11 clips. "
    monkeypatch.setattr(emotion, "level_above_noise", lambda clip: 30.0)
    assert emotion.noise(run, 0)[0] is None


def test_probe_shows_the_study_and_its_folds(make_run, drawn):
    def metrics(ua, probe, chance=25.0, **more):
        told = {"ua": ua, "probe_speaker_heard": probe, "probe_speaker_heard_chance": chance}
        return told | more

    leaks = {"statement": "None.", "manifest": "0", "folds": [{"name": "a"}, {"name": "b"}]}
    whole = metrics(60.0, 40.0, ua_low=52.0, ua_high=71.0)
    folder = make_run(report={"metrics": whole, "tables": []}, leaks=leaks)
    other = make_run("other", report={"metrics": metrics(50.0, 30.0, 15.0), "tables": []})
    for name, numbers in (("a", metrics(58.0, 35.0)), ("b", metrics(62.0, 45.0))):
        (folder / "folds" / name).mkdir(parents=True)
        make_run(f"run/folds/{name}/made", report={"metrics": numbers, "tables": []})
        (folder / "folds" / name / "made" / "report.json").rename(
            folder / "folds" / name / "report.json"
        )
    found = emotion.load_probe([Run(folder), Run(other)], OPTIONS)
    assert [(row["fold"], row["UA"], row["probe"]) for row in found.rows] == [
        ("", 60.0, 40.0),
        ("a", 58.0, 35.0),
        ("b", 62.0, 45.0),
        ("", 50.0, 30.0),
    ]
    (axes,) = emotion.draw_probe(**found.values).axes
    folds, none = drawn.points(axes)
    assert folds.tolist() == [[35, 58], [45, 62]]
    assert len(none) == 0
    assert drawn.middles(axes) == [[(40, 60)], [(30, 50)]]
    assert_allclose(drawn.whiskers(axes)[0], [[(40, 52), (40, 71)]])
    assert drawn.uprights(axes) == [22.5]  # of 25 three times and of 15
    assert drawn.legend(axes.get_legend()) == ["run", "other"]
    assert axes.get_ylabel() == "UA, percent"


def test_runs_without_a_probe_are_a_reason(make_run):
    with pytest.raises(LeftOut, match="no speaker probe"):
        emotion.load_probe([Run(make_run(report={"metrics": {"ua": 1.0}, "tables": []}))], OPTIONS)
