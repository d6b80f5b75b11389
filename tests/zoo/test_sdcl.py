"""SDCL's formulas, computed a second time by two separate passes through the encoder."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from nlpcl.nn.losses.contrastive import self_distillation
from nlpcl.zoo.masked_lm import before_output_embeddings, masked_lm_head

KINDS = ["bert", "roberta", "albert", "electra", "distilbert"]


def two_passes(made, batch=None):
    """Logits and last states of the wrong and of the right sentences, by the encoder alone."""
    batch = made.batch() if batch is None else batch
    labels, mask = batch["labels"], batch["attention_mask"]
    valid = labels != -100
    right = torch.where(valid, labels, batch["input_ids"])
    student, teacher = (
        made.model.backbone(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        for ids in (batch["input_ids"], right)
    )
    return student, teacher, labels, valid, valid & (labels != batch["input_ids"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("negatives", ["teacher", "student", "batch"])
def test_one_merged_forward_equals_two(kind, negatives, tiny):
    made = tiny("sdcl", kind, alpha=0.7, beta=0.3, temperature=0.4, negatives=negatives)
    made.model.train()
    output = made.model(**made.batch())
    student, teacher, labels, valid, errors = two_passes(made)
    for part, passed in (("x", student), ("y", teacher)):
        wanted = functional.cross_entropy(passed.logits[valid], labels[valid])
        assert output.parts[part].mean().item() == pytest.approx(float(wanted), rel=1e-4)
        assert int(output.parts[part].count) == int(valid.sum())
    contrast, count = self_distillation(
        student.hidden_states[-1], teacher.hidden_states[-1], errors, valid, 0.4, negatives
    )
    assert int(count) == int(errors.sum()) > 0
    assert float(output.parts["c"].mean()) == pytest.approx(float(contrast / count), rel=1e-4)
    means = {name: float(part.mean()) for name, part in output.parts.items()}
    wanted = means["x"] + 0.7 * means["y"] + 0.3 * means["c"]
    assert float(output.loss) == pytest.approx(wanted, rel=1e-5)


def encoded(model, monkeypatch):
    """The ids of each pass through the encoder, as they come."""
    passes = []
    encode = model.encode

    def noted(ids, mask):
        passes.append(ids)
        return encode(ids, mask)

    monkeypatch.setattr(model, "encode", noted)
    return passes


@pytest.mark.parametrize(
    ("alpha", "beta", "sentences"),
    [(0.7, 0.3, 5), (0.0, 0.3, 5), (0.7, 0.0, 5), (0.0, 0.0, 3)],
)
def test_a_correct_sentence_is_its_own_teacher(alpha, beta, sentences, tiny, monkeypatch):
    """It is encoded once, and nothing is encoded that no term looks at; the terms are the same."""
    made = tiny("sdcl", alpha=alpha, beta=beta, negatives="batch")
    pairs = [("我在家。", "我在家。"), ("我再家", "我在家"), ("在再家。", "在在家。")]
    rows = made.task.encode([{"source": source, "target": target} for source, target in pairs])
    batch = made.batch(rows)
    passes = encoded(made.model, monkeypatch)
    output = made.model.train()(**batch)
    assert [len(ids) for ids in passes] == [sentences]
    assert set(output.parts) == {"x"} | ({"y"} if alpha else set()) | ({"c"} if beta else set())
    student, teacher, labels, valid, errors = two_passes(made, batch)
    wanted = functional.cross_entropy(student.logits[valid], labels[valid])
    if alpha:
        wanted = wanted + alpha * functional.cross_entropy(teacher.logits[valid], labels[valid])
    if beta:
        states = student.hidden_states[-1], teacher.hidden_states[-1]
        total, count = self_distillation(*states, errors, valid, 0.9, "batch")
        assert int(count) == 2
        wanted = wanted + beta * total / count
    assert output.loss is not None
    torch.testing.assert_close(output.loss, wanted, rtol=1e-5, atol=1e-6)
    ours, theirs = (
        torch.autograd.grad(value, made.model.backbone.get_input_embeddings().weight)[0]
        for value in (output.loss, wanted)
    )
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_it_corrects_by_the_encoders_own_head(kind, tiny):
    made = tiny("sdcl", kind)
    made.model.eval()
    batch = made.unlabelled()
    mask = batch["attention_mask"].bool()
    wanted = made.model.backbone(**batch).logits
    torch.testing.assert_close(made.model(**batch).logits[mask], wanted[mask])
    labelled = made.model(**made.batch())
    valid = made.batch()["labels"] != -100
    torch.testing.assert_close(labelled.logits[valid], wanted[valid])


def test_the_elementwise_layer_multiplies_by_the_characters_embedding(tiny):
    made = tiny("sdcl", output_layer="elementwise")
    made.model.eval()
    batch = made.unlabelled()
    bert = made.model.backbone
    hidden = bert.bert(**batch).last_hidden_state
    product = hidden * bert.bert.embeddings.word_embeddings.weight[batch["input_ids"]]
    torch.testing.assert_close(made.model(**batch).logits, bert.cls(product))
    assert not torch.allclose(made.model(**batch).logits, bert(**batch).logits, atol=1e-3)


def test_the_contrastive_part_pulls_student_and_teacher_together(tiny):
    made = tiny("sdcl", beta=5.0)
    made.model.train()
    optimiser = torch.optim.AdamW(made.model.parameters(), lr=5e-3)
    values = []
    for _ in range(25):
        output = made.model(**made.batch())
        optimiser.zero_grad()
        output.loss.backward()
        optimiser.step()
        values.append(float(output.parts["c"].mean().detach()))
    assert values[-1] < values[0] - 0.3


def test_a_batch_without_errors_has_no_contrast_and_no_nan(tiny):
    made = tiny("sdcl")
    rows = made.task.encode([{"source": "我在家。", "target": "我在家。"}])
    output = made.model(**made.batch(rows))
    output.loss.backward()
    assert int(output.parts["c"].count) == 0
    assert float(output.parts["c"].mean()) == 0.0
    assert all(torch.isfinite(w.grad).all() for w in made.model.parameters() if w.grad is not None)
    same = float(output.parts["x"].mean().detach())
    assert same == pytest.approx(float(output.parts["y"].mean().detach()), rel=1e-5)


def test_gradient_flows_into_the_teacher(tiny):
    """With alpha 0 and no student term left, only the teacher's copy carries a character's row."""
    made = tiny("sdcl", alpha=0.0, beta=1.0)
    rows = made.task.encode([{"source": "我再家", "target": "我在家"}])
    right = made.task.ids("在")
    batch = made.batch(rows)
    output = made.model(**batch)
    (output.parts["c"].total).backward()
    gradient = made.model.backbone.get_input_embeddings().weight.grad
    assert gradient[right].abs().sum() > 0


def test_special_tokens_take_part_in_no_term(tiny):
    made = tiny("sdcl")
    batch = made.batch()
    special = batch["labels"][:, 0]
    assert (special == -100).all()
    count = int(made.model(**batch).parts["x"].count)
    assert count == sum(len(example["source"]) for example in made.examples)


def test_training_keeps_no_logits(tiny):
    made = tiny("sdcl")
    assert made.model.train()(**made.batch()).logits is None
    assert made.model.eval()(**made.batch()).logits is not None


@pytest.mark.parametrize("kind", [*KINDS, "modernbert"])
def test_scores_at_places_are_those_of_the_whole(kind, tiny):
    made = tiny("sdcl", kind)
    made.model.eval()
    batch = made.unlabelled()
    places = (batch["input_ids"] % 2 == 0) & batch["attention_mask"].bool()
    with torch.inference_mode():
        found = torch.cat(list(made.model.scores_at(**batch, places=places)))
        torch.testing.assert_close(found, made.model(**batch).logits[places])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_head_takes_the_one_step(kind, tiny):
    """Training scores without a table of probabilities: nothing falls back to the long way."""
    made = tiny("sdcl", kind)
    hidden = torch.randn(3, made.model.backbone.config.hidden_size)
    inside = before_output_embeddings(made.model.backbone, hidden)
    output = made.model.backbone.get_output_embeddings()
    wanted = masked_lm_head(made.model.backbone)(hidden)
    torch.testing.assert_close(functional.linear(inside, output.weight, output.bias), wanted)


@pytest.mark.parametrize(
    ("kind", "output_layer"), [*((kind, "tied") for kind in KINDS), ("bert", "elementwise")]
)
def test_the_gradients_are_those_of_the_plain_formula(kind, output_layer, tiny):
    made = tiny("sdcl", kind, beta=0.0, alpha=0.7, output_layer=output_layer)
    model, batch = made.model, made.batch()
    model.train()(**batch).loss.backward()
    ours = {
        name: weight.grad.clone()
        for name, weight in model.named_parameters()
        if weight.grad is not None
    }
    model.zero_grad()
    valid = batch["labels"] != -100
    mask, right = batch["attention_mask"], torch.where(valid, batch["labels"], batch["input_ids"])
    loss = torch.zeros(())
    for ids, weight in ((batch["input_ids"], 1.0), (right, 0.7)):
        logits = model(ids, mask).logits
        loss = loss + weight * functional.cross_entropy(logits[valid], batch["labels"][valid])
    loss.backward()
    wanted = {
        name: weight.grad for name, weight in model.named_parameters() if weight.grad is not None
    }
    assert ours.keys() == wanted.keys()
    for name in wanted:
        torch.testing.assert_close(ours[name], wanted[name], rtol=1e-3, atol=1e-6, msg=name)
