"""The masked log-mel spectrogram is that of Whisper's feature extractor, clip by clip."""

from __future__ import annotations

import pytest
import torch

from nlpcl.audio.log_mel import log_mel, mel_filters


@pytest.mark.parametrize("samples", [401, 1600, 16_000, 31_999, 480_000])
@pytest.mark.parametrize("bins", [80, 128])
def test_as_the_feature_extractor_without_padding(sound, samples, bins):
    from transformers import WhisperFeatureExtractor

    clip = sound(samples)
    extractor = WhisperFeatureExtractor(feature_size=bins)
    expected = extractor(
        clip.numpy(), sampling_rate=16_000, padding=False, truncation=False, return_tensors="np"
    ).input_features[0]
    values, mask = log_mel(clip[None], torch.tensor([samples]), bins)
    assert mask.all()
    assert values.shape == (1, bins, samples // 160)
    torch.testing.assert_close(values[0], torch.from_numpy(expected), rtol=0, atol=1e-5)


@pytest.mark.parametrize("bins", [40, 80, 128])
def test_filters_are_those_of_the_feature_extractor(bins):
    from transformers.audio_utils import mel_filter_bank

    expected = mel_filter_bank(201, bins, 0.0, 8000.0, 16_000, norm="slaney", mel_scale="slaney")
    mel_filters.cache_clear()
    found = mel_filters(bins)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.from_numpy(expected).float().T, rtol=1e-6, atol=0)
    assert torch.get_default_dtype() == torch.float32, "making them leaves torch's default alone"


def test_a_gradient_reaches_the_waveform_after_use_in_inference_mode(sound):
    mel_filters.cache_clear()
    with torch.inference_mode():
        log_mel(sound(8000)[None], torch.tensor([8000]))
    clip = sound(8000)[None].requires_grad_()
    values, _ = log_mel(clip, torch.tensor([8000]))
    values.sum().backward()
    assert clip.grad.isfinite().all()
    assert clip.grad.abs().sum() > 0


def test_batch_is_clips_alone_and_padding_does_not_matter(sound, batched):
    clips = [sound(samples, seed) for seed, samples in enumerate((1600, 16_000, 7777, 400))]
    clips[2] = clips[2] * 1e-3  # its own loudest value counts, not that of the batch
    values, mask = log_mel(*batched(clips))
    again, _ = log_mel(*batched(clips, seed=1))
    assert torch.equal(values, again)
    for row, clip in enumerate(clips):
        alone, alone_mask = log_mel(clip[None], torch.tensor([len(clip)]))
        frames = len(clip) // 160
        assert alone_mask.shape == (1, frames)
        assert mask[row].tolist() == [frame < frames for frame in range(mask.shape[1])]
        torch.testing.assert_close(values[row, :, :frames], alone[0], rtol=0, atol=1e-5)
        assert (values[row, :, frames:] == 0).all()


@pytest.mark.parametrize("samples", [0, 1, 200, 399])
def test_less_than_a_window_is_filled_with_silence(sound, samples):
    clip = sound(400)
    clip[samples:] = 0
    expected, _ = log_mel(clip[None], torch.tensor([400]))
    values, mask = log_mel(clip[None, :samples], torch.tensor([samples]))
    assert mask.tolist() == [[True, True]]
    assert torch.equal(values, expected)


def test_silence_is_finite():
    values, _ = log_mel(torch.zeros(1, 8000), torch.tensor([8000]))
    assert values.unique().tolist() == [-1.5]


def test_half_precision_around_it_changes_nothing(sound):
    clip = sound(8000)[None]
    expected, _ = log_mel(clip, torch.tensor([8000]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values, _ = log_mel(clip, torch.tensor([8000]))
    assert torch.equal(values, expected)
