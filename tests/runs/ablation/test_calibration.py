"""The calibration of verdicts: what it simulates is what it says, and it can fail."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "ablation_calibration.py"


@pytest.fixture(scope="module")
def calibration():
    spec = importlib.util.spec_from_file_location("ablation_calibration", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.mark.parametrize("measure", ["accuracy", "macro_f1"])
def test_a_planted_effect_is_as_large_as_it_says(calibration, measure):
    setting = calibration.Setting(0.0, 0.15, 3, 0, 1, measure=measure, n=100_000)
    parts, clusters = calibration.simulated(setting, np.random.default_rng(0), 0.1)
    sums = {name: np.sum(list(own.values()), axis=(0, 1)) for name, own in parts.items()}
    first, second = (float(calibration.score(measure, sums[name])) for name in ("v1", "v0"))
    assert first - second == pytest.approx(calibration.true_difference(setting, 0.1), abs=0.5)
    assert clusters is None


def test_own_test_sets_clusters_and_failures(calibration):
    setting = calibration.Setting(1.0, 0.1, 3, 20, 2, own=True, failed=2)
    parts, clusters = calibration.simulated(setting, np.random.default_rng(0))
    assert {name: list(own) for name, own in parts.items()} == {
        "v0": [0, 1, 2], "v1": [0, 2], "v2": [1, 2],
    }  # fmt: skip
    tested = np.array([~np.isnan(parts["v0"][seed][:, 0]) for seed in range(3)])
    assert tested.sum(1).tolist() == [400] * 3
    assert tested.sum(0).max() == 1
    assert len(clusters) == 1200 and len(set(clusters)) == 60


def test_a_rate_outside_its_range_is_named(calibration):
    right = {"family": 5.0, "coverage": 95.0, "power": 80.0}
    assert calibration.leaves(right, 1000) == []
    # The simulation's own error is allowed for, and no more.
    assert calibration.leaves(right | {"family": 8.0}, 1000) == []
    for wrong in ({"family": 9.5}, {"family": 1.0}, {"coverage": 90.0}, {"power": 35.0}):
        assert calibration.leaves(right | wrong, 1000) == list(wrong)


def test_it_fails_where_verdicts_are_wrong(calibration, monkeypatch, capsys):
    """Pooling nothing but two seeds' luck is what it is there to find."""
    monkeypatch.setattr(calibration, "quick_grid", lambda: [calibration.Setting(2.0, 0.1, 3, 0, 2)])
    monkeypatch.setattr(calibration, "compare", no_adjustment(calibration.compare))
    monkeypatch.setattr(sys, "argv", ["calibration", "--quick", "--trials", "60"])
    assert calibration.main() == 1
    assert "family" in capsys.readouterr().out


@pytest.mark.parametrize("trials", ["0", "-3", "19"])
def test_too_few_studies_are_refused(calibration, monkeypatch, capsys, trials):
    monkeypatch.setattr(calibration, "quick_grid", list)
    monkeypatch.setattr(sys, "argv", ["calibration", "--quick", "--trials", trials])
    with pytest.raises(SystemExit) as caught:
        calibration.main()
    assert caught.value.code == 2
    assert f"{trials} studies tell nothing" in capsys.readouterr().err


def no_adjustment(compare):
    """Verdicts by intervals that are half as wide."""
    from dataclasses import replace

    def changed(*given):
        return [
            replace(one, p_dunnett=one.p_dunnett / 10, difference=halved(one.difference))
            for one in compare(*given)
        ]

    def halved(gap):
        return replace(
            gap, low=gap.value - (gap.value - gap.low) / 2, high=(gap.value + gap.high) / 2
        )

    return changed


@pytest.mark.slow
def test_verdicts_hold(calibration, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["calibration", "--quick"])
    assert calibration.main() == 0
