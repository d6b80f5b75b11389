"""The contrastive loss against naive loops and hand-worked numbers."""

from __future__ import annotations

import math

import pytest
import torch

from nlpcl.nn.losses.contrastive import self_distillation

NEGATIVES = ["teacher", "student", "batch"]


def cosine(a, b):
    return float(torch.dot(a, b) / (a.norm() * b.norm()))


def naive(student, teacher, errors, valid, temperature, negatives):
    """The same loss, sentence by sentence and character by character."""
    total, count = 0.0, 0
    rows, length = errors.shape
    for row in range(rows):
        for place in range(length):
            if not errors[row, place]:
                continue
            query = student[row, place]
            positive = math.exp(cosine(query, teacher[row, place]) / temperature)
            below = positive
            for other_row in range(rows):
                for other in range(length):
                    if not valid[other_row, other] or (other_row, other) == (row, place):
                        continue
                    if negatives == "batch":
                        if errors[other_row, other]:
                            continue
                        key = student[other_row, other]
                    elif other_row != row:
                        continue
                    else:
                        key = (teacher if negatives == "teacher" else student)[row, other]
                    below += math.exp(cosine(query, key) / temperature)
            total -= math.log(positive / below)
            count += 1
    return total, count


def random_case(seed=0, rows=3, length=7, hidden=5):
    generator = torch.Generator().manual_seed(seed)
    student, teacher = torch.randn(2, rows, length, hidden, generator=generator).double().unbind()
    valid = torch.zeros(rows, length, dtype=torch.bool)
    for row in range(rows):
        valid[row, 1 : length - 1 - row] = True
    errors = valid & (torch.rand(rows, length, generator=generator) < 0.5)
    errors[0, 1:3] = True
    return student, teacher, errors, valid


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize("temperature", [0.05, 0.9])
def test_equals_a_naive_loop(negatives, temperature, seed):
    case = random_case(seed)
    total, count = self_distillation(*case, temperature, negatives)
    wanted, items = naive(*case, temperature, negatives)
    assert int(count) == items > 0
    assert float(total) == pytest.approx(wanted, rel=1e-5)


def test_the_three_kinds_of_negatives_differ():
    totals = [float(self_distillation(*random_case(), 0.9, kind)[0]) for kind in NEGATIVES]
    assert len({round(total, 3) for total in totals}) == 3


@pytest.mark.parametrize("negatives", NEGATIVES)
@pytest.mark.parametrize(
    ("positive", "negative", "wanted"), [(1, 1, math.log(6)), (1, 0, 0.973), (1, -1, 0.433)]
)
def test_hand_worked_values(negatives, positive, negative, wanted):
    """One wrong character among n = 6, τ = 0.9: log(1 + 5·exp((negative - positive)/0.9))."""
    key = torch.tensor([1.0, 0.0])
    other = torch.tensor([float(negative), 0.0 if negative else 1.0])
    student = other.repeat(1, 6, 1)
    teacher = other.repeat(1, 6, 1)
    student[0, 2], teacher[0, 2] = 3 * key, 0.5 * positive * key
    errors = torch.zeros(1, 6, dtype=torch.bool)
    errors[0, 2] = True
    total, count = self_distillation(student, teacher, errors, errors | True, 0.9, negatives)
    assert int(count) == 1
    assert float(total) == pytest.approx(wanted, abs=5e-4)


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_without_errors_it_is_zero_with_a_finite_gradient(negatives):
    student, teacher, errors, valid = random_case()
    student.requires_grad_()
    teacher.requires_grad_()
    total, count = self_distillation(student, teacher, errors & False, valid, 0.9, negatives)
    assert float(total.detach()) == 0.0
    assert int(count) == 0
    total.backward()
    for states in (student, teacher):
        assert states.grad is None or torch.equal(states.grad, torch.zeros_like(states))


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_what_is_not_valid_does_not_count(negatives):
    student, teacher, errors, valid = random_case()
    wanted, items = self_distillation(student, teacher, errors, valid, 0.9, negatives)

    def padded(values, fill):
        return torch.cat([values, torch.full_like(values[:, :4], fill)], dim=1)

    wide = (padded(student, 7.0), padded(teacher, -3.0), padded(errors, 0), padded(valid, 0))
    total, count = self_distillation(*wide, 0.9, negatives)
    assert int(count) == int(items)
    torch.testing.assert_close(total, wanted)
    changed = torch.where(valid.unsqueeze(-1), student, 100.0)
    total, _ = self_distillation(changed, teacher, errors, valid, 0.9, negatives)
    torch.testing.assert_close(total, wanted)


@pytest.mark.parametrize("negatives", ["teacher", "student"])
def test_sentences_do_not_see_each_other(negatives):
    student, teacher, errors, valid = random_case()
    whole, _ = self_distillation(student, teacher, errors, valid, 0.9, negatives)
    singles = []
    for row in range(3):
        alone = (values[row : row + 1] for values in (student, teacher, errors, valid))
        singles.append(self_distillation(*alone, 0.9, negatives)[0])
    torch.testing.assert_close(whole, torch.stack(singles).sum())


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_bfloat16_is_as_good_as_the_states_it_is_given(negatives):
    student, teacher, errors, valid = random_case()
    coarse = [states.bfloat16() for states in (student, teacher)]
    wanted, _ = naive(*(states.double() for states in coarse), errors, valid, 0.05, negatives)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        total, _ = self_distillation(*coarse, errors, valid, 0.05, negatives)
    assert total.dtype == torch.float32
    assert float(total) == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_gradients_reach_both_sides(negatives):
    student, teacher, errors, valid = random_case()
    student.requires_grad_()
    teacher.requires_grad_()
    self_distillation(student, teacher, errors, valid, 0.9, negatives)[0].backward()
    for states in (student, teacher):
        assert torch.isfinite(states.grad).all()
        assert (states.grad[errors].abs().sum(-1) > 0).all()
        assert (states.grad[~valid] == 0).all()


@pytest.mark.parametrize("negatives", NEGATIVES)
def test_zero_states_and_a_cold_temperature_stay_finite(negatives):
    student, teacher, errors, valid = random_case()
    student = torch.zeros_like(student).requires_grad_()
    total, _ = self_distillation(student, teacher, errors, valid, 1e-3, negatives)
    total.backward()
    assert torch.isfinite(total)
    assert torch.isfinite(student.grad).all()
