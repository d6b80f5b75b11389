"""The gates of ASRM against loops, and what each of them depends on."""

from __future__ import annotations

import math

import pytest
import torch

from nlpcl.nn.layers.calibration_gates import (
    ChannelGate,
    ConstantGate,
    PositionGate,
    SpanGate,
    calibration_gate,
)
from nlpcl.nn.layers.positions import sinusoids

SIZE = 12
TERMS = 5 * SIZE
"""How many numbers the widest window joins."""
VARIANTS = ["constant", "original", "span", "position", "contrastive"]
CEILINGS = [1.0, 2.0]


def gate(variant, residual=False, ceiling=2.0):
    torch.manual_seed(3)
    made = calibration_gate(
        variant, SIZE, windows=(1, 3, 5), reduction=2, residual=residual, ceiling=ceiling
    )
    if residual:
        torch.nn.init.constant_(made.mixture, 0.7)
    return made


def texts(lengths=(9, 5, 1)):
    torch.manual_seed(0)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    return torch.randn(len(lengths), max(lengths), SIZE), mask


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def test_no_variant_is_no_gate():
    assert gate("none") is None
    assert type(gate("contrastive")) is type(gate("original")) is ChannelGate


SHAPES = {
    "constant": (3, 1, SIZE),
    "original": (3, 1, SIZE),
    "span": (3, 9, 1),
    "position": (3, 9, 1),
}


@pytest.mark.parametrize("ceiling", CEILINGS)
@pytest.mark.parametrize(("variant", "shape"), SHAPES.items())
def test_shapes_and_range(variant, shape, ceiling):
    made, (states, mask) = gate(variant, ceiling=ceiling), texts()
    gates = made.gates(states, mask)
    assert gates.shape == shape
    highest = ceiling**2 if variant == "position" else ceiling  # a product of two weights
    assert ((gates > 0) & (gates < highest)).all()
    assert made.gates(1e4 * states, mask).max() <= highest


@torch.no_grad()
@pytest.mark.parametrize("variant", SHAPES)
def test_a_new_gate_leaves_the_states_as_they_are_or_halves_them(variant):
    found = {ceiling: [] for ceiling in CEILINGS}
    states, mask = texts()
    for seed in range(40):
        for ceiling in CEILINGS:
            made = gate(variant, ceiling=ceiling)
            torch.manual_seed(seed)
            for module in made.modules():
                if hasattr(module, "reset_parameters"):
                    module.reset_parameters()
            found[ceiling].append(float(made.gates(states, mask).mean()))
    means = {ceiling: sum(values) / len(values) for ceiling, values in found.items()}
    assert means[2.0] == pytest.approx(1.0, abs=0.1)
    halves = 2 if variant == "position" else 1
    assert means[1.0] == pytest.approx(0.5**halves, abs=0.05)


@torch.no_grad()
def test_the_constant_gate_looks_at_nothing():
    made, (states, mask) = gate("constant", ceiling=2.0), texts()
    assert type(made) is ConstantGate
    wanted = [2 * sigmoid(value) for value in made.evidence.tolist()]
    for row in made.gates(states, mask)[:, 0].tolist():
        assert row == pytest.approx(wanted)
    assert torch.equal(made.gates(states, mask), made.gates(-7 * states, ~mask))
    assert len({round(value, 5) for value in wanted}) == SIZE


@torch.no_grad()
@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("fill", [0.0, 50.0])
def test_what_stands_in_the_padding_changes_nothing(variant, residual, fill, assert_near):
    made, (states, mask) = gate(variant, residual), texts()
    found = made(states, mask)
    wide = torch.nn.functional.pad(states, (0, 0, 0, 10), value=fill)
    wide = torch.where(torch.nn.functional.pad(mask, (0, 10)).unsqueeze(-1), wide, fill)
    again = made(wide, torch.nn.functional.pad(mask, (0, 10)))[:, :9]
    assert_near(found[mask], again[mask], terms=TERMS)


@torch.no_grad()
@pytest.mark.parametrize("variant", SHAPES)
def test_padding_before_the_text_changes_nothing_either(variant, assert_near):
    made, (states, mask) = gate(variant), texts((6, 6))
    before = torch.nn.functional.pad(states, (0, 0, 4, 0), value=9.0)
    found = made(before, torch.nn.functional.pad(mask, (4, 0)))[:, 4:]
    assert_near(found, made(states, mask), terms=TERMS)


