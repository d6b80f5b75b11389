"""Losses of classifiers against loops written out, and mixup."""

from __future__ import annotations

import math
import random

import pytest
import torch
from torch.nn import functional

from nlpcl.nn.losses.classification import (
    balanced_weights,
    cross_entropy,
    focal,
    labelled,
    mixup,
    soft_targets,
)

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3], [-3.0, 4.0, 0.0]])
LABELS = torch.tensor([0, 2, 1])
WEIGHTS = torch.tensor([0.5, 2.0, 1.5])


def naive(logits, target, gamma=0.0, weights=(1.0, 1.0, 1.0), smoothing=0.0):
    """One row, in plain floats; ``target`` is a list of class probabilities."""
    exps = [math.exp(value) for value in logits]
    total = 0.0
    for value, share, weight in zip(exps, target, weights, strict=True):
        probability = value / sum(exps)
        smooth = (1 - smoothing) * share + smoothing * sum(target) / len(target)
        total -= weight * smooth * (1 - probability) ** gamma * math.log(probability)
    return total


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("soft", [False, True])
def test_every_combination_is_the_loop(gamma, smoothing, weighted, soft):
    targets = torch.tensor([[0.7, 0.3, 0.0], [0.0, 0.0, 1.0], [0.2, 0.5, 0.3]])
    rows = targets.tolist() if soft else functional.one_hot(LABELS, 3).tolist()
    weights = WEIGHTS if weighted else None
    found = focal(
        LOGITS,
        targets if soft else LABELS,
        gamma=gamma,
        weights=weights,
        smoothing=smoothing,
    )
    assert found.shape == (3,)
    each = WEIGHTS.tolist() if weighted else [1.0] * 3
    for row, value in enumerate(found.tolist()):
        wanted = naive(LOGITS[row].tolist(), rows[row], gamma, each, smoothing)
        assert value == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_is_torch_s(smoothing):
    labels = torch.tensor([0, -100, 1])
    wanted = functional.cross_entropy(
        LOGITS, labels, weight=WEIGHTS, reduction="none", label_smoothing=smoothing
    )
    found = cross_entropy(LOGITS, labels, weights=WEIGHTS, smoothing=smoothing)
    torch.testing.assert_close(found, wanted)
    assert labelled(labels).tolist() == [True, False, True]
    assert labelled(soft_targets(labels, 3)).tolist() == [True, False, True]


@pytest.mark.parametrize("gamma", [0.0, 0.3, 2.0])
def test_extreme_scores_stay_finite(gamma):
    logits = torch.tensor([[1e4, -1e4, 0.0], [1e4, -1e4, 0.0]], requires_grad=True)
    losses = focal(logits, torch.tensor([0, 1]), gamma=gamma)
    losses.sum().backward()
    assert torch.isfinite(losses).all()
    assert torch.isfinite(logits.grad).all()
    assert losses.tolist()[1] == pytest.approx(2e4, rel=1e-3)


def test_half_precision_is_computed_in_full():
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = cross_entropy(LOGITS.bfloat16(), LABELS)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, cross_entropy(LOGITS.bfloat16().float(), LABELS))


def test_balanced_weights_are_1_on_average():
    counts = [60, 30, 0, 10]
    weights = balanced_weights(counts)
    assert weights[0] * 60 == pytest.approx(weights[1] * 30)
    assert weights[2] == 0
    assert sum(map(float.__mul__, weights, map(float, counts))) == pytest.approx(100)


@pytest.mark.parametrize(
    "shape", [(3, 5, 2), (3, 4, 5, 2), (3, 5)], ids=["frames", "layers", "wave"]
)
def test_mixup_mixes_frames_masks_and_labels_and_changes_nothing(shape):
    torch.manual_seed(0)
    inputs = torch.randn(shape)
    mask = (torch.arange(5) < torch.tensor([[5], [3], [2]])).long()
    labels, speakers = torch.tensor([0, 1, 2]), torch.tensor([1, -100, 0])
    before = [value.clone() for value in (inputs, mask, labels, speakers)]
    given = {"alpha": 0.4, "speakers": speakers, "training_speakers": 2}
    found = mixup(inputs, mask, labels, 3, generator=random.Random(0), **given)
    again = mixup(inputs, mask, labels, 3, generator=random.Random(0), **given)
    for value, old in zip((inputs, mask, labels, speakers), before, strict=True):
        assert torch.equal(value, old)
    for one, other in zip(found, again, strict=True):
        assert torch.equal(one, other)
    generator = random.Random(0)
    partners = generator.sample(range(3), 3)
    assert partners != [0, 1, 2]
    for row, partner in enumerate(partners):
        share = generator.betavariate(0.4, 0.4)
        for frame in range(5):
            places = (slice(None), frame) if len(shape) == 4 else (frame,)
            own, its = inputs[row][places], inputs[partner][places]
            own, its = own * mask[row, frame], its * mask[partner, frame]
            torch.testing.assert_close(found.inputs[row][places], share * own + (1 - share) * its)
            assert found.attention_mask[row, frame] == max(mask[row, frame], mask[partner, frame])
        wanted = torch.zeros(3)
        wanted[row] += share
        wanted[partner] += 1 - share
        torch.testing.assert_close(found.labels[row], wanted)
        of_speakers = (
            share * soft_targets(speakers, 2)[row]
            + (1 - share) * soft_targets(speakers, 2)[partner]
        )
        torch.testing.assert_close(found.speakers[row], of_speakers)
