"""Whisper's log-mel spectrogram for clips of different lengths in one batch.

Legend: ``B`` batch, ``T`` samples, ``M`` mel frames, ``N`` mel bins.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from transformers.audio_utils import mel_filter_bank

SAMPLING_RATE = 16_000
WINDOW = 400
HOP = 160
DYNAMIC_RANGE = 8.0
"""Decades below a clip's loudest value at which the spectrogram is cut."""


@lru_cache(maxsize=8)
def mel_filters(bins: int) -> Tensor:
    """Slaney's mel filters up to 8 kHz, ``(N, WINDOW / 2 + 1)``."""
    filters = mel_filter_bank(
        num_frequency_bins=1 + WINDOW // 2,
        num_mel_filters=bins,
        min_frequency=0.0,
        max_frequency=SAMPLING_RATE / 2,
        sampling_rate=SAMPLING_RATE,
        norm="slaney",
        mel_scale="slaney",
    )
    return torch.from_numpy(filters).float().T.contiguous()


def valid_mask(lengths: Tensor, size: int) -> Tensor:
    """True at the first ``lengths`` of ``size`` places, ``(B, size)``."""
    return torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)


def log_mel(waveforms: Tensor, lengths: Tensor, bins: int = 80) -> tuple[Tensor, Tensor]:
    """The spectrogram that Whisper's feature extractor gives for each clip alone, unpadded.

    The reflection at a clip's end, the loudest value and the valid frames are those of its true
    length, so neither the neighbours in the batch nor the padding's content matter. A clip
    shorter than one window of 25 ms is filled with silence up to that.

    Args:
        waveforms: mono, 16 kHz, about -1 to 1, ``(B, T)``.
        lengths: samples of each clip, ``(B,)``.
        bins: mel bins.

    Returns:
        Values ``(B, N, M)``, zero at invalid frames, and the mask of valid frames ``(B, M)``; 100
        frames a second.
    """
    device = waveforms.device
    with torch.autocast(device.type, enabled=False):
        lengths = lengths.to(device)
        waveforms = waveforms.float() * valid_mask(lengths, waveforms.shape[1])
        missing = max(0, WINDOW - waveforms.shape[1])
        waveforms = torch.nn.functional.pad(waveforms, (0, missing))
        lengths = lengths.clamp(min=WINDOW)
        reach = WINDOW // 2
        places = torch.arange(-reach, waveforms.shape[1] + reach, device=device).abs()
        last = lengths.unsqueeze(1) - 1
        places = torch.where(places > last, 2 * last - places, places.expand(len(lengths), -1))
        reflected = waveforms.gather(1, places.clamp(0, waveforms.shape[1] - 1))
        window = torch.hann_window(WINDOW, device=device)
        spectrum = torch.stft(
            reflected, WINDOW, HOP, window=window, center=False, return_complex=True
        )
        # Whisper drops the last frame.
        power = spectrum[..., :-1].abs().square().contiguous()
        values = (mel_filters(bins).to(device) @ power).clamp(min=1e-10).log10()
        mask = valid_mask(lengths // HOP, values.shape[2])
        loudest = values.masked_fill(~mask.unsqueeze(1), -torch.inf).amax(dim=(1, 2), keepdim=True)
        values = (values.maximum(loudest - DYNAMIC_RANGE) + 4.0) / 4.0
        return values.masked_fill(~mask.unsqueeze(1), 0.0), mask
