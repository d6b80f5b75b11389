"""Tiny models of speech emotion, invented frames and waveforms, tiny random speech encoders."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from nlpcl import zoo

LABELS = ["angry", "happy", "neutral"]
LENGTHS = [9, 6, 4, 2, 1, 9]
WIDTH = 10


def _settings(name: str, **options):
    sizes = {"hidden": 8, "gru_layers": 2, "dropout": 0.0}
    if name == "emotion-enhanced":
        sizes |= {"heads": 2, "attention_dropout": 0.0, "head_dropout": 0.0}
    return zoo.entry(name).config_class(**sizes | options).check()


def _made(name: str, *, layers: int = 1, backbone=None, class_counts=None, **options):
    torch.manual_seed(5)
    return (
        zoo.entry(name)
        .model_class()
        .build(
            backbone,
            _settings(name, **options).model_options(),
            width=WIDTH if backbone is None else backbone.config.hidden_size,
            layers=layers,
            labels=LABELS,
            speakers=4,
            class_counts=class_counts,
        )
    )


def _batch(layers: int = 0, rows: list[int] | None = None) -> dict[str, torch.Tensor]:
    """Clips of different lengths with large values at padding."""
    generator = torch.Generator().manual_seed(1)
    shape = (len(LENGTHS), layers, 9, WIDTH) if layers else (len(LENGTHS), 9, WIDTH)
    mask = torch.arange(9) < torch.tensor(LENGTHS).unsqueeze(1)
    inputs = torch.randn(shape, generator=generator)
    inputs = torch.where(mask[:, None, :, None] if layers else mask[..., None], inputs, 30.0)
    every = {
        "inputs": inputs,
        "attention_mask": mask.long(),
        "labels": torch.tensor([0, 1, 2, 0, 1, -100]),
        "speakers": torch.tensor([0, 1, 2, 3, -100, 0]),
    }
    return every if rows is None else {key: value[rows] for key, value in every.items()}


def _waves(rows: list[int] | None = None) -> dict[str, torch.Tensor]:
    """Waveforms of 0.1 to 0.4 seconds with noise at padding."""
    lengths = torch.tensor([6400, 4000, 1600])
    generator = torch.Generator().manual_seed(2)
    every = {
        "inputs": 0.3 * torch.randn(3, 6400, generator=generator),
        "attention_mask": (torch.arange(6400) < lengths.unsqueeze(1)).long(),
        "labels": torch.tensor([0, 1, 2]),
        "speakers": torch.tensor([0, 1, 2]),
    }
    return every if rows is None else {key: value[rows] for key, value in every.items()}


def _unlabelled(values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key: values[key] for key in ("inputs", "attention_mask")}


def builtin_like():
    from nlpcl.audio.speech_encoder import SpeechEncoder, SpeechEncoderConfig

    torch.manual_seed(3)
    return SpeechEncoder(
        SpeechEncoderConfig(
            hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=24
        )
    )


def hubert_like(stable: bool = False):
    from transformers import HubertConfig, HubertModel

    from nlpcl.audio.pretrained_speech import PretrainedSpeechConfig, PretrainedSpeechEncoder

    torch.manual_seed(3)
    config = HubertConfig(
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=24,
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        conv_dim=(8, 8),
        conv_kernel=(20, 6),
        conv_stride=(20, 16),
        feat_extract_norm="layer" if stable else "group",
        do_stable_layer_norm=stable,
    )
    wrapped = PretrainedSpeechConfig(encoder=config, masked=stable)
    return PretrainedSpeechEncoder(wrapped, HubertModel(config))


@pytest.fixture
def settings() -> Callable[..., Any]:
    """:func:`_settings`."""
    return _settings


@pytest.fixture
def made() -> Callable[..., Any]:
    """:func:`_made`."""
    return _made


@pytest.fixture
def batch() -> Callable[..., Any]:
    """:func:`_batch`."""
    return _batch


@pytest.fixture
def waves() -> Callable[..., Any]:
    """:func:`_waves`."""
    return _waves


@pytest.fixture
def unlabelled() -> Callable[..., Any]:
    """:func:`_unlabelled`."""
    return _unlabelled


@pytest.fixture
def encoders() -> dict[str, Callable[[], Any]]:
    """Makers of tiny encoders by their kind."""
    return {
        "builtin": builtin_like,
        "hubert": hubert_like,
        "hubert-large": lambda: hubert_like(True),
    }
