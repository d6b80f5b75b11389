"""The speech encoder ``builtin``: the first blocks of Whisper's encoder, on clips of any length.

Unlike transformers' ``WhisperEncoder`` it does not pad clips to 30 s: positions are cut to the
clip's length, and padding is masked in the convolutions and the attention, so that a clip gives
the same states alone and in a batch. On 30 s of sound both give the same states.

Source: Radford et al. 2022, Robust Speech Recognition via Large-Scale Weak Supervision
(arXiv 2212.04356).

Legend: ``B`` batch, ``T`` samples, ``M`` mel frames, ``F`` frames, ``H`` hidden size.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel

from nlpcl.audio.log_mel import HOP, SAMPLING_RATE, log_mel, valid_mask


class SpeechFeatures(NamedTuple):
    """Frames of a batch of clips, with their mask.

    Args:
        states: ``(B, F, H)``, zero at invalid frames.
        mask: True at valid frames, ``(B, F)``.
    """

    states: Tensor
    mask: Tensor


class SpeechEncoderConfig(PreTrainedConfig):
    """Configuration of a :class:`SpeechEncoder`.

    Args:
        hidden_size: width of the states.
        num_hidden_layers: blocks.
        num_attention_heads: heads of each block.
        intermediate_size: width inside each block's feed-forward part.
        mel_bins: mel bins of the input.
        max_positions: frames that attend to each other at most; longer clips are cut in windows.
        final_norm: whether a layer norm follows the last block, as in a whole Whisper encoder.
        layer: whose states ``forward`` gives: 0 before the first block, n after block n; the last
            block by default.
        source: where the weights come from.
    """

    model_type = "nlpcl-speech-encoder"

    def __init__(
        self,
        hidden_size: int = 512,
        num_hidden_layers: int = 3,
        num_attention_heads: int = 8,
        intermediate_size: int = 2048,
        mel_bins: int = 80,
        max_positions: int = 1500,
        final_norm: bool = False,
        layer: int | None = None,
        source: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.mel_bins = mel_bins
        self.max_positions = max_positions
        self.final_norm = final_norm
        self.layer = num_hidden_layers if layer is None else layer
        self.source = source
        self.sampling_rate = SAMPLING_RATE
        self.frame_rate = SAMPLING_RATE / HOP / 2


class Attention(nn.Module):
    """Multi-head self-attention; Whisper's key projection has no bias."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(size, size)
        self.k_proj = nn.Linear(size, size, bias=False)
        self.v_proj = nn.Linear(size, size)
        self.out_proj = nn.Linear(size, size)

    def forward(self, states: Tensor, mask: Tensor | None) -> Tensor:
        query, key, value = (
            projection(states).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        attended = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out_proj(attended.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """A pre-norm transformer block."""

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.self_attn = Attention(size, config.num_attention_heads)
        self.self_attn_layer_norm = nn.LayerNorm(size)
        self.fc1 = nn.Linear(size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, size)
        self.final_layer_norm = nn.LayerNorm(size)

    def forward(self, states: Tensor, mask: Tensor | None) -> Tensor:
        states = states + self.self_attn(self.self_attn_layer_norm(states), mask)
        return states + self.fc2(functional.gelu(self.fc1(self.final_layer_norm(states))))


def sinusoids(length: int, size: int, device: torch.device) -> Tensor:
    """Sinusoidal positions as in Whisper, ``(length, size)``."""
    steps = torch.arange(size // 2, device=device) * (-math.log(10_000) / (size // 2 - 1))
    angles = torch.arange(length, device=device).unsqueeze(1) * steps.exp()
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class SpeechEncoder(PreTrainedModel):
    """Whisper's encoder, or its first blocks, on clips of any length.

    Clips longer than ``max_positions`` frames (30 s) are cut into windows of equal length; frames
    attend within their window, positions restart in each, and the windows' states are joined.
    The states are those of the residual stream: put a normalisation before whatever follows.
    """

    config_class = SpeechEncoderConfig
    config: SpeechEncoderConfig
    main_input_name = "waveforms"
    base_model_prefix = ""
    _supports_sdpa = True
    _no_split_modules: ClassVar[list[str]] = ["Block"]

    def __init__(self, config: SpeechEncoderConfig) -> None:
        super().__init__(config)
        size = config.hidden_size
        self.conv1 = nn.Conv1d(config.mel_bins, size, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(size, size, kernel_size=3, stride=2, padding=1)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.num_hidden_layers))
        self.layer_norm = nn.LayerNorm(size) if config.final_norm else None
        self.post_init()

    def forward(
        self, waveforms: Tensor, lengths: Tensor | None = None, layer: int | None = None
    ) -> SpeechFeatures:
        """Encode clips.

        Args:
            waveforms: mono, 16 kHz, about -1 to 1, ``(B, T)``; what lies beyond a clip's length
                does not matter.
            lengths: samples of each clip, ``(B,)``; all of ``T`` by default. A clip under 25 ms is
                filled with silence up to that.
            layer: 0 to ``num_hidden_layers``; the config's by default.
        """
        states, mask = self.all_states(waveforms, lengths, layer)
        return SpeechFeatures(states[-1], mask)

    def all_states(
        self, waveforms: Tensor, lengths: Tensor | None = None, layer: int | None = None
    ) -> tuple[list[Tensor], Tensor]:
        """States of layers 0 to ``layer``, each ``(B, F, H)``, and the mask ``(B, F)``."""
        if lengths is None:
            lengths = torch.full((len(waveforms),), waveforms.shape[1], device=waveforms.device)
        return self.encode(*log_mel(waveforms, lengths, self.config.mel_bins), layer=layer)

    def encode(
        self, mel: Tensor, mel_mask: Tensor, layer: int | None = None
    ) -> tuple[list[Tensor], Tensor]:
        """Return the states of layers 0 to ``layer``, given a log-mel spectrogram.

        Args:
            mel: ``(B, N, M)``.
            mel_mask: True at valid frames, ``(B, M)``; each clip has at least one.
            layer: as in ``forward``.
        """
        layer = self.config.layer if layer is None else layer
        if not 0 <= layer <= self.config.num_hidden_layers:
            raise ValueError(f"layer {layer} of {self.config.num_hidden_layers}")
        valid = mel_mask.unsqueeze(1)
        states = functional.gelu(self.conv1(mel.to(self.conv1.weight.dtype) * valid))
        # A clip alone would see zeros beyond its end, not the first convolution's bias.
        states = functional.gelu(self.conv2(states * valid)).transpose(1, 2)
        frames = (mel_mask.sum(dim=1) + 1) // 2
        mask = valid_mask(frames, states.shape[1])
        clip, frame = mask.nonzero(as_tuple=True)
        windows = -(-frames // self.config.max_positions)
        in_clip = frame * windows[clip] // frames[clip]
        begin = -(-in_clip * frames[clip] // windows[clip])
        window, place = (windows.cumsum(0) - windows)[clip] + in_clip, frame - begin
        packed = states.new_zeros(int(windows.sum()), int(place.max()) + 1, states.shape[2])
        packed[window, place] = states[clip, frame]
        # In the weights' type, not autocast's: the sums of all blocks go through these states.
        positions = sinusoids(packed.shape[1], packed.shape[2], packed.device)
        packed = packed.to(self.conv1.weight.dtype) + positions.to(self.conv1.weight.dtype)
        attended = torch.zeros(packed.shape[:2], dtype=torch.bool, device=packed.device)
        attended[window, place] = True
        attention_mask = None if bool(attended.all()) else attended[:, None, None, :]
        every = [packed]
        for block in self.layers[:layer]:
            every.append(block(every[-1], attention_mask))
        if self.layer_norm is not None and layer == len(self.layers):
            every[-1] = self.layer_norm(every[-1])

        def joined(packed: Tensor) -> Tensor:
            result = packed.new_zeros(*mask.shape, packed.shape[2])
            result[clip, frame] = packed[window, place]
            return result

        return [joined(packed) for packed in every], mask


AutoConfig.register(SpeechEncoderConfig.model_type, SpeechEncoderConfig, exist_ok=True)
AutoModel.register(SpeechEncoderConfig, SpeechEncoder, exist_ok=True)
