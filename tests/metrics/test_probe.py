from __future__ import annotations

import math

import numpy as np
import pytest

from nlpcl.metrics.probe import Probe, probe, probe_table

SPEAKERS = [f"s{index}" for index in range(8)]


def clips(strength: float, seed: int = 0, each: int = 20) -> tuple[np.ndarray, list[str]]:
    """Embeddings (8 * each, 16) with a direction a speaker, and the speakers."""
    generator = np.random.default_rng(seed)
    names = np.repeat(np.arange(8), each)
    centres = generator.standard_normal((8, 16))
    values = strength * centres[names] + generator.standard_normal((len(names), 16))
    return values, [SPEAKERS[name] for name in names]


def test_a_planted_speaker_is_read_and_noise_is_not():
    values, names = clips(3.0)
    found = probe(values, names)
    assert found.accuracy.value > 95
    assert found.accuracy.low < found.accuracy.value
    assert (found.n, len(found.classes), found.folds) == (160, 8, 5)
    assert found.largest_share == found.uniform == 12.5
    nothing = probe(*clips(0.0))
    assert nothing.accuracy.low < 12.5 < nothing.accuracy.high


def test_removing_the_speaker_direction_lowers_the_probe():
    values, names = clips(1.5)
    means = {name: values[np.array(names) == name].mean(0) for name in SPEAKERS}
    removed = values - np.stack([means[name] for name in names])
    assert probe(removed, names).accuracy.high < probe(values, names).accuracy.low


def test_gender_is_read_from_other_speakers():
    values, names = clips(3.0)
    gender = ["female" if int(name[1]) % 2 else "male" for name in names]
    # A gender that is only in the speakers' directions is no gender: high when speakers leak.
    assert probe(values, gender, target="gender").accuracy.value > 90
    apart = probe(values, gender, target="gender", groups=names)
    assert apart.accuracy.value < 85 and apart.groups == 8
    voiced = clips(0.5)[0]
    voiced[:, 0] += np.array([8.0 if name == "female" else -8.0 for name in gender])
    found = probe(voiced, gender, target="gender", groups=names)
    assert found.accuracy.value > 90 and found.folds == 4
    assert set(found.as_metrics()) == {"probe_gender_accuracy", "probe_gender_chance"}


def test_deterministic_and_repeated():
    values, names = clips(0.7)
    first, second = probe(values, names, seed=4), probe(values, names, seed=4)
    assert first == second
    assert probe(values, names, seed=5).accuracy.value != first.accuracy.value
    repeated = probe(values, names, repeats=3)
    assert repeated.repeats == 3 and repeated.n == first.n


def test_small_classes_and_nameless_items_are_left_out():
    values, names = clips(3.0)
    values = np.concatenate([values, values[:3]])
    found = probe(values, [*names, "lone", "", ""])
    assert found.left_out == 3 and len(found.classes) == 8
    few = probe(values[:40], names[:40])
    assert few.classes == ("s0", "s1")


def test_unbalanced_chance():
    values, _ = clips(0.0)
    found = probe(values[:60], ["x"] * 45 + ["y"] * 15)
    assert found.largest_share == 75 and found.uniform == 50


def test_table():
    found = probe(*clips(3.0))
    table = probe_table([found])
    assert table.rows[0][0] == "speaker" and table.rows[0][-1] == "random, stratified"
    assert isinstance(found, Probe) and not math.isnan(found.accuracy.low)


@pytest.mark.parametrize(
    ("values", "names", "groups"),
    [
        (np.zeros((4, 2)), ["a"] * 4, None),
        (np.zeros((4, 2)), ["a", "a", "b"], None),
        (np.zeros((4,)), ["a", "a", "b", "b"], None),
        (np.full((4, 2), np.nan), ["a", "a", "b", "b"], None),
        (np.zeros((4, 2)), ["a", "b", "c", "d"], None),
        (np.zeros((4, 2)), ["f", "f", "m", "m"], ["s1", "s1", "s2", "s2"]),
        (np.zeros((4, 2)), ["f", "f", "m", "m"], ["s1"]),
        (np.zeros((0, 2)), [], None),
    ],
)
def test_wrong_input_is_refused(values, names, groups):
    with pytest.raises(ValueError):
        probe(values, names, groups=groups)
