"""Compressed weights in safetensors: int8 with one scale per row, a quarter of the size.

Matrices (and convolutions) are stored as int8 with a float32 scale for each row (output channel),
so the error of an element is at most half its row's scale. Vectors, and matrices that 8 bits would
change too much, are stored in half precision; what half precision cannot hold stays float32.
Loading gives float32, ready for fine-tuning. A file of checksums lies beside the weights.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from nlpcl.core.errors import UserError, first_line
from nlpcl.core.files import explained, write_json
from nlpcl.core.json_files import parsed, read_json

FORMAT = "nlpcl int8 rows 1"
CHECKSUMS = "checksums.json"
SCALE = "::scale"
HEADER = "nlpcl"
REINSTALL = "Reinstall: pip install --force-reinstall nlpcl"

INT8_LOSS = 0.03
"""Largest relative error of a tensor in 8 bits; a normal distribution has about 0.01."""
HALF_LOSS = 1e-3
"""Largest relative error of a tensor in half precision; exceeded by overflow and underflow only."""


def quantised(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix as int8 and one scale a row, symmetric; a row of zeros gets scale 1."""
    rows = weight.detach().float().flatten(1)
    scale = rows.abs().amax(dim=1) / 127
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    levels = (rows / scale.unsqueeze(1)).round().clamp(-127, 127).to(torch.int8)
    return levels.view(weight.shape), scale


def relative_error(changed: Tensor, weight: Tensor) -> float:
    """``|changed - weight| / |weight|`` in the Frobenius norm; 0 for a tensor of zeros."""
    norm = weight.double().norm()
    return float((changed.double() - weight.double()).norm() / norm) if norm > 0 else 0.0


def stored_form(name: str, value: Tensor) -> dict[str, Tensor]:
    """The smallest form that keeps a tensor well enough, under the names it gets in the file.

    Raises:
        ValueError: a weight is not finite.
    """
    if not value.is_floating_point():
        return {name: value.detach().cpu().clone().contiguous()}
    weight = value.detach().cpu().float().contiguous()
    if not weight.isfinite().all():
        raise ValueError(f"{name} holds values that are not finite")
    if weight.ndim >= 2 and weight.numel():
        levels, scale = quantised(weight)
        back = torch.from_numpy(restored(levels.numpy(), scale.numpy()))
        if relative_error(back, weight) <= INT8_LOSS:
            return {name: levels, name + SCALE: scale}
    half = weight.half()
    if relative_error(half, weight) <= HALF_LOSS:
        return {name: half}
    return {name: weight.clone()}


def save_compressed(
    state: Mapping[str, Tensor], path: Path, *, metadata: Mapping[str, str] | None = None
) -> None:
    """Write weights and their checksum.

    Args:
        state: name → tensor; tied tensors once.
        path: file to write; ``checksums.json`` beside it gets an entry.
        metadata: kept in the file's header.

    Raises:
        ValueError: a weight is not finite.
        UserError: the place cannot be written.
    """
    stored: dict[str, Tensor] = {}
    for name, value in state.items():
        stored |= stored_form(name, value)
    # One entry: safetensors writes several in random order, and equal weights give equal files.
    header = json.dumps({**(metadata or {}), "format": FORMAT}, sort_keys=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            save_file(stored, temporary, metadata={HEADER: header})
            temporary.chmod(0o644)  # safetensors lets the owner alone read
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    sums_file = path.with_name(CHECKSUMS)
    sums = read_json(sums_file, dict[str, str]) if sums_file.exists() else {}
    write_json(sums_file, {**sums, path.name: checksum(path)})


def load_compressed(path: Path) -> dict[str, Tensor]:
    """Weights in float32; integers as they were.

    Raises:
        UserError: missing, cut off, of another version, or not what the checksum says.
    """
    if not path.is_file():
        raise UserError("not found", path, REINSTALL)
    if checksum(path) != expected_checksum(path):
        raise UserError("is damaged: its checksum is wrong", path, REINSTALL)
    try:
        with safe_open(path, framework="np") as file:
            form = parsed((file.metadata() or {}).get(HEADER, "{}")).get("format")
            if form != FORMAT:
                raise UserError(f"is of another version ({form})", path, REINSTALL)
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"cannot be read ({first_line(error)})", path, REINSTALL) from error
    return {
        name: torch.from_numpy(restored(value, stored.get(name + SCALE)))
        for name, value in stored.items()
        if not name.endswith(SCALE)
    }


def saved_metadata(path: Path) -> dict[str, Any]:
    """What :func:`save_compressed` was given beside the weights.

    Raises:
        UserError: the file cannot be read.
    """
    try:
        with safe_open(path, framework="np") as file:
            return parsed((file.metadata() or {}).get(HEADER, "{}"))
    except Exception as error:
        raise UserError(f"cannot be read ({first_line(error)})", path, REINSTALL) from error


def restored(value: np.ndarray, scale: np.ndarray | None) -> np.ndarray:
    """The stored form back in float32; integers as they are.

    numpy rather than torch: on a busy machine torch's threads wait for each other for longer than
    all of the work takes.
    """
    if scale is not None:
        scale = scale.reshape(-1, *[1] * (value.ndim - 1))
        return np.multiply(value, scale, dtype=np.float32)
    is_float = np.issubdtype(value.dtype, np.floating)
    return value.astype(np.float32) if is_float else value


def expected_checksum(path: Path) -> str:
    """What ``checksums.json`` beside a weights file says of it.

    Raises:
        UserError: no such file, or it says nothing of these weights.
    """
    sums_file = path.with_name(CHECKSUMS)
    try:
        return read_json(sums_file, dict[str, str])[path.name]
    except (UserError, KeyError) as error:
        what = f"is missing, damaged or without {path.name}"
        raise UserError(what, sums_file, REINSTALL) from error


def checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
