"""Which processor, which arithmetic."""

from __future__ import annotations

import pytest
import torch

from nlpcl.core.errors import UserError
from nlpcl.nn import devices
from nlpcl.nn.devices import arithmetic, choose_device, choose_precision

CPU = torch.device("cpu")


def test_auto_finds_a_device():
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type in {"cpu", "cuda", "mps"}


@pytest.mark.parametrize("name", ["cdua", "cuda:99", "", "meta2"])
def test_a_device_that_is_not_there(name):
    with pytest.raises(UserError, match="--device: no device"):
        choose_device(name)


@pytest.mark.parametrize(("fast", "chosen"), [(True, "bf16"), (False, "fp32")])
def test_auto_takes_bf16_where_it_is_fast(fast, chosen, monkeypatch):
    monkeypatch.setattr(devices, "has_fast_bf16", lambda device: fast)
    assert choose_precision("auto", CPU) == chosen
    assert choose_precision("fp32", CPU) == "fp32"
    assert choose_precision("bf16", CPU) == "bf16"


def test_fp16_needs_a_gpu():
    with pytest.raises(UserError, match="fp16 needs a GPU"):
        choose_precision("fp16", CPU)
    assert choose_precision("fp16", torch.device("cuda")) == "fp16"


def test_an_unknown_precision_is_refused():
    with pytest.raises(UserError, match="fp61"):
        choose_precision("fp61", CPU)


@pytest.mark.parametrize(
    ("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)]
)
def test_arithmetic(precision, dtype):
    with arithmetic(CPU, precision):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
        assert torch.is_inference_mode_enabled()
