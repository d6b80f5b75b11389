"""Augmentation of training clips: noise, stretching, masking, speed. Inputs are not modified.

Every function draws from the generator that it is given, so the same seed gives the same copies.

Legend: ``B`` batch, ``T`` frames or samples, ``K`` layers, ``H`` width. Features are ``(B, T, H)``
or ``(B, K, T, H)``, waveforms ``(B, T)``; what lies beyond a clip's length is padding, stays as it
is, and has no influence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn.utils.rnn import pad_sequence

from nlpcl.audio.log_mel import valid_mask
from nlpcl.audio.reading import resample

Fill = Literal["mean", "zero"]


def add_noise(signal: Tensor, lengths: Tensor, snr: float | Tensor, generator: Generator) -> Tensor:
    """Add white noise at a signal-to-noise ratio.

    The signal's power is that around its mean over time: of the clip for waveforms, of each channel
    by itself for features, whose channels differ in scale by orders of magnitude.

    Args:
        signal: waveforms or features.
        lengths: samples or frames of each clip, ``(B,)``.
        snr: in dB, one for all or ``(B,)``.
        generator: source of chance.
    """
    time = time_axis(signal)
    valid = along_time(valid_mask(lengths.to(signal.device), signal.shape[time]), signal)
    count = valid.sum(time, keepdim=True).clamp(min=1)
    noise = normal(signal.shape, generator, signal.device)

    def centred(values: Tensor) -> Tensor:
        values = values.float().masked_fill(~valid, 0.0)
        return (values - values.sum(time, keepdim=True) / count).masked_fill(~valid, 0.0)

    def power(values: Tensor) -> Tensor:
        return values.square().sum(time, keepdim=True) / count

    noise = centred(noise)
    level = torch.as_tensor(snr, dtype=torch.float32, device=signal.device)
    wanted = power(centred(signal)) * 10 ** (-per_clip(level.expand(len(signal)), signal) / 10)
    noise = noise * (wanted / power(noise).clamp(min=1e-12)).sqrt()
    return torch.where(valid, (signal.float() + noise).to(signal.dtype), signal)


def stretch(features: Tensor, lengths: Tensor, factor: float | Tensor) -> tuple[Tensor, Tensor]:
    """Make clips slower (factor above 1) or faster by linear interpolation along time.

    Args:
        features: ``(B, T, H)`` or ``(B, K, T, H)``.
        lengths: frames of each clip, ``(B,)``.
        factor: new length over old, one for all or ``(B,)``.

    Returns:
        Features as long as the longest clip, zero at padding, and the new lengths (at least 1).
    """
    device = features.device
    old = lengths.to(device)
    factors = torch.as_tensor(factor, dtype=torch.float64, device=device).expand(len(features))
    if not bool((factors > 0).all()):
        raise ValueError("a clip cannot be stretched to nothing or less")
    new = (old * factors).round().long().clamp(min=1)
    places = torch.arange(int(new.max()), device=device)
    # Frames are intervals: the middle of each new one is looked up among the middles of the old.
    at = (places + 0.5) * (old / new).unsqueeze(1) - 0.5
    at = at.clamp(min=0).minimum((old - 1).unsqueeze(1))
    lower = at.floor().long()
    upper = (lower + 1).minimum((old - 1).unsqueeze(1))
    weight = along_time(at - lower, features).to(features.dtype)

    def taken(index: Tensor) -> Tensor:
        return torch.take_along_dim(features, along_time(index, features), dim=-2)

    valid = along_time(valid_mask(new, len(places)), features)
    stretched = torch.lerp(taken(lower), taken(upper), weight.expand_as(taken(lower)))
    return stretched.masked_fill(~valid, 0.0), new.to(lengths.device)


def mask_time(
    features: Tensor,
    lengths: Tensor,
    fraction: float,
    generator: Generator,
    *,
    pieces: int = 1,
    fill: Fill = "mean",
) -> Tensor:
    """Hide stretches of time, each of a random length up to ``fraction`` of the clip.

    Args:
        features: ``(B, T, H)`` or ``(B, K, T, H)``.
        lengths: frames of each clip, ``(B,)``.
        fraction: largest part of a clip that one stretch hides, 0 to 1.
        generator: source of chance.
        pieces: stretches a clip.
        fill: put the clip's mean over time there, or zero.

    Source: Park et al. 2019, SpecAugment (arXiv 1904.08779).
    """
    sizes = lengths.to(features.device)
    hidden = spans(sizes, features.shape[-2], fraction, pieces, generator)
    return hide(features, sizes, along_time(hidden, features), fill)


def mask_features(
    features: Tensor,
    lengths: Tensor,
    fraction: float,
    generator: Generator,
    *,
    pieces: int = 1,
    fill: Fill = "mean",
) -> Tensor:
    """Hide neighbouring channels over the whole clip, up to ``fraction`` of the width at once.

    Arguments as for :func:`mask_time`.
    """
    width = features.shape[-1]
    sizes = torch.full((len(features),), width, device=features.device)
    hidden = spans(sizes, width, fraction, pieces, generator)
    hidden = hidden.view(len(features), *[1] * (features.dim() - 2), width)
    return hide(features, lengths.to(features.device), hidden, fill)


def hide(features: Tensor, lengths: Tensor, hidden: Tensor, fill: Fill) -> Tensor:
    """Replace the masked part, up to each clip's end, by zero or the clip's mean over time."""
    valid = along_time(valid_mask(lengths, features.shape[-2]), features)
    filler = features.new_zeros(())
    if fill == "mean":
        total = features.float().masked_fill(~valid, 0.0).sum(-2, keepdim=True)
        filler = (total / valid.sum(-2, keepdim=True).clamp(min=1)).to(features.dtype)
    return torch.where(hidden & valid, filler, features)


def spans(
    sizes: Tensor, longest: int, fraction: float, pieces: int, generator: Generator
) -> Tensor:
    """Mask of random spans, each at most ``fraction`` of ``sizes`` long, ``(B, longest)``."""
    if not 0 <= fraction <= 1:
        raise ValueError(f"a fraction of {fraction} is not between 0 and 1")
    # Not torchaudio's mask_along_axis_iid: it draws from the global generator, knows one largest
    # width for the whole batch, so that it would hide padding and whole short clips, and fills with
    # one number, never with a clip's own mean.
    size = sizes.unsqueeze(1)
    most = (size * fraction).floor()
    width = (uniform((len(sizes), pieces), generator, sizes.device) * (most + 1)).floor()
    width = width.minimum(most)
    begin = (uniform((len(sizes), pieces), generator, sizes.device) * (size - width + 1)).floor()
    places = torch.arange(longest, device=sizes.device)
    begin, width = begin.unsqueeze(2), width.unsqueeze(2)
    return ((places >= begin) & (places < begin + width)).any(dim=1)


def change_speed(waveform: Tensor, factor: float) -> Tensor:
    """Play a clip faster (factor above 1) or slower; pitch and length both change.

    Args:
        waveform: ``(T,)``, without padding.
        factor: speed, rounded to hundredths; the length is divided by it.
    """
    hundredths = round(factor * 100)
    if hundredths <= 0:
        raise ValueError(f"a speed of {factor} is none")
    # Not torchaudio's speed: its short filter takes 1.6 dB off at 7 kHz and lets tones that move
    # beyond 8 kHz fold back at -9 dB. Clips that keep their speed have neither, so that it would
    # mark the others. Its filter of equal quality takes up to three times as long.
    return resample(waveform, hundredths, 100).clone()


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Augmentations applied to training clips; none by default.

    Args:
        noise_snr: signal-to-noise ratio in dB; None adds no noise.
        stretch: largest relative change of length, 0 to 1, of features.
        speed: largest relative change of speed, 0 to 1, of waveforms.
        time_mask: largest fraction of a clip's frames that is hidden in one piece.
        feature_mask: largest fraction of the channels that is hidden in one piece.
        fill: what is put where something is hidden.
        noise_probability: fraction of the clips that get noise.
        probability: fraction of the clips that undergo each of the other changes.
    """

    noise_snr: float | None = None
    stretch: float = 0.0
    speed: float = 0.0
    time_mask: float = 0.0
    feature_mask: float = 0.0
    fill: Fill = "mean"
    noise_probability: float = 0.5
    probability: float = 1.0

    def features(
        self, features: Tensor, lengths: Tensor, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """Augment frames ``(B, T, H)`` or ``(B, K, T, H)``; returns copies and their lengths.

        A single clip is a batch of one.
        """
        given = features
        if self.stretch:
            factors = self._factors(len(features), self.stretch, generator)
            features, lengths = stretch(features, lengths, factors)
        features = self._noisy(features, lengths, generator)
        for fraction, mask in ((self.time_mask, mask_time), (self.feature_mask, mask_features)):
            if fraction:
                masked = mask(features, lengths, fraction, generator, fill=self.fill)
                chosen = drawn(len(features), self.probability, generator)
                features = mixed(masked, features, chosen)
        return (features.clone() if features is given else features), lengths.clone()

    def waveforms(
        self, waveforms: Tensor, lengths: Tensor, generator: Generator
    ) -> tuple[Tensor, Tensor]:
        """Augment waveforms ``(B, T)``; returns copies, zero at padding, and their lengths."""
        clips = [row[:length] for row, length in zip(waveforms, lengths.tolist(), strict=True)]
        if self.speed:
            factors = self._factors(len(clips), self.speed, generator).tolist()
            clips = [change_speed(clip, by) for clip, by in zip(clips, factors, strict=True)]
        lengths = torch.tensor([len(clip) for clip in clips], device=lengths.device)
        padded = pad_sequence(clips, batch_first=True)
        return self._noisy(padded, lengths, generator), lengths

    def _noisy(self, signal: Tensor, lengths: Tensor, generator: Generator) -> Tensor:
        if self.noise_snr is None:
            return signal
        noisy = add_noise(signal, lengths, self.noise_snr, generator)
        return mixed(noisy, signal, drawn(len(signal), self.noise_probability, generator))

    def _factors(self, clips: int, largest: float, generator: Generator) -> Tensor:
        """Random factors around 1, and 1 for clips that are not selected, ``(B,)``."""
        factors = 1 + (2 * uniform((clips,), generator) - 1) * largest
        return factors.masked_fill(~drawn(clips, self.probability, generator), 1.0)


def drawn(clips: int, probability: float, generator: Generator) -> Tensor:
    """Mask that selects each clip with the given probability, ``(B,)``."""
    return uniform((clips,), generator) < probability


def mixed(changed: Tensor, signal: Tensor, chosen: Tensor) -> Tensor:
    """Return the selected clips changed, the others as they were."""
    return torch.where(per_clip(chosen.to(signal.device), signal), changed, signal)


def time_axis(signal: Tensor) -> int:
    """Axis of time: the last of waveforms, the last but one of features."""
    return -1 if signal.dim() == 2 else -2


def along_time(values: Tensor, signal: Tensor) -> Tensor:
    """Reshape ``(B, T)`` to broadcast against a signal."""
    if signal.dim() == 2:
        return values
    return values.view(len(values), *[1] * (signal.dim() - 3), values.shape[1], 1)


def per_clip(values: Tensor, signal: Tensor) -> Tensor:
    """Reshape ``(B,)`` to broadcast against a signal."""
    return values.view(-1, *[1] * (signal.dim() - 1))


def uniform(
    shape: tuple[int, ...], generator: Generator, device: torch.device | str = "cpu"
) -> Tensor:
    """Draw from the uniform distribution on [0, 1), on the generator's device."""
    return torch.rand(shape, generator=generator, device=generator.device).to(device)


def normal(shape: torch.Size, generator: Generator, device: torch.device) -> Tensor:
    """Draw from the standard normal distribution, on the generator's device."""
    return torch.randn(shape, generator=generator, device=generator.device).to(device)
