"""Identity of a speech encoder: its name, and a hash that changes with any weight or setting."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nlpcl.audio.log_mel import HOP, SAMPLING_RATE, WINDOW

MEL_BINS = 80
"""Of a spectrogram that is used without an encoder."""
SHAPE = (
    *("model_type", "normalised", "masked", "hidden_act", "feat_extract_activation"),
    *("feat_extract_norm", "do_stable_layer_norm", "layer_norm_eps", "num_attention_heads"),
    *("conv_stride", "conv_kernel", "mel_bins", "max_positions", "final_norm"),
)
"""Settings of an encoder that change its states while its weights stay the same."""


def identity_of(source: str, encoder: Any) -> str:
    """Name of an encoder's folder with a hash of its weights and settings.

    Tensors count by shape and content, not by name, so that the same weights keep their identity
    when transformers calls them otherwise.
    """
    whole = hashlib.sha256()
    if encoder is None:
        settings: list[Any] = [MEL_BINS, HOP, WINDOW, SAMPLING_RATE]
        digests: list[bytes] = []
    else:
        configs = [encoder.config, getattr(encoder.config, "encoder", None)]
        settings = [[getattr(config, name, None) for name in SHAPE] for config in configs]
        digests = sorted(map(digest, encoder.state_dict().values()))
    whole.update(json.dumps(settings).encode())
    for each in digests:
        whole.update(each)
    name = Path(source).name if Path(source).is_absolute() else source
    return f"{name}@{whole.hexdigest()[:16]}"


def digest(tensor: Tensor) -> bytes:
    """SHA-256 of a tensor's shape and content."""
    found = hashlib.sha256(str(tuple(tensor.shape)).encode())
    found.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.digest()
