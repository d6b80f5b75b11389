"""HuBERT, wav2vec 2.0 and WavLM behind the interface of the built-in speech encoder.

Legend: ``B`` batch, ``T`` samples, ``F`` frames, ``H`` hidden size.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel

from nlpcl.audio.log_mel import SAMPLING_RATE, valid_mask
from nlpcl.audio.speech_encoder import SpeechFeatures


class PretrainedSpeechConfig(PreTrainedConfig):
    """A transformers encoder and how its feature extractor prepares a waveform.

    Args:
        encoder: the encoder's own configuration.
        normalised: whether each clip is brought to mean 0 and variance 1.
        masked: whether the encoder was trained with an attention mask. Those that were not
            (HuBERT base, wav2vec 2.0 base: a group norm over time sees the padding) get clips of
            equal length together and others apart, so that a clip never depends on its neighbours.
        layer: whose states ``forward`` gives; the last by default.
    """

    model_type = "nlpcl-pretrained-speech"
    sub_configs: ClassVar[dict[str, Any]] = {"encoder": AutoConfig}

    def __init__(
        self,
        encoder: PreTrainedConfig | dict[str, Any] | None = None,
        normalised: bool = True,
        masked: bool = True,
        layer: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(encoder, dict):
            values = dict(encoder)
            encoder = AutoConfig.for_model(values.pop("model_type"), **values)
        self.encoder: Any = encoder or AutoConfig.for_model("hubert")
        # A dropped block would shift the numbers of the layers; time masking fails on clips
        # shorter than its masks.
        self.encoder.layerdrop = 0.0
        self.encoder.apply_spec_augment = False
        self.normalised = normalised
        self.masked = masked
        self.hidden_size = self.encoder.hidden_size
        self.num_hidden_layers = self.encoder.num_hidden_layers
        self.layer: int = self.num_hidden_layers if layer is None else layer
        self.sampling_rate = SAMPLING_RATE
        self.frame_rate = SAMPLING_RATE / math.prod(self.encoder.conv_stride)


class PretrainedSpeechEncoder(PreTrainedModel):
    """HuBERT, wav2vec 2.0 or WavLM: ``encoder(waveforms, lengths) -> SpeechFeatures``.

    Layer drop and the masking of SpecAugment, which these models do while training, are off.
    """

    config_class = PretrainedSpeechConfig
    config: PretrainedSpeechConfig
    main_input_name = "waveforms"
    base_model_prefix = ""
    _supports_sdpa = True

    def __init__(self, config: PretrainedSpeechConfig, encoder: PreTrainedModel | None = None):
        super().__init__(config)
        self.encoder: Any = (
            AutoModel.from_config(config.encoder, trust_remote_code=False)
            if encoder is None
            else encoder
        )
        self.post_init()

    def forward(
        self, waveforms: Tensor, lengths: Tensor | None = None, layer: int | None = None
    ) -> SpeechFeatures:
        """Encode clips.

        Args:
            waveforms: mono, 16 kHz, about -1 to 1, ``(B, T)``; what lies beyond a clip's length
                does not matter.
            lengths: samples of each clip, ``(B,)``; all of ``T`` by default. A clip too short for
                one frame is filled with silence up to that.
            layer: 0 (before the first block) to ``num_hidden_layers``; the config's by default.
        """
        states, mask = self.all_states(waveforms, lengths, layer)
        return SpeechFeatures(states[-1], mask)

    def all_states(
        self, waveforms: Tensor, lengths: Tensor | None = None, layer: int | None = None
    ) -> tuple[list[Tensor], Tensor]:
        """States of layers 0 to ``layer``, each ``(B, F, H)``, and the mask ``(B, F)``."""
        layer = int(self.config.layer if layer is None else layer)
        if not 0 <= layer <= self.config.num_hidden_layers:
            raise ValueError(f"layer {layer} of {self.config.num_hidden_layers}")
        prepared, lengths = self.prepared(waveforms, lengths)
        frames = self.frames(lengths)
        mask = valid_mask(frames, int(frames.max()))
        if self.config.masked:
            every = self._states(prepared, valid_mask(lengths, prepared.shape[1]), layer)
        else:
            every = self._by_length(prepared, lengths, mask, layer)
        return [states * mask.unsqueeze(-1) for states in every], mask

    def prepared(self, waveforms: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Preprocess waveforms as the feature extractor does; returns them with their lengths."""
        device = waveforms.device
        if lengths is None:
            lengths = torch.full((len(waveforms),), waveforms.shape[1])
        lengths = lengths.to(device)
        least = self.least_samples()
        missing = max(0, least - waveforms.shape[1])
        waveforms = torch.nn.functional.pad(waveforms.float(), (0, missing))
        waveforms = waveforms * valid_mask(lengths, waveforms.shape[1])
        lengths = lengths.clamp(min=least)
        valid = valid_mask(lengths, waveforms.shape[1])
        if self.config.normalised:
            count = lengths.unsqueeze(1)
            centred = (waveforms - waveforms.sum(1, keepdim=True) / count) * valid
            variance = centred.square().sum(1, keepdim=True) / count
            waveforms = centred / (variance + 1e-7).sqrt()
        return waveforms[:, : int(lengths.max())], lengths

    def frames(self, lengths: Tensor) -> Tensor:
        """Number of frames for a number of samples."""
        inner = self.config.encoder
        for kernel, stride in zip(inner.conv_kernel, inner.conv_stride, strict=True):
            lengths = (lengths - kernel) // stride + 1
        return lengths

    def least_samples(self) -> int:
        """Minimum number of samples that give a frame."""
        inner, samples = self.config.encoder, 1
        pairs = list(zip(inner.conv_kernel, inner.conv_stride, strict=True))
        for kernel, stride in reversed(pairs):
            samples = (samples - 1) * stride + kernel
        return samples

    def _by_length(
        self, prepared: Tensor, lengths: Tensor, mask: Tensor, layer: int
    ) -> list[Tensor]:
        """Encode clips in groups of equal length, without a mask."""
        size = self.config.hidden_size
        every = [prepared.new_zeros(*mask.shape, size) for _ in range(layer + 1)]
        for length in lengths.unique().tolist():
            rows = (lengths == length).nonzero().squeeze(1)
            found = self._states(prepared[rows, :length], None, layer)
            for whole, part in zip(every, found, strict=True):
                whole[rows, : part.shape[1]] = part.to(whole.dtype)
        return every

    def _states(self, prepared: Tensor, mask: Tensor | None, layer: int) -> list[Tensor]:
        output = self.encoder(
            prepared.to(self.encoder.dtype),
            attention_mask=None if mask is None else mask.long(),
            output_hidden_states=True,
        )
        every = list(output.hidden_states[: layer + 1])
        if layer == self.config.num_hidden_layers:
            every[-1] = output.last_hidden_state
        return every


AutoConfig.register(PretrainedSpeechConfig.model_type, PretrainedSpeechConfig, exist_ok=True)
AutoModel.register(PretrainedSpeechConfig, PretrainedSpeechEncoder, exist_ok=True)
