"""Augmentation: what it does, that padding has no part in it, and that it is never in place."""

from __future__ import annotations

import pytest
import torch

from nlpcl.audio.augmentation import (
    Augmentation,
    add_noise,
    change_speed,
    mask_features,
    mask_time,
    stretch,
)

EVERYTHING = Augmentation(noise_snr=10, stretch=0.3, speed=0.1, time_mask=0.3, feature_mask=0.3)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=[False, True], ids=["frames", "layers"])
def features(request) -> torch.Tensor:
    shape = (4, 3, 50, 16) if request.param else (4, 50, 16)
    scale = torch.logspace(-2, 2, 16)
    made = scale * torch.randn(shape, generator=seeded(5)) + 3 * scale
    for row, length in enumerate(LENGTHS.tolist()):
        made[row, ..., length:, :] = 0
    return made


LENGTHS = torch.tensor([50, 31, 7, 1])


def test_stored_arrays_stay_bit_identical(features):
    waveforms = torch.randn(4, 8_000, generator=seeded())
    sizes = torch.tensor([8_000, 5_000, 3_000, 2_000])
    kept = [features.clone(), LENGTHS.clone(), waveforms.clone(), sizes.clone()]
    for seed in range(20):
        generator = seeded(seed)
        for changed, lengths in (
            EVERYTHING.features(features, LENGTHS, generator),
            Augmentation().features(features, LENGTHS, generator),
            EVERYTHING.waveforms(waveforms, sizes, generator),
            Augmentation().waveforms(waveforms, sizes, generator),
        ):
            changed.mul_(0.1)
            lengths.zero_()
        for function in (mask_time, mask_features):
            for fill in ("mean", "zero"):
                function(features, LENGTHS, 0.5, generator, fill=fill).mul_(0.1)
        add_noise(features, LENGTHS, 5, generator).mul_(0.1)
        change_speed(waveforms[0], 1.0).mul_(0.1)
        stretch(features, LENGTHS, 1.0)[0].mul_(0.1)
    for before, after in zip(kept, [features, LENGTHS, waveforms, sizes], strict=True):
        assert torch.equal(before, after)


def test_same_seed_same_copies(features):
    first, _ = EVERYTHING.features(features, LENGTHS, seeded(3))
    again, _ = EVERYTHING.features(features, LENGTHS, seeded(3))
    other, _ = EVERYTHING.features(features, LENGTHS, seeded(4))
    assert torch.equal(first, again)
    assert first.shape != other.shape or not torch.equal(first, other)


@pytest.mark.parametrize("snr", [0.0, 10.0, 30.0])
def test_noise_has_the_ratio_asked_for(snr):
    for scale in (1e-3, 1.0, 50.0):  # an absolute level would fail at one of them
        waveforms = scale * torch.sin(torch.arange(2 * 16_000).view(2, -1) / 10)
        lengths = torch.tensor([16_000, 9_000])
        noisy = add_noise(waveforms, lengths, snr, seeded())
        for row, length in enumerate(lengths.tolist()):
            clean, noise = waveforms[row, :length], (noisy - waveforms)[row, :length]
            found = 10 * torch.log10(clean.var(correction=0) / noise.var(correction=0))
            assert float(found) == pytest.approx(snr, abs=0.05)
            assert torch.equal(noisy[row, length:], waveforms[row, length:])


def test_noise_of_features_goes_by_channel(features):
    noisy = add_noise(features, LENGTHS, torch.tensor([0.0, 10.0, 20.0, 0.0]), seeded())
    difference = noisy - features
    for row, (length, snr) in enumerate(zip([50, 31, 7], [0.0, 10.0, 20.0], strict=True)):
        clean, noise = features[row, ..., :length, :], difference[row, ..., :length, :]
        ratio = clean.var(-2, correction=0) / noise.var(-2, correction=0)
        torch.testing.assert_close(
            10 * ratio.log10(), torch.full_like(ratio, snr), atol=0.1, rtol=0
        )
        assert (difference[row, ..., length:, :] == 0).all()
    assert noisy.isfinite().all()


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 1.25, 2.0])
def test_stretch_changes_the_length_by_the_factor(features, factor):
    stretched, lengths = stretch(features, LENGTHS, factor)
    expected = [max(1, round(length * factor)) for length in LENGTHS.tolist()]
    assert lengths.tolist() == expected
    assert stretched.shape == (*features.shape[:-2], max(expected), 16)
    for row, (old, new) in enumerate(zip(LENGTHS.tolist(), expected, strict=True)):
        assert (stretched[row, ..., new:, :] == 0).all()
        clip = features[row, ..., :old, :].reshape(-1, old, 16).transpose(1, 2)
        by_torch = torch.nn.functional.interpolate(clip, size=new, mode="linear")
        found = stretched[row, ..., :new, :].reshape(-1, new, 16).transpose(1, 2)
        torch.testing.assert_close(found, by_torch, rtol=1e-4, atol=1e-4)


def test_stretch_by_one_changes_nothing_and_none_is_refused(features):
    same, lengths = stretch(features, LENGTHS, torch.ones(4))
    assert torch.equal(same, features)
    assert torch.equal(lengths, LENGTHS)
    with pytest.raises(ValueError, match="to nothing"):
        stretch(features, LENGTHS, 0.0)


