"""Fitting of a judge: planted weights, places of a model, a training that asks for one."""

from __future__ import annotations

import json
import math

import pytest
import torch

import nlpcl
from nlpcl import zoo
from nlpcl.core.errors import UserError
from nlpcl.runs.fit import fit
from nlpcl.tasks.correction import candidates, judge
from nlpcl.tasks.correction.fitting import fit_weights, judged_places
from nlpcl.tasks.correction.judge import CANDIDATES, FEATURES, Judge


def test_the_weights_of_a_planted_judge_are_found():
    torch.manual_seed(0)
    features = torch.randn(20_000, CANDIDATES, len(FEATURES))
    wanted = torch.linspace(-1.0, 1.0, len(FEATURES))
    chances = torch.cat([torch.zeros(20_000, 1), features @ wanted], 1).softmax(1)
    label = chances.multinomial(1).squeeze(1)
    found = fit_weights(features, label, torch.ones(20_000))
    torch.testing.assert_close(found, wanted, atol=0.05, rtol=0)


def test_a_place_of_weight_two_is_two_places_and_none_is_none():
    torch.manual_seed(0)
    features = torch.randn(40, CANDIDATES, len(FEATURES))
    label = torch.randint(CANDIDATES + 1, (40,))
    weight = torch.ones(40)
    weight[:5], weight[35:] = 2.0, 0.0
    twice = torch.cat([torch.arange(35), torch.arange(5)])
    # Both are scaled by the deviations of what they are given, so that the ridge is not the same.
    given = fit_weights(features, label, weight)
    copied = fit_weights(features[twice], label[twice], torch.ones(40))
    torch.testing.assert_close(given, copied, atol=0.05, rtol=0.05)


def test_a_feature_that_never_varies_does_no_harm():
    features = torch.randn(40, CANDIDATES, len(FEATURES))
    features[..., 0], features[..., 3] = 1.0, 0.0
    found = fit_weights(features, torch.randint(CANDIDATES + 1, (40,)), torch.ones(40))
    assert found.isfinite().all()
    assert float(found[3]) == 0


@pytest.fixture(scope="module", autouse=True)
def unsure():
    """A tiny model is sure of hardly anything: every place is judged."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "REACH", -math.inf)
        patch.setattr(candidates, "REACH", -math.inf)
        yield


@pytest.fixture(scope="module")
def judged(settings, tmp_path_factory):
    """A run with a judge of its own."""
    config = zoo.entry("sdcl").config_class(**settings, judge=True)
    return fit(config, out=tmp_path_factory.mktemp("judged") / "run").folder


def test_a_training_keeps_it_in_the_model(judged, finished_run):
    saved = json.loads((judged / "model" / "config.json").read_text(encoding="utf-8"))["judge"]
    assert saved.keys() == set(FEATURES)
    assert "judge" not in json.loads((finished_run / "model" / "config.json").read_text())
    run = nlpcl.load(judged, device="cpu")
    assert dict(run.task.finder.judge.weights) == saved
    rows = [json.loads(line) for line in (judged / "predictions.jsonl").open(encoding="utf-8")]
    again = run.predict([row["source"] for row in rows], threshold=0.0)
    assert [row["target"] for row in again] == [row["target"] for row in rows]
    # The same weights without it give other probabilities.
    former = nlpcl.load(finished_run, device="cpu")
    plain = former.predict([row["source"] for row in rows], threshold=0.0)
    assert [row["edits"] for row in plain] != [row["edits"] for row in again]


def test_places_of_correct_sentences_are_to_be_kept(finished_run, pairs):
    run = nlpcl.load(finished_run, device="cpu")
    right = [{"source": right, "target": right} for _, right in pairs[:10]]
    wrong = [{"source": source, "target": target} for source, target in pairs[:10]]
    kept = torch.cat([label for _, label in judged_places(run.task, run.model, right, "fp32")])
    found = torch.cat([label for _, label in judged_places(run.task, run.model, wrong, "fp32")])
    assert not kept.any()
    errors = sum(
        a != b for source, target in pairs[:10] for a, b in zip(source, target, strict=True)
    )
    assert 0 < int((found > 0).sum()) <= errors


@pytest.mark.parametrize("saved", ["x", {"odds": 1.0}, dict.fromkeys(FEATURES, "a")])
def test_damaged_weights_are_refused(saved):
    with pytest.raises(UserError, match=r"config\.json: judge: "):
        Judge.of(saved, {})
