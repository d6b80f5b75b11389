"""The moving average of the weights: its numbers, where it stands in, what a checkpoint keeps."""

from __future__ import annotations

import csv
from types import SimpleNamespace

import torch
from safetensors.torch import load_file
from torch import nn

import nlpcl
from nlpcl.tasks.correction.task import Correction
from nlpcl.training.averaging import MovingAverage, decay_at
from nlpcl.zoo.sdcl.config import Config


def test_the_average_is_that_of_a_plain_loop(tmp_path):
    model = nn.Linear(3, 2)
    average = MovingAverage(model, 0.5)
    average.on_train_begin(None, None, None)
    wanted = [weight.detach().double().clone() for weight in model.parameters()]
    for update in range(1, 13):
        with torch.no_grad():
            for weight in model.parameters():
                weight += torch.randn_like(weight)
        average.on_step_end(None, SimpleNamespace(global_step=update), None)
        decay = min(0.5, (1 + update) / (10 + update))
        assert (decay < 0.5) == (update < 8)
        for kept, weight in zip(wanted, model.parameters(), strict=True):
            kept.mul_(decay).add_((1 - decay) * weight.detach().double())
        if update == 6:
            average.save(tmp_path)
            average = MovingAverage(model, 0.5)
            average.checkpoint = tmp_path
            average.on_train_begin(None, None, None)
    for kept, own in zip(wanted, average.weights.values(), strict=True):
        torch.testing.assert_close(own, kept.float())
    trained = [weight.detach().clone() for weight in model.parameters()]
    with average.in_place():
        for kept, weight in zip(wanted, model.parameters(), strict=True):
            torch.testing.assert_close(weight.detach(), kept.float())
    assert all(map(torch.equal, trained, model.parameters()))
    assert decay_at(10_000, 0.999) == 0.999


def history(folder):
    with (folder / "history.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_it_is_scored_selected_by_and_saved_and_training_goes_on_as_without(
    settings, finished_run, tmp_path, monkeypatch
):
    said, scored, averages = [2.0, 1.0], [], []
    score, step = Correction.dev_scores, MovingAverage.on_step_end

    def watched(self, model, *rest):
        scored.append({name: own.detach().clone() for name, own in model.named_parameters()})
        return score(self, model, *rest) | {"selection": said[len(scored) - 1]}

    def stepped(self, *given, **named):
        step(self, *given, **named)
        averages.append({name: own.clone() for name, own in self.weights.items()})

    monkeypatch.setattr(Correction, "dev_scores", watched)
    monkeypatch.setattr(MovingAverage, "on_step_end", stepped)
    run = nlpcl.fit(Config(**settings, ema=0.7), out=tmp_path / "run")
    assert len(averages) == 12
    for epoch, weights in enumerate(scored):
        assert all(torch.equal(own, averages[6 * epoch + 5][n]) for n, own in weights.items())
    saved = load_file(run.folder / "model" / "model.safetensors")
    shared = saved.keys() & scored[1].keys()
    assert len(shared) > 20
    assert all(torch.equal(saved[name], scored[0][name]) for name in shared)
    assert not all(torch.equal(saved[name], scored[1][name]) for name in shared)
    for row, other in zip(history(run.folder), history(finished_run), strict=True):
        assert row["loss"] == other["loss"]
        assert row["dev_loss"] != other["dev_loss"]