@pytest.mark.parametrize("fill", ["mean", "zero"])
def test_time_mask(features, fill, assert_near):
    widths = set()
    for seed in range(40):
        masked = mask_time(features, LENGTHS, 0.4, seeded(seed), fill=fill)
        changed = (masked != features).flatten(1, -3).any(1) if features.dim() == 4 else None
        changed = (masked != features) if changed is None else changed
        hidden = changed.any(-1)
        for row, length in enumerate(LENGTHS.tolist()):
            places = hidden[row].nonzero().flatten().tolist()
            assert len(places) <= 0.4 * length
            assert places == list(
                range(min(places, default=0), min(places, default=0) + len(places))
            )
            assert not hidden[row, length:].any()
            clip = features[row, ..., :length, :]
            filler = clip.mean(-2) if fill == "mean" else torch.zeros_like(clip[..., 0, :])
            for place in places:
                assert_near(masked[row, ..., place, :], filler, terms=length)
        widths.add(int(hidden[0].sum()))
    assert len(widths) > 5


def test_feature_mask(features, assert_near):
    masked = mask_features(features, LENGTHS, 0.5, seeded(2), fill="zero")
    for row, length in enumerate(LENGTHS.tolist()):
        hidden = (masked[row] != features[row]).flatten(0, -2).any(0)
        assert int(hidden.sum()) <= 8
        assert (masked[row][..., :length, hidden] == 0).all()
        assert torch.equal(masked[row][..., ~hidden], features[row][..., ~hidden])
    mean = mask_features(features, LENGTHS, 0.5, seeded(2), fill="mean")
    hidden = (mean[1] != features[1]).flatten(0, -2).any(0)
    expected = features[1][..., :31, hidden].mean(-2)
    assert_near(mean[1][..., 4, hidden], expected, terms=31)
    assert (mean[1][..., 31:, :] == 0).all()


def test_several_pieces_and_impossible_fractions(features):
    masked = mask_time(features, LENGTHS, 0.2, seeded(1), pieces=3)
    assert not torch.equal(masked, features)
    with pytest.raises(ValueError, match="fraction"):
        mask_time(features, LENGTHS, 1.5, seeded())


@pytest.mark.parametrize("factor", [0.8, 1.1, 1.25])
def test_speed_moves_length_and_pitch(factor):
    time = torch.arange(16_000) / 16_000
    tone = torch.sin(2 * torch.pi * 400 * time)
    faster = change_speed(tone, factor)
    assert len(faster) == pytest.approx(16_000 / factor, abs=1)
    spectrum = torch.fft.rfft(faster * torch.hann_window(len(faster))).abs()
    hertz = float(spectrum.argmax()) * 16_000 / len(faster)
    assert hertz == pytest.approx(400 * factor, abs=2)
    with pytest.raises(ValueError, match="speed"):
        change_speed(tone, 0.0)


def test_speed_adds_no_tones_of_its_own():
    """What moves beyond 8 kHz is gone, and what stays below 7 kHz keeps its loudness."""
    time = torch.arange(16_000, dtype=torch.float64) / 16_000
    high, low = (torch.sin(2 * torch.pi * hertz * time).float() for hertz in (7_500, 5_500))
    assert change_speed(high, 1.2)[1000:-1000].abs().max() < 1e-5
    for factor in (0.9, 1.2):
        loudness = change_speed(low, factor)[1000:-1000].square().mean().sqrt()
        assert float(loudness) == pytest.approx(0.5**0.5, rel=1e-3)


def test_padding_has_no_influence(features):
    loud = features.clone()
    for row, length in enumerate(LENGTHS.tolist()):
        loud[row, ..., length:, :] = 1e3
    found, lengths = EVERYTHING.features(loud, LENGTHS, seeded(1))
    expected, same = EVERYTHING.features(features, LENGTHS, seeded(1))
    assert torch.equal(lengths, same)
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(found[row, ..., :length, :], expected[row, ..., :length, :])


def test_probabilities():
    batch, lengths = torch.randn(400, 10, 4, generator=seeded()), torch.full((400,), 10)
    noisy, _ = Augmentation(noise_snr=10).features(batch, lengths, seeded())
    fraction = float((noisy != batch).flatten(1).any(1).float().mean())
    assert fraction == pytest.approx(0.5, abs=0.1)
    never = Augmentation(noise_snr=10, stretch=0.5, time_mask=0.5, feature_mask=0.5)
    never = type(never)(**{**vars(never), "noise_probability": 0.0, "probability": 0.0})
    assert torch.equal(never.features(batch, lengths, seeded())[0], batch)


def test_waveforms_get_new_lengths():
    waveforms = torch.randn(6, 8_000, generator=seeded())
    lengths = torch.tensor([8_000, 8_000, 4_000, 4_000, 2_000, 2_000])
    changed, sizes = EVERYTHING.waveforms(waveforms, lengths, seeded())
    assert changed.shape == (6, int(sizes.max()))
    assert (sizes / lengths - 1).abs().max() <= 0.12
    assert len(set((sizes / lengths).tolist())) > 3
    for row, size in enumerate(sizes.tolist()):
        assert (changed[row, size:] == 0).all()
