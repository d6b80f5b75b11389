from __future__ import annotations

import numpy as np
import pytest

from nlpcl.tasks.emotion.probe import GENDER, HEARD, UNHEARD, probe_metrics, probe_summary, probes


def rows_of(speakers, clips=12):
    return [
        {"speaker": name, "gender": "female" if at % 2 else "male"}
        for at, name in enumerate(speakers)
        for _ in range(clips)
    ]


def test_a_planted_speaker_is_read_and_noise_is_not():
    generator = np.random.default_rng(0)
    rows = rows_of("abcdefgh")
    noise = generator.normal(size=(len(rows), 6)).astype("float32")
    known = noise + 8 * np.array(
        [[ord(row["speaker"]) % 8 == at for at in range(6)] for row in rows]
    )
    planted = probes(known, rows, heard=set("abcdef"))
    assert set(planted) == {HEARD, UNHEARD, GENDER}
    assert planted[HEARD].accuracy > 80
    blind = probes(noise, rows, heard=set("abcdef"))
    assert blind[HEARD].accuracy < 45 and blind[HEARD].majority_accuracy == pytest.approx(100 / 6)


def test_what_the_clips_do_not_allow_is_left_out():
    rows = [row | {"gender": ""} for row in rows_of("abc")]
    vectors = np.random.default_rng(1).normal(size=(len(rows), 4))
    assert set(probes(vectors, rows, heard=set("ab"))) == {HEARD}
    assert probe_summary([{}, {"ua": 1.0}]) == ({}, [])


def test_the_summary_is_the_mean_over_models():
    metrics, tables = probe_summary(
        [
            {"probe_gender": 60.0, "probe_gender_chance": 50.0},
            {"probe_gender": 70.0, "probe_gender_chance": 50.0},
        ]
    )
    assert metrics == {"probe_gender": 65.0, "probe_gender_chance": 50.0}
    (row,) = tables[0].rows
    # t(0.975, 1) = 12.706 times the standard error 5.
    assert list(row) == [
        GENDER,
        65.0,
        pytest.approx(1.47, abs=0.01),
        pytest.approx(128.53, abs=0.01),
        50.0,
        2,
    ]
    assert probe_metrics({}) == {}
