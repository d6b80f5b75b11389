"""Choice of device and floating-point precision."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar, get_args

import torch

from nlpcl.core.config import Precision
from nlpcl.core.errors import UserError, unknown_name

Module = TypeVar("Module", bound=torch.nn.Module)

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str) -> torch.device:
    """Choose a device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``, which must exist.

    Raises:
        UserError: no such device on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except Exception as error:
        raise UserError(f"no device {name!r} here", "--device", "Use cpu or auto.") from error
    return device


def on_device(model: Module, device: torch.device) -> Module:
    """Move a model to a device; a typed wrapper of transformers' ``to``."""
    moved: Any = model
    return moved.to(device)


def has_fast_bf16(device: torch.device) -> bool:
    """Whether a device computes bfloat16 products in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")
    return any(getattr(torch.cpu, probe, lambda: False)() for probe in probes)


def choose_precision(name: str, device: torch.device) -> str:
    """Choose a precision; ``auto`` is bf16 where it is fast, else fp32.

    Raises:
        UserError: fp16 on a processor, where it is slower and overflows.
    """
    if name not in get_args(Precision):
        raise unknown_name("precision", name, get_args(Precision), where="--precision")
    if name == "auto":
        return "bf16" if has_fast_bf16(device) else "fp32"
    if name == "fp16" and device.type == "cpu":
        raise UserError("fp16 needs a GPU", "--precision", "Use bf16, fp32 or auto on a CPU.")
    return name


class Machine(NamedTuple):
    """Device and precision of a model.

    Args:
        device: the processor or GPU.
        precision: fp32, bf16 or fp16.
    """

    device: torch.device
    precision: str


def choose_machine(device: str, precision: str) -> Machine:
    """Resolve ``--device`` and ``--precision``.

    Raises:
        UserError: no such device, or a precision it does not have.
    """
    place = choose_device(device)
    return Machine(place, choose_precision(precision, place))


@contextlib.contextmanager
def arithmetic(device: torch.device, precision: str) -> Iterator[None]:
    """Context manager for inference in the given precision."""
    dtype = DTYPES.get(precision)
    with (
        torch.inference_mode(),
        torch.autocast(device.type, dtype=dtype, enabled=dtype is not None),
    ):
        yield
