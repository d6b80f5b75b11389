"""Invented sound and tiny random speech encoders in the format of transformers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def sound() -> Callable[..., object]:
    """``sound(16000)`` → so many samples of a gliding tone in noise, ``(T,)``."""
    import torch

    def made(samples: int, seed: int = 0) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        time = torch.arange(samples) / 16_000
        tone = torch.sin(2 * torch.pi * (150 + 40 * seed + 60 * time) * time)
        loudness = 0.3 + 0.2 * torch.sin(3 * time)
        return loudness * tone + 0.02 * torch.randn(samples, generator=generator)

    return made


@pytest.fixture(scope="session")
def batched() -> Callable[..., object]:
    """``batched(clips)`` → the clips in one tensor, loud noise beyond their ends, and lengths."""
    import torch

    def made(clips: Sequence[torch.Tensor], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        lengths = torch.tensor([len(clip) for clip in clips])
        generator = torch.Generator().manual_seed(seed)
        batch = 3 * torch.randn(len(clips), int(lengths.max()) + 500, generator=generator)
        for row, clip in enumerate(clips):
            batch[row, : len(clip)] = clip
        return batch, lengths

    return made


CONVOLUTIONS = {"conv_dim": (16, 16), "conv_kernel": (20, 6), "conv_stride": (20, 8)}
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    **CONVOLUTIONS,
}


@pytest.fixture(scope="session")
def speech_folder(tmp_path_factory) -> Callable[..., Path]:
    """``speech_folder("hubert", masked=True)`` → a folder as ``save_pretrained`` makes it.

    Masked means the large models' form: layer norm in the convolutions, an attention mask.
    """
    made: dict[tuple[str, bool], Path] = {}

    def folder(kind: str, masked: bool = True) -> Path:
        if (kind, masked) not in made:
            place = tmp_path_factory.mktemp("speech") / f"tiny-{kind}"
            save_tiny(kind, masked, place)
            made[kind, masked] = place
        return made[kind, masked]

    return folder


def save_tiny(kind: str, masked: bool, place: Path) -> None:
    """A random encoder and its feature extractor, by transformers alone."""
    import torch
    import transformers

    torch.manual_seed(7)
    if kind.startswith("whisper"):
        config = transformers.WhisperConfig(
            d_model=32,
            encoder_layers=3,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            vocab_size=50,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=1,
        )
        model = transformers.WhisperModel(config)
        if kind == "whisper-encoder":
            model = model.get_encoder()
        extractor = transformers.WhisperFeatureExtractor()
    else:
        name = {"hubert": "Hubert", "wav2vec2": "Wav2Vec2", "wavlm": "WavLM"}[kind]
        config = getattr(transformers, f"{name}Config")(
            feat_extract_norm="layer" if masked else "group",
            do_stable_layer_norm=masked,
            **SIZES,
        )
        model = getattr(transformers, f"{name}Model")(config)
        extractor = transformers.Wav2Vec2FeatureExtractor(
            do_normalize=True, return_attention_mask=masked
        )
    model.save_pretrained(place)
    extractor.save_pretrained(place)
