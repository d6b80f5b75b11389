"""Losses of the models of speech emotion, and the adversary."""

from __future__ import annotations

import math

import pytest
import torch

from nlpcl import zoo
from nlpcl.nn.model import Part

NAMES = ["emotion-gru", "emotion-enhanced"]
LABELS = ["angry", "happy", "neutral"]
WIDTH = 10


def trunk(model) -> list[torch.Tensor]:
    return [
        weight.grad.clone()
        for name, weight in model.named_parameters()
        if not name.startswith(("emotion_head", "speaker_head"))
    ]


@pytest.fixture
def speaker_gradients(made, batch):
    def gradients(done: float, **options):
        """Of the speaker part alone: those before the heads, those of the speaker head."""
        model = made("emotion-enhanced", **options)
        model.set_progress(done)
        part = model(**batch()).parts["speaker"]
        assert part.weight == 1
        model.zero_grad()
        part.mean().backward()
        return trunk(model), [weight.grad.clone() for weight in model.speaker_head.parameters()]

    return gradients


@pytest.mark.parametrize("name", NAMES)
def test_parts_are_exact_over_micro_batches(name, made, batch):
    model = made(name)
    values = batch()
    whole = model(**values).parts
    counts = model.counts(values)
    assert counts.keys() == whole.keys()
    halves = [model(**batch(rows=rows)).parts for rows in ([0, 1], [2, 3, 4, 5])]
    for part, value in whole.items():
        assert isinstance(value, Part)
        assert int(counts[part]) == int(value.count)
        total = sum(float(half[part].total.detach()) for half in halves)
        assert float(value.total.detach()) == pytest.approx(total, rel=1e-4)
        assert sum(int(half[part].count) for half in halves) == int(value.count)
    assert int(counts["emotion"]) == 5


def test_soft_labels_of_mixup(made, batch):
    model = made("emotion-enhanced")
    values = batch()
    hard = model(**values).parts
    one_hot = torch.nn.functional.one_hot(values["labels"].clamp(min=0), 3).float()
    voices = torch.nn.functional.one_hot(values["speakers"].clamp(min=0), 4).float()
    values["labels"] = one_hot * (values["labels"] >= 0).unsqueeze(1)
    values["speakers"] = voices * (values["speakers"] >= 0).unsqueeze(1)
    soft = model(**values).parts
    assert model.counts(values) == {name: part.count for name, part in soft.items()}
    for name, part in hard.items():
        torch.testing.assert_close(soft[name].mean(), part.mean())


def test_losses_follow_the_settings(made, batch):
    values = batch()
    plain = made("emotion-gru").eval()
    logits = plain(**values).logits[:5]
    labels = values["labels"][:5]
    weights = torch.tensor([10 / (3 * count) for count in (5, 3, 2)])
    wanted = {
        "plain": (made("emotion-gru"), torch.nn.functional.cross_entropy(logits, labels)),
        "smooth": (
            made("emotion-gru", label_smoothing=0.2),
            torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.2),
        ),
        "weighted": (
            made("emotion-gru", class_weights="balanced", class_counts=[5, 3, 2]),
            torch.nn.functional.cross_entropy(logits, labels, weights, reduction="none").mean(),
        ),
        "focal": (
            made("emotion-gru", loss="focal", focal_gamma=2.0),
            torch.stack(
                [-((1 - p) ** 2) * p.log() for p in logits.softmax(1)[torch.arange(5), labels]]
            ).mean(),
        ),
    }
    for name, (model, loss) in wanted.items():
        torch.testing.assert_close(model.eval()(**values).loss, loss, msg=name)
    with pytest.raises(ValueError, match="class_counts"):
        made("emotion-gru", class_weights="balanced")


def test_the_adversary_gets_its_own_gradient_and_the_encoder_the_reversed_one(
    made, batch, speaker_gradients, unlabelled
):
    full, full_head = speaker_gradients(1.0, adversarial_weight=0.05)
    off, off_head = speaker_gradients(0.0, adversarial_weight=0.05)
    strong, strong_head = speaker_gradients(1.0, adversarial_weight=1.0)
    assert not any(gradient.any() for gradient in off)
    for some in (off_head, strong_head):
        torch.testing.assert_close(some, full_head)
    assert all(gradient.abs().sum() > 0 for gradient in off_head)
    torch.testing.assert_close(full, [0.05 * gradient for gradient in strong])
    model = made("emotion-enhanced")
    values = batch()
    known = values["speakers"] >= 0
    pooled = model.embed(**unlabelled(values))
    loss = torch.nn.functional.cross_entropy(
        model.speaker_head(pooled[known]), values["speakers"][known]
    )
    model.zero_grad()
    loss.backward()
    torch.testing.assert_close(strong, [-gradient for gradient in trunk(model)])


@pytest.mark.parametrize("schedule", ["documented", "dann"])
def test_alpha_follows_its_schedule(schedule, made):
    model = made("emotion-enhanced", alpha_schedule=schedule, max_alpha=0.5)
    alphas = []
    for step in range(11):
        model.set_progress(step / 10)
        alphas.append(model.alpha)
    assert alphas[0] == 0
    assert alphas == sorted(alphas)
    assert alphas[-1] == pytest.approx(0.5, abs=1e-3)
    # λ is documented as the weight, 0.05, times α.
    assert model.scheduled() == {"alpha": alphas[-1], "lambda": pytest.approx(0.05 * alphas[-1])}
    assert made("emotion-enhanced", adversary=False).scheduled() == {}


def test_speakers_matter_while_training_alone(settings, made, batch):
    model = made("emotion-enhanced")
    assert model.speaker_head[-1].out_features == 4
    assert set(model(**batch()).parts) == {"emotion", "speaker"}
    model.eval()
    assert set(model(**batch()).parts) == set(model.counts(batch())) == {"emotion"}
    model.train()
    nobody = batch() | {"speakers": torch.full((6,), -100)}
    assert float(model(**nobody).parts["speaker"].mean().detach()) == 0
    without = batch()
    without.pop("speakers")
    assert set(model(**without).parts) == {"emotion"}
    lone = (
        zoo.entry("emotion-enhanced")
        .model_class()
        .build(
            None,
            settings("emotion-enhanced").model_options(),
            width=4,
            layers=1,
            labels=LABELS,
            speakers=1,
        )
    )
    assert lone.speaker_head is None


@pytest.mark.parametrize("name", NAMES)
def test_first_loss_is_near_chance(name, batch):
    zoo_settings = zoo.entry(name).config_class()
    model = (
        zoo.entry(name)
        .model_class()
        .build(None, zoo_settings.model_options(), width=WIDTH, layers=1, labels=LABELS, speakers=4)
    )
    parts = model.train()(**batch()).parts
    assert parts["emotion"].mean().item() < math.log(3) + 1
    if name == "emotion-enhanced":
        assert parts["speaker"].mean().item() < math.log(4) + 1
