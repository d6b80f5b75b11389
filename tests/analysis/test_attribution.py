"""Word weights of a classifier."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nlpcl.analysis import attribution
from nlpcl.analysis.attribution import (
    integrated_gradients,
    leave_one_out,
    log_odds,
    word_attributions,
)
from nlpcl.core.errors import UserError
from nlpcl.text.words import read

TEXTS = ["我在家里做饭。", "", "老师 abc, 123 !", "🙂🙂", "今天早上听到这个好消息，和大家一起唱歌"]


class Classifier(nn.Module):
    """An encoder of transformers with a head, as attributions need it."""

    def __init__(self, backbone, classes: int = 3) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(32, classes)
        nn.init.normal_(self.head.weight, std=2.0)
        self.config = backbone.config
        self.config.id2label = dict(enumerate("abc"[:classes]))

    def forward(self, input_ids, attention_mask):
        from nlpcl.nn.model import Output

        states = self.backbone(input_ids, attention_mask=attention_mask)[0]
        mask = attention_mask.unsqueeze(-1)
        return Output(logits=self.head((states * mask).sum(1) / mask.sum(1)))


@pytest.fixture
def made(tiny_encoder):
    from transformers import AutoModel, AutoTokenizer

    from nlpcl.nn.model import ZooConfig
    from nlpcl.tasks.classification.task import Classification
    from nlpcl.zoo.asrm.config import Config

    def make(kind: str = "bert", classes: int = 3):
        folder = tiny_encoder(kind, 0.1)
        backbone = AutoModel.from_pretrained(folder)
        with torch.no_grad():  # weights as drawn hardly tell one text from another
            for weight in backbone.parameters():
                weight.mul_(4 if weight.dim() > 1 else 1)
        torch.manual_seed(0)
        model = Classifier(backbone, classes).eval()
        return model, Classification(
            AutoTokenizer.from_pretrained(folder),
            Config(max_length=16),
            ZooConfig(id2label=model.config.id2label),
        )

    return make


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra", "distilbert", "albert"])
def test_gradients_add_up_to_the_difference_of_the_ends(kind, made):
    model, task = made(kind)
    readings = [reading for text in TEXTS if (reading := read(task, text)).spans]
    classes = [0, 1, 2, 0]
    found = integrated_gradients(model, task, readings, classes, steps=200)
    for reading, target, weights in zip(readings, classes, found, strict=True):
        ids, wanted = torch.tensor([reading.ids]), torch.tensor([target])
        empty = ids.clone()
        empty[0, [place for row in reading.places for place in row]] = task.pad
        layer = model.backbone.get_input_embeddings()
        with torch.no_grad():
            whole = log_odds(model(ids, torch.ones_like(ids)).logits, wanted)
            # RoBERTa counts positions by the ids, which stay.
            with attribution.embeddings_replaced(layer, layer(empty)):
                gap = float(whole - log_odds(model(ids, torch.ones_like(ids)).logits, wanted))
        assert abs(gap) > 1e-3
        assert sum(weights) == pytest.approx(gap, abs=1e-4 + 1e-3 * abs(gap))


def test_gradients_are_those_of_a_naive_sum(made):
    model, task = made()
    reading = read(task, TEXTS[0])
    layer = model.backbone.get_input_embeddings()
    ids = torch.tensor([reading.ids])
    text, pad = layer(ids).detach(), layer(torch.tensor(task.pad)).detach()
    base = text.clone()
    base[0, 1:-1] = pad
    steps = 4000
    total = torch.zeros_like(text)
    for start in range(0, steps, 500):
        alphas = (torch.arange(start, start + 500) + 0.5) / steps
        path = (base + alphas[:, None, None] * (text - base)).requires_grad_()
        states = model.backbone(inputs_embeds=path)[0]
        odds = log_odds(model.head(states.mean(1)), torch.full((500,), 1))
        total += torch.autograd.grad(odds.sum(), path)[0].sum(0) / steps
    wanted = (total * (text - base)).sum(-1)[0]
    found = integrated_gradients(model, task, [reading], [1], steps=64)[0]
    assert found == pytest.approx(wanted[1:-1].tolist(), abs=1e-3)


def test_leave_one_out_is_that_of_a_naive_loop(made):
    model, task = made()
    readings = [read(task, text) for text in (TEXTS[0], TEXTS[2])]
    found = leave_one_out(model, task, readings, [2, 0])
    for reading, target, weights in zip(readings, [2, 0], found, strict=True):

        def probability(ids, target=target):
            rows = torch.tensor([ids])
            with torch.no_grad():
                return float(model(rows, torch.ones_like(rows)).logits.softmax(-1)[0, target])

        whole = probability(reading.ids)
        for places, weight in zip(reading.places, weights, strict=True):
            left = [one for place, one in enumerate(reading.ids) if place not in places]
            # Probabilities from states of width 32.
            rounding = 32 * torch.finfo(torch.float32).eps
            assert weight == pytest.approx(whole - probability(left), abs=rounding)


def test_each_method_is_used_with_what_it_was_given(made):
    model, task = made()
    reading = read(task, TEXTS[0])

    def weights(**options):
        (words,) = word_attributions(model, task, TEXTS[:1], target="b", **options)
        return [one.weight for one in words]

    few = weights(method="gradients", steps=2)
    assert few == pytest.approx(integrated_gradients(model, task, [reading], [1], steps=2)[0])
    assert few != pytest.approx(weights(method="gradients", steps=32))
    left = weights(method="leave-one-out", precision="bf16")
    assert left == leave_one_out(model, task, [reading], [1], precision="bf16")[0]
    assert left != pytest.approx(weights(method="leave-one-out"))


@pytest.mark.parametrize("method", attribution.METHODS)
@pytest.mark.parametrize("tokens", [1, 100, 100_000])
def test_weights_do_not_depend_on_the_batches(method, tokens, made):
    model, task = made()
    found = word_attributions(model, task, TEXTS, method=method, steps=8, tokens=tokens)
    assert [len(words) for words in found] == [7, 0, 6, 1, 14]
    for text, words in zip(TEXTS, found, strict=True):
        (alone,) = word_attributions(model, task, [text], method=method, steps=8)
        assert [one.text for one in words] == [one.text for one in alone]
        assert [text[one.start : one.end] for one in words] == [one.text for one in words]
        assert [one.weight for one in words] == pytest.approx(
            [one.weight for one in alone], abs=1e-5
        )


@pytest.mark.parametrize("method", attribution.METHODS)
def test_the_class_explained_is_the_predicted_one_unless_named(method, made):
    model, task = made()
    ids = torch.tensor([read(task, TEXTS[0]).ids])
    label = "abc"[int(model(ids, torch.ones_like(ids)).logits.argmax())]

    def weights(**options):
        (words,) = word_attributions(model, task, TEXTS[:1], method=method, steps=4, **options)
        return [one.weight for one in words]

    other = next(name for name in "abc" if name != label)
    assert weights() == pytest.approx(weights(target=label))
    assert weights(target=[other]) == pytest.approx(weights(target=other))
    assert weights() != pytest.approx(weights(target=other))


def test_two_classes_pull_against_each_other(made):
    model, task = made(classes=2)
    for method in attribution.METHODS:
        first, second = (
            [
                one.weight
                for one in word_attributions(
                    model, task, TEXTS[:1], method=method, steps=4, target=name
                )[0]
            ]
            for name in "ab"
        )
        assert first == pytest.approx([-weight for weight in second], abs=1e-5)


def test_a_threshold_decides_what_is_explained(made):
    model, task = made(classes=2)
    model.config.positive_label = "b"
    for threshold, target in ((0.0, "b"), (1.1, "a")):
        model.config.threshold = threshold
        own, named = (
            word_attributions(model, task, TEXTS[:1], steps=4, target=name)
            for name in (None, target)
        )
        assert [one.weight for one in own[0]] == pytest.approx([one.weight for one in named[0]])


def test_no_gradients_are_left_and_inference_mode_is_no_obstacle(made):
    model, task = made()
    before = model.training
    plain = word_attributions(model, task, TEXTS[:1], steps=4)
    with torch.inference_mode():
        within = word_attributions(model, task, TEXTS[:1], steps=4)
    assert [one.weight for one in plain[0]] == pytest.approx([one.weight for one in within[0]])
    assert all(weight.grad is None for weight in model.parameters())
    assert model.training == before
    assert not model.backbone.get_input_embeddings()._forward_hooks


def test_no_texts_and_texts_without_words(made):
    model, task = made()
    for method in attribution.METHODS:
        assert word_attributions(model, task, [], method=method) == []
        assert word_attributions(model, task, ["", " "], method=method) == [[], []]


def test_mistakes(made):
    model, task = made()
    with pytest.raises(UserError, match="Did you mean 'gradients'"):
        word_attributions(model, task, TEXTS, method="gradient")
    with pytest.raises(UserError, match="unknown class 'd'"):
        word_attributions(model, task, TEXTS, target="d")
