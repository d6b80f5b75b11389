"""Front ends: the same frames alone and in a batch, what identifies them, saved and opened."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from nlpcl.audio.front_end import MEL_BINS, load_front_end, open_front_end
from nlpcl.core.errors import UserError

KINDS = [
    ("builtin", True),
    ("logmel", True),
    ("whisper", True),
    ("hubert", True),
    ("hubert", False),
    ("wav2vec2", False),
    ("wavlm", True),
]


@pytest.fixture
def named(speech_folder):
    def name(kind: str, masked: bool = True) -> str:
        return kind if kind in {"builtin", "logmel"} else str(speech_folder(kind, masked))

    return name


@pytest.mark.parametrize(("kind", "masked"), KINDS)
def test_a_clip_alone_and_in_a_batch(named, sound, kind, masked, assert_near):
    front_end = load_front_end(named(kind, masked), precision="fp32")
    clips = [sound(length, seed) for seed, length in enumerate([9_000, 16_000, 4_321, 16_000])]
    together = front_end.extract(clips)
    for clip, found in zip(clips, together, strict=True):
        (alone,) = front_end.extract([clip])
        assert found.shape == alone.shape == (len(alone), front_end.width)
        assert len(found) == pytest.approx(len(clip) / 16_000 * front_end.frame_rate, abs=2)
        assert_near(found, alone, terms=512)  # the width of the built-in encoder
        assert not found.is_inference()
    backwards = front_end.extract(clips[::-1])[::-1]
    for found, again in zip(together, backwards, strict=True):
        assert_near(found, again, terms=512)


@pytest.mark.parametrize("kind", ["builtin", "hubert", "whisper"])
def test_all_layers(named, sound, kind):
    every = load_front_end(named(kind), all_layers=True, precision="fp32")
    (stack,) = every.extract([sound(8_000)])
    assert stack.shape[0] == every.layers > 2
    for layer in range(every.layers):
        one = load_front_end(named(kind), layer=layer, precision="fp32")
        assert one.layers == 1
        states = one.extract([sound(8_000)])[0]
        assert one.selection == f"layer {layer}"
        torch.testing.assert_close(states, stack[layer], rtol=0, atol=1e-4)
    below = load_front_end(named(kind), layer=1, all_layers=True, precision="fp32")
    assert below.layers == 2
    assert below.selection == "layers 0-1"


def test_spectrogram():
    front_end = load_front_end("logmel", precision="bf16")
    assert (front_end.width, front_end.frame_rate, front_end.layers) == (MEL_BINS, 100, 1)
    assert front_end.precision == "fp32"
    assert front_end.encoder is None
    (frames,) = front_end.extract([torch.zeros(16_000)])
    assert frames.shape == (100, MEL_BINS)


@pytest.mark.parametrize("kind", ["builtin", "logmel", "hubert"])
def test_clips_too_short_for_a_frame_are_filled_and_counted(named, sound, kind):
    front_end = load_front_end(named(kind), precision="fp32")
    short, usual = front_end.extract([sound(60), sound(8_000)])
    assert len(short) >= 1
    assert front_end.padded == 1
    least = front_end.least_samples()
    filled = torch.zeros(least)
    filled[:60] = sound(60)
    (same,) = front_end.extract([filled])
    assert front_end.padded == 1
    if kind != "hubert":  # it normalises by the true length, then fills
        torch.testing.assert_close(short, same, rtol=0, atol=1e-4)
    assert len(usual) > len(short)


def test_batches_hold_every_clip_once_and_no_more_than_a_minute():
    front_end = load_front_end("logmel")
    lengths = [16_000 * (1 + index % 7) for index in range(100)] + [16_000 * 90]
    batches = front_end.batches(lengths)
    assert sorted(row for batch in batches for row in batch) == list(range(101))
    assert batches[0] == [100]
    for batch in batches[1:]:
        assert len(batch) * max(lengths[row] for row in batch) <= 60 * 16_000


def test_identity_follows_the_weights_and_not_the_place(speech_folder, tmp_path):
    original = load_front_end(str(speech_folder("hubert")))
    name = speech_folder("hubert").name
    copy = shutil.copytree(speech_folder("hubert"), tmp_path / "elsewhere" / name)
    assert load_front_end(str(copy)).identity == original.identity
    assert original.identity.startswith(f"{name}@")
    weights = load_file(copy / "model.safetensors")
    middle = sorted(weights)[len(weights) // 2]
    weights[middle] = weights[middle] + 1e-3
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert load_front_end(str(copy)).identity != original.identity


def test_identity_follows_the_preparation_of_waveforms(speech_folder, tmp_path):
    copy = shutil.copytree(speech_folder("hubert"), tmp_path / speech_folder("hubert").name)
    file = copy / "preprocessor_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"do_normalize": False}))
    assert load_front_end(str(copy)).identity != load_front_end(speech_folder("hubert")).identity


@pytest.mark.parametrize("kind", ["builtin", "logmel", "whisper"])
def test_saved_and_opened(named, sound, tmp_path, kind):
    options = {} if kind == "logmel" else {"layer": 1, "all_layers": True}
    front_end = load_front_end(named(kind), precision="fp32", **options)
    front_end.save_pretrained(tmp_path)
    again = open_front_end(tmp_path, precision="fp32")
    assert again.facts == front_end.facts
    expected, found = front_end.extract([sound(8_000)]), again.extract([sound(8_000)])
    torch.testing.assert_close(found[0], expected[0], rtol=0, atol=1e-6)


def test_another_encoder_in_its_place_is_refused(speech_folder, tmp_path, sound):
    copy = shutil.copytree(speech_folder("whisper"), tmp_path / "encoder")
    load_front_end(str(copy), layer=1).save_pretrained(tmp_path)
    shutil.rmtree(copy)
    shutil.copytree(speech_folder("hubert"), copy)
    opened = open_front_end(tmp_path)
    assert opened.frame_rate == 50
    with pytest.raises(UserError, match="not the encoder that the model was trained on"):
        opened.extract([sound(8_000)])
    shutil.rmtree(copy)
    with pytest.raises(UserError, match="no such folder"):
        opened.extract([sound(8_000)])


def test_what_cannot_be_is_one_line(tmp_path):
    for options in ({"layer": 0}, {"all_layers": True}):
        with pytest.raises(UserError, match="a spectrogram has no layers"):
            load_front_end("logmel", **options)
    with pytest.raises(UserError, match="no layer 99"):
        load_front_end("builtin", layer=99)
    with pytest.raises(UserError, match="no such folder"):
        load_front_end(str(tmp_path / "absent"))
    with pytest.raises(UserError, match="unknown precision"):
        load_front_end("builtin", precision="fp8")
    (tmp_path / "front_end.json").write_text('{"source": "builtin"}')
    with pytest.raises(UserError, match="does not describe a front end"):
        open_front_end(tmp_path)


def test_bf16_is_near(sound):
    exact = load_front_end("builtin", precision="fp32").extract([sound(16_000)])[0]
    rough = load_front_end("builtin", precision="bf16").extract([sound(16_000)])[0]
    assert rough.dtype == torch.float32
    assert float((rough - exact).norm() / exact.norm()) < 0.05
