"""Whisper's log-mel spectrogram for clips of different lengths in one batch.

The only module that imports torchaudio, and late. It is in maintenance while torch goes on, so that
nothing else depends on it, and nothing here needs its native extension.

Legend: ``B`` batch, ``T`` samples, ``M`` mel frames, ``N`` mel bins.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

SAMPLING_RATE = 16_000
WINDOW = 400
HOP = 160
DYNAMIC_RANGE = 8.0
"""Decades below a clip's loudest value at which the spectrogram is cut."""


@lru_cache(maxsize=8)
# Made in inference mode they could take no part in a gradient later on.
@torch.inference_mode(False)
def mel_filters(bins: int) -> Tensor:
    """Slaney's mel filters up to 8 kHz, ``(N, WINDOW / 2 + 1)``."""
    from torchaudio.functional import melscale_fbanks

    usual = torch.get_default_dtype()
    # The function takes no dtype. In fp32 the feet of its triangles are off by up to 0.3 %, and the
    # log-mel of a pure tone by 3e-4.
    torch.set_default_dtype(torch.float64)
    try:
        filters = melscale_fbanks(
            n_freqs=1 + WINDOW // 2,
            f_min=0.0,
            f_max=SAMPLING_RATE / 2,
            n_mels=bins,
            sample_rate=SAMPLING_RATE,
            norm="slaney",
            mel_scale="slaney",
        )
    finally:
        torch.set_default_dtype(usual)
    return filters.float().T.contiguous()


def valid_mask(lengths: Tensor, size: int) -> Tensor:
    """Mask of the first ``lengths`` of ``size`` places, ``(B, size)``."""
    return torch.arange(size, device=lengths.device) < lengths.unsqueeze(1)


def log_mel(waveforms: Tensor, lengths: Tensor, bins: int = 80) -> tuple[Tensor, Tensor]:
    """Compute the spectrogram that Whisper's feature extractor gives for each clip, unpadded.

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
    from torchaudio.functional import spectrogram

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
        power = spectrogram(
            reflected,
            pad=0,
            window=torch.hann_window(WINDOW, device=device),
            n_fft=WINDOW,
            hop_length=HOP,
            win_length=WINDOW,
            power=2.0,
            normalized=False,
            center=False,
        )
        # Whisper drops the last frame.
        values = (mel_filters(bins).to(device) @ power[..., :-1]).clamp(min=1e-10).log10()
        mask = valid_mask(lengths // HOP, values.shape[2])
        loudest = values.masked_fill(~mask.unsqueeze(1), -torch.inf).amax(dim=(1, 2), keepdim=True)
        values = (values.maximum(loudest - DYNAMIC_RANGE) + 4.0) / 4.0
        return values.masked_fill(~mask.unsqueeze(1), 0.0), mask