@torch.no_grad()
@pytest.mark.parametrize("ceiling", CEILINGS)
def test_the_original_is_squeeze_and_excitation(ceiling):
    made, (states, mask) = gate("original", ceiling=ceiling), texts()
    first, _, second = made.excitation
    found = made(states, mask)
    for row, length in enumerate((9, 5, 1)):
        mean = [sum(states[row, :length, c].tolist()) / length for c in range(SIZE)]
        middle = [
            max(0.0, sum(w * m for w, m in zip(weights, mean, strict=True)) + bias)
            for weights, bias in zip(first.weight.tolist(), first.bias.tolist(), strict=True)
        ]
        for channel in range(SIZE):
            weights = second.weight[channel].tolist()
            score = sum(w * m for w, m in zip(weights, middle, strict=True))
            wanted = ceiling * sigmoid(score + float(second.bias[channel]))
            assert float(found[row, 0, channel] / states[row, 0, channel]) == pytest.approx(
                wanted, rel=1e-4
            )


@torch.no_grad()
@pytest.mark.parametrize("ceiling", CEILINGS)
def test_the_span_gate_is_a_loop_over_windows(ceiling):
    made, (states, mask) = gate("span", ceiling=ceiling), texts()
    torch.nn.init.constant_(made.bias, 0.3)
    found = made.gates(states, mask)
    for row, length in enumerate((9, 5, 1)):
        for place in range(length):
            score = 0.3
            for width, span in zip((1, 3, 5), made.spans, strict=True):
                heard = span.convolution.bias.clone()
                for offset in range(width):
                    at = place + offset - width // 2
                    if 0 <= at < length:
                        heard += span.convolution.weight[:, :, offset] @ states[row, at]
                score += float(span.weighing.weight[0] @ torch.nn.functional.gelu(heard))
            wanted = ceiling * sigmoid(score)
            assert float(found[row, place]) == pytest.approx(wanted, rel=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("ceiling", CEILINGS)
def test_the_position_gate_is_the_product_of_two_weights(ceiling):
    made, (states, mask) = gate("position", ceiling=ceiling), texts()
    gates = made.gates(states, mask)
    of_place = ceiling * made.position.network(sinusoids(9, SIZE)).sigmoid()
    of_meaning = ceiling * made.semantic.network(states).sigmoid()
    torch.testing.assert_close(gates[mask], (of_place * of_meaning)[mask])
    assert of_place.std() > 0
    # Either weighs whatever gate it is given.
    given = torch.full((3, 9, 1), 0.25)
    torch.testing.assert_close(
        made.position(given, mask)[mask], 0.25 * of_place.expand(3, 9, 1)[mask]
    )
    torch.testing.assert_close(made.semantic(given, states), 0.25 * of_meaning)


@torch.no_grad()
def test_what_each_gate_depends_on(assert_near):
    states, mask = texts((7,))
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])

    def both(made):
        return made.gates(states, mask)[:, order], made.gates(states[:, order], mask)

    original = gate("original")
    same = original.gates(states[:, order], mask)
    torch.testing.assert_close(original.gates(states, mask), same)
    assert_near(*both(SpanGate(SIZE, windows=(1,), reduction=2)), terms=TERMS)
    for variant in ("span", "position"):
        with pytest.raises(AssertionError, match="not close"):
            assert_near(*both(gate(variant)), terms=10 * TERMS)


@torch.no_grad()
def test_the_residual_mixes_the_states_in():
    plain, mixed = gate("span"), gate("span", residual=True)
    states, mask = texts()
    share = sigmoid(0.7)
    wanted = share * plain(states, mask) + (1 - share) * states
    torch.testing.assert_close(mixed(states, mask), wanted)
    assert float(ChannelGate(SIZE, residual=True).mixture.sigmoid()) == 0.5


@torch.no_grad()
@pytest.mark.parametrize("variant", ["span", "position"])
def test_each_part_can_be_left_out(variant):
    made, (states, mask) = gate(variant), texts()
    whole = made.gates(states, mask)
    names = {"span": ["window 1", "window 3", "window 5"]}
    assert list(made.parts()) == names.get(variant, ["position weight", "semantic weight"])
    for part in made.parts().values():
        handle = part.register_forward_hook(lambda module, inputs, output: inputs[0])
        without = made.gates(states, mask)
        handle.remove()
        assert without.shape == whole.shape
        assert not torch.allclose(without, whole, atol=1e-4)


@pytest.mark.parametrize("windows", [(2,), (1, 4), (0,), (-1,), ()])
def test_even_windows_are_refused(windows):
    with pytest.raises(ValueError, match="odd"):
        SpanGate(SIZE, windows=windows)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_finite(variant, dtype):
    made, (states, mask) = gate(variant, residual=True), texts()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.isfinite(made(100 * states, mask)).all()
    half = made.to(dtype)
    assert half(states.to(dtype), mask).dtype == dtype


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_weight_gets_a_gradient(variant):
    made, (states, mask) = gate(variant, residual=True), texts()
    made(states, mask)[mask].square().sum().backward()
    for name, weight in made.named_parameters():
        assert weight.grad.abs().sum() > 0, name


def test_a_wide_encoder_s_gate_is_a_share_of_it():
    assert ChannelGate(384, reduction=16).excitation[0].out_features == 24
    assert PositionGate(32, reduction=16).semantic.network[0].out_features == 8
