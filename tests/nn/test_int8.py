"""Compressed weights: bounded error, whole round trips, and one line for every damage."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from nlpcl.core.errors import UserError
from nlpcl.nn.int8 import (
    CHECKSUMS,
    FORMAT,
    SCALE,
    checksum,
    load_compressed,
    quantised,
    restored,
    save_compressed,
)


def state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    return {
        "linear.weight": drawn(7, 12),
        "conv.weight": drawn(5, 4, 3),
        "linear.bias": drawn(7),
        "half.weight": drawn(3, 4).half(),
        "brain.weight": drawn(3, 4).bfloat16(),
        "zeros.weight": torch.zeros(2, 3),
        "scalar": torch.tensor(0.25),
        "empty": torch.zeros(0, 3),
        "position_ids": torch.arange(6).view(1, 6),
    }


def stored(path) -> dict[str, torch.Tensor]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


@given(st.integers(0, 2**31), st.integers(1, 6), st.integers(1, 40), st.floats(-20, 20))
@settings(max_examples=40, deadline=None)
def test_error_is_at_most_half_a_step(seed, rows, columns, exponent):
    generator = torch.Generator().manual_seed(seed)
    weight = torch.randn(rows, columns, generator=generator) * 10.0**exponent
    weight *= torch.logspace(-3, 3, rows).unsqueeze(1)
    levels, scale = quantised(weight)
    assert levels.dtype == torch.int8
    error = (torch.from_numpy(restored(levels.numpy(), scale.numpy())) - weight).abs()
    assert (error <= scale.unsqueeze(1) * (0.5 + 1e-4)).all()


def test_a_step_is_the_largest_element_by_127():
    levels, scale = quantised(torch.tensor([[1.27, -0.5, 0.004], [0.0, 0.0, 0.0]]))
    assert scale.tolist() == pytest.approx([0.01, 1.0])
    assert levels.tolist() == [[127, -50, 0], [0, 0, 0]]


def test_round_trip_of_names_shapes_and_types(tmp_path):
    path = tmp_path / "deep" / "weights.safetensors"
    before = state()
    save_compressed(before, path, metadata={"source": "invented"})
    after = load_compressed(path)
    assert set(after) == set(before)
    for name, value in before.items():
        assert after[name].shape == value.shape
        assert after[name].dtype == (torch.float32 if value.is_floating_point() else value.dtype), (
            name
        )
    assert torch.equal(after["position_ids"], before["position_ids"])
    assert torch.equal(after["zeros.weight"], before["zeros.weight"])
    torch.testing.assert_close(after["linear.bias"], before["linear.bias"], rtol=1e-3, atol=1e-4)
    for name in ("linear.weight", "conv.weight", "half.weight", "brain.weight"):
        weight = before[name].float()
        bound = weight.flatten(1).abs().amax(dim=1) / 127 / 2 * 1.001
        assert ((after[name] - weight).flatten(1).abs() <= bound.unsqueeze(1)).all(), name
    with safe_open(path, framework="pt") as file:
        header = json.loads(file.metadata()["nlpcl"])
    assert header == {"source": "invented", "format": FORMAT}


def test_equal_weights_give_equal_files(tmp_path):
    paths = [tmp_path / str(number) for number in range(8)]
    for path in paths:
        save_compressed(state(), path, metadata={"source": "invented", "model": "none"})
    assert len({path.read_bytes() for path in paths}) == 1


def test_saving_again_changes_nothing(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    save_compressed(state(), first)
    save_compressed(load_compressed(first), second)
    for name, value in load_compressed(first).items():
        torch.testing.assert_close(load_compressed(second)[name], value, rtol=1e-5, atol=1e-7)


def test_weights_can_be_trained_and_hold_their_own_memory(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_compressed(state(), path)
    weight = torch.nn.Parameter(load_compressed(path)["linear.bias"])
    weight.sum().backward()
    with torch.no_grad():
        weight.zero_()
    assert load_compressed(path)["linear.bias"].abs().sum() > 0


def test_each_tensor_gets_the_smallest_form_that_keeps_it(tmp_path):
    path = tmp_path / "weights.safetensors"
    outlier = torch.full((4, 900), 0.001)
    outlier[:, 0] = 1.0
    outlier[:, 1:] += torch.rand(4, 899) * 0.005
    huge = torch.tensor([1e6, 2.0])
    save_compressed({"plain": torch.randn(8, 64), "outlier": outlier, "huge": huge}, path)
    forms = {name: value.dtype for name, value in stored(path).items()}
    assert forms == {
        "plain": torch.int8,
        "plain" + SCALE: torch.float32,
        "outlier": torch.float16,
        "huge": torch.float32,
    }
    assert torch.equal(load_compressed(path)["huge"], huge)
    torch.testing.assert_close(load_compressed(path)["outlier"], outlier, rtol=1e-3, atol=1e-5)


def test_size_is_a_quarter(tmp_path):
    path = tmp_path / "weights.safetensors"
    save_compressed({"weight": torch.randn(256, 1024)}, path)
    assert path.stat().st_size < 1.01 * (256 * 1024 + 4 * 256) + 1000


def test_several_files_share_one_file_of_checksums(tmp_path):
    for name in ("a.safetensors", "b.safetensors", "a.safetensors"):
        save_compressed(state(), tmp_path / name)
    sums = json.loads((tmp_path / CHECKSUMS).read_text())
    assert sums == {name: checksum(tmp_path / name) for name in ("a.safetensors", "b.safetensors")}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.safetensors",
        "b.safetensors",
        CHECKSUMS,
    ]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, bad):
    with pytest.raises(ValueError, match="broken"):
        save_compressed({"broken": torch.tensor([[1.0, bad]])}, tmp_path / "weights.safetensors")
    assert not any(tmp_path.iterdir())


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-100])


def cut_off_with_its_checksum(path):
    cut_off(path)
    renew_checksum(path)


def emptied(path):
    path.write_bytes(b"")
    renew_checksum(path)


def one_bit_flipped(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def of_another_version(path):
    metadata = {"nlpcl": '{"format": "nlpcl int8 rows 99"}'}
    save_file({"weight": torch.zeros(2)}, path, metadata=metadata)
    renew_checksum(path)


def without_a_version(path):
    save_file({"weight": torch.zeros(2)}, path)
    renew_checksum(path)


def removed(path):
    path.unlink()


def renew_checksum(path):
    path.with_name(CHECKSUMS).write_text(json.dumps({path.name: checksum(path)}))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (cut_off, "checksum is wrong"),
        (cut_off_with_its_checksum, "cannot be read"),
        (emptied, "cannot be read"),
        (one_bit_flipped, "checksum is wrong"),
        (of_another_version, "another version"),
        (without_a_version, "another version"),
        (removed, "not found"),
    ],
)
def test_damage_is_one_line_with_the_file_and_the_remedy(tmp_path, damage, reason):
    path = tmp_path / "weights.safetensors"
    save_compressed(state(), path)
    damage(path)
    with pytest.raises(UserError) as caught:
        load_compressed(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert reason in line
    assert line.endswith("pip install --force-reinstall nlpcl")
    assert "\n" not in line


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", "null"])
def test_checksums_missing_or_damaged(tmp_path, content):
    path = tmp_path / "weights.safetensors"
    save_compressed(state(), path)
    sums = tmp_path / CHECKSUMS
    if content is None:
        sums.unlink()
    else:
        sums.write_text(content)
    with pytest.raises(UserError) as caught:
        load_compressed(path)
    assert str(caught.value).startswith(f"{sums}: ")
    assert str(caught.value).endswith("pip install --force-reinstall nlpcl")
