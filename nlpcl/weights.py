"""Weights in a quarter of their size: 8 bits an element, one scale a row, in safetensors.

Matrices (and convolutions) are stored as int8 with a float32 scale for each row, so the error of
an element is at most half its row's scale; vectors are stored in half precision. Loading gives
float32, ready for fine-tuning. A file of checksums lies beside the weights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from nlpcl.errors import UserError, first_line
from nlpcl.files import read_json, write_json

FORMAT = "nlpcl int8 rows 1"
CHECKSUMS = "checksums.json"
SCALE = "::scale"
REINSTALL = "Reinstall: pip install --force-reinstall nlpcl"


def quantised(weight: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix as int8 and one scale a row, symmetric; a row of zeros gets scale 1."""
    rows = weight.detach().float().flatten(1)
    scale = rows.abs().amax(dim=1) / 127
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    levels = (rows / scale.unsqueeze(1)).round().clamp(-127, 127).to(torch.int8)
    return levels.view(weight.shape), scale


def save_compressed(
    state: Mapping[str, Tensor], path: Path, *, metadata: Mapping[str, str] | None = None
) -> None:
    """Write weights and their checksum.

    Args:
        state: name → tensor; tied tensors once.
        path: file to write; ``checksums.json`` beside it gets an entry.
        metadata: kept in the file's header.
    """
    stored: dict[str, Tensor] = {}
    for name, value in state.items():
        if value.ndim >= 2 and value.is_floating_point():
            stored[name], stored[name + SCALE] = quantised(value)
        else:
            half = value.detach().half() if value.is_floating_point() else value.detach()
            stored[name] = half.contiguous()
    temporary = path.with_name(f".{path.name}.part")
    save_file(stored, temporary, metadata={**(metadata or {}), "format": FORMAT})
    temporary.replace(path)
    sums_file = path.with_name(CHECKSUMS)
    sums = read_json(sums_file) if sums_file.exists() else {}
    write_json(sums_file, {**sums, path.name: checksum(path)})


def load_compressed(path: Path) -> dict[str, Tensor]:
    """Weights in float32.

    Raises:
        UserError: missing, cut off, of another version, or not what the checksum says.
    """
    if not path.is_file():
        raise UserError("not found", path, REINSTALL)
    sums_file = path.with_name(CHECKSUMS)
    expected = read_json(sums_file).get(path.name) if sums_file.exists() else None
    if expected != checksum(path):
        raise UserError("is damaged: its checksum is wrong", path, REINSTALL)
    try:
        with safe_open(path, framework="pt") as file:
            form = (file.metadata() or {}).get("format")
            if form != FORMAT:
                raise UserError(f"is of another version ({form})", path, REINSTALL)
            stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"cannot be read ({first_line(error)})", path, REINSTALL) from error
    return {
        name: restored(value, stored.get(name + SCALE))
        for name, value in stored.items()
        if not name.endswith(SCALE)
    }


def restored(value: Tensor, scale: Tensor | None) -> Tensor:
    """The stored form back in float32; integer buffers as they are."""
    if scale is not None:
        return value.float() * scale.view(-1, *[1] * (value.ndim - 1))
    return value.float() if value.is_floating_point() else value


def checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
