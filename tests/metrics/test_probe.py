from __future__ import annotations

import numpy as np
import pytest

from nlpcl.metrics.probe import Probe, probe

SPEAKERS = [f"s{index}" for index in range(8)]


def clips(strength: float, seed: int = 0, each: int = 20) -> tuple[np.ndarray, list[str]]:
    """Embeddings (8 * each, 16) with a direction a speaker, and the speakers."""
    generator = np.random.default_rng(seed)
    names = np.repeat(np.arange(8), each)
    centres = generator.standard_normal((8, 16))
    values = strength * centres[names] + generator.standard_normal((len(names), 16))
    return values, [SPEAKERS[name] for name in names]


def test_a_planted_speaker_is_read_and_noise_is_not():
    found = probe(*clips(3.0))
    assert found.accuracy > 95
    assert found.majority_accuracy == 12.5
    # Three standard errors of a guess among 8 in 160 items: 7.8 points.
    assert abs(probe(*clips(0.0)).accuracy - 12.5) < 7.8


def test_removing_the_speaker_direction_lowers_the_probe():
    values, names = clips(1.5)
    means = {name: values[np.array(names) == name].mean(0) for name in SPEAKERS}
    removed = values - np.stack([means[name] for name in names])
    assert probe(values, names).accuracy > 80
    assert probe(removed, names).accuracy < 12.5


def test_gender_is_read_from_other_speakers():
    values, names = clips(3.0)
    gender = ["female" if int(name[1]) % 2 else "male" for name in names]
    # A gender that is only in the speakers' directions is no gender: high when speakers leak.
    assert probe(values, gender, target="gender").accuracy > 90
    assert probe(values, gender, target="gender", groups=names).accuracy < 85
    voiced = clips(0.5)[0]
    voiced[:, 0] += np.array([8.0 if name == "female" else -8.0 for name in gender])
    assert probe(voiced, gender, target="gender", groups=names).accuracy > 90


def test_every_item_is_tested_once_and_never_trained_on(monkeypatch):
    values, names = clips(1.0, each=4)
    tested: list[float] = []

    def answers(train, train_names, test):
        assert not {*train[:, 0]} & {*test[:, 0]}
        assert len(train) + len(test) == 32
        tested.extend(test[:, 0].tolist())
        return np.full(len(test), "s3")

    monkeypatch.setattr("nlpcl.metrics.probe.answers", answers)
    # Always the same speaker: right on 4 of 32.
    assert probe(values, names) == Probe(12.5, 12.5)
    assert sorted(tested) == sorted(values[:, 0].astype(np.float32).tolist())


def test_groups_are_never_on_both_sides(monkeypatch):
    values, names = clips(1.0, each=4)
    gender = ["female" if int(name[1]) % 2 else "male" for name in names]
    owner = dict(zip(values[:, 0].astype(np.float32).tolist(), names, strict=True))
    parts: list[set[str]] = []

    def answers(train, train_names, test):
        parts.append({owner[value] for value in test[:, 0].tolist()})
        assert not parts[-1] & {owner[value] for value in train[:, 0].tolist()}
        return np.full(len(test), "male")

    monkeypatch.setattr("nlpcl.metrics.probe.answers", answers)
    assert probe(values, gender, target="gender", groups=names) == Probe(50.0, 50.0)
    # Four speakers of each gender: four parts, not five.
    assert len(parts) == 4 and set().union(*parts) == set(SPEAKERS)


def test_deterministic():
    values, names = clips(0.7)
    first = probe(values, names, seed=4)
    assert first == probe(values, names, seed=4)
    assert first.accuracy != probe(values, names, seed=5).accuracy


def test_small_classes_and_nameless_items_are_left_out():
    values, names = clips(3.0)
    values = np.concatenate([values, values[:3]])
    assert probe(values, [*names, "lone", "", ""]) == probe(values[:160], names)


def test_unbalanced_chance():
    values, _ = clips(0.0)
    assert probe(values[:60], ["x"] * 45 + ["y"] * 15).majority_accuracy == 75


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
