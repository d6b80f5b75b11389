"""What parts of models cost."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nlpcl import zoo
from nlpcl.nn import costs
from nlpcl.nn.costs import Timing, cost_table, mean_costs, parts_of, timed


class Clock:
    """Stands in for the module time: it goes on when it is told to."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


class Sleeper(nn.Module):
    def __init__(self, clock: Clock, seconds: float, inner: nn.Module | None = None) -> None:
        super().__init__()
        self.clock, self.seconds, self.inner = clock, seconds, inner
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, states):
        self.clock.now += self.seconds
        return states if self.inner is None else self.inner(states)


def test_percentages_of_time(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(costs, "time", clock)
    inner = Sleeper(clock, 0.03)
    model = Sleeper(clock, 0.01, inner)
    with timed(model, {"inner": inner}) as found:
        for _ in range(4):
            model(torch.zeros(1))
    assert found.calls == {"inner": 4}
    assert found.model == pytest.approx(3 * 0.04)  # the first pass does not count
    assert found.percent("inner") == pytest.approx(75)
    assert not inner._forward_hooks
    assert not model._forward_pre_hooks
    with timed(model, {"inner": inner}) as once:
        model(torch.zeros(1))
    assert once.percent("inner") == pytest.approx(75)
    assert Timing().percent("inner") == 0


class Scorer(Sleeper):
    """A model over a vocabulary that is asked for its scores at some places alone."""

    def scores_at(self, input_ids, attention_mask, places):
        self.inner(input_ids)
        for _ in range(2):
            self.clock.now += self.seconds
            yield input_ids


def test_passes_for_scores_at_some_places_count(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(costs, "time", clock)
    inner = Sleeper(clock, 0.03)
    model = Scorer(clock, 0.01, inner)
    with timed(model, {"inner": inner}) as found:
        for _ in range(4):
            for _ in model.scores_at(torch.zeros(1), None, None):
                clock.now += 5.0  # what is done with a piece is not the model's
    assert found.model == pytest.approx(3 * 0.05)
    assert found.percent("inner") == pytest.approx(60)
    assert "scores_at" not in vars(model)


def test_the_costs_of_a_zoo_model():
    entry = zoo.entry("emotion-gru")
    config = entry.config_class(hidden=4, gru_layers=1).check()
    model = entry.model_class().build(
        None, config.model_options(), width=6, layers=1, labels=["a", "b"], speakers=2
    )
    with timed(model, parts_of(model)) as timing:
        for _ in range(3):
            model(torch.randn(2, 20, 6), torch.ones(2, 20))
    rows = {row[0]: row for row in cost_table(model, timing).rows}
    assert sum(row[1] for row in rows.values()) == sum(w.numel() for w in model.parameters())
    assert 0 < rows["recurrent"][2] < 100


def test_the_costs_of_a_study_are_means():
    tables = [
        {"name": "costs", "columns": ["part", "parameters", "time (%)"], "rows": rows}
        for rows in ([["a", 3, 10.0], ["b", 1, None]], [["a", 4, 30.0], ["b", 1, None]])
    ]
    assert mean_costs(tables).rows == [["a", 3, 20.0], ["b", 1, None]]
