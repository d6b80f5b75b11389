"""HuBERT, wav2vec 2.0, WavLM and Whisper folders behind the interface of the built-in encoder."""

from __future__ import annotations

import json

import pytest
import torch
from cut_speech_encoder import cut

from nlpcl.audio.loading import load_builtin, load_speech_encoder
from nlpcl.audio.pretrained_speech import PretrainedSpeechEncoder
from nlpcl.audio.speech_encoder import SpeechEncoder
from nlpcl.core.errors import UserError

WAVEFORM = [(kind, masked) for kind in ("hubert", "wav2vec2", "wavlm") for masked in (True, False)]


@torch.inference_mode()
@pytest.mark.parametrize(("kind", "masked"), WAVEFORM)
def test_a_clip_alone_is_what_transformers_gives(speech_folder, sound, kind, masked):
    from transformers import AutoFeatureExtractor, AutoModel

    folder = speech_folder(kind, masked)
    encoder = load_speech_encoder(str(folder))
    assert isinstance(encoder, PretrainedSpeechEncoder)
    assert encoder.config.masked is masked
    assert encoder.config.frame_rate == 100
    clip = sound(12_345)
    inputs = AutoFeatureExtractor.from_pretrained(folder)(
        clip.numpy(), sampling_rate=16_000, return_tensors="pt"
    )
    expected = AutoModel.from_pretrained(folder).eval()(**inputs, output_hidden_states=True)
    every, mask = encoder.all_states(clip[None])
    assert mask.all()
    assert len(every) == 3
    torch.testing.assert_close(every[1], expected.hidden_states[1], rtol=0, atol=1e-5)
    torch.testing.assert_close(every[2], expected.last_hidden_state, rtol=0, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize(("kind", "masked"), [*WAVEFORM, ("whisper", True)])
def test_batch_equals_single(speech_folder, sound, batched, kind, masked):
    encoder = load_speech_encoder(str(speech_folder(kind, masked)))
    clips = [sound(n, seed) for seed, n in enumerate((8000, 16_000, 9999, 8000))]
    every, mask = encoder.all_states(*batched(clips))
    assert torch.equal(encoder(*batched(clips, seed=1)).states, every[-1])
    for row, clip in enumerate(clips):
        alone, alone_mask = encoder.all_states(clip[None])
        frames = int(mask[row].sum())
        assert alone_mask.shape == (1, frames)
        for states, expected in zip(every, alone, strict=True):
            torch.testing.assert_close(states[row, :frames], expected[0], rtol=0, atol=1e-4)
            assert (states[row, frames:] == 0).all()


@torch.inference_mode()
@pytest.mark.parametrize("kind", ["hubert", "wav2vec2", "wavlm", "whisper"])
def test_shorter_than_a_frame(speech_folder, sound, kind):
    encoder = load_speech_encoder(str(speech_folder(kind)))
    for samples in (1, 50):
        states, mask = encoder(sound(samples)[None])
        assert states.shape == (1, 1, 32)
        assert mask.tolist() == [[True]]
        assert states.isfinite().all()


@pytest.mark.parametrize(("kind", "masked"), [*WAVEFORM, ("whisper", True)])
def test_training_mode_keeps_layers_and_short_clips(speech_folder, sound, batched, kind, masked):
    encoder = load_speech_encoder(str(speech_folder(kind, masked))).train()
    for _ in range(3):
        states, _ = encoder(*batched([sound(500), sound(900, 1)]), layer=2)
        assert states.shape[2] == 32
    states.square().mean().backward()
    gradients = [weight.grad for weight in encoder.parameters() if weight.grad is not None]
    assert gradients
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("kind", ["hubert", "wavlm", "whisper"])
def test_saved_again_and_rebuilt_from_its_config(speech_folder, sound, tmp_path, kind):
    from transformers import AutoConfig, AutoModel

    encoder = load_speech_encoder(str(speech_folder(kind)), layer=1)
    encoder.save_pretrained(tmp_path)
    loaded = load_speech_encoder(str(tmp_path))
    assert loaded.config.layer == 1
    clip = sound(8000)[None]
    assert torch.equal(loaded(clip).states, encoder(clip).states)
    rebuilt = AutoModel.from_config(AutoConfig.from_pretrained(tmp_path))
    assert type(rebuilt) is type(encoder)
    rebuilt.load_state_dict(encoder.state_dict())


@torch.inference_mode()
@pytest.mark.parametrize("kind", ["whisper", "whisper-encoder"])
def test_whisper_on_thirty_seconds_is_what_transformers_gives(speech_folder, sound, kind):
    from transformers import AutoFeatureExtractor, WhisperModel
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    folder = speech_folder(kind)
    stock = (
        WhisperModel.from_pretrained(folder).get_encoder()
        if kind == "whisper"
        else WhisperEncoder.from_pretrained(folder)
    ).eval()
    encoder = load_speech_encoder(str(folder))
    assert isinstance(encoder, SpeechEncoder)
    mel = AutoFeatureExtractor.from_pretrained(folder)(
        sound(48_000).numpy(), sampling_rate=16_000, return_tensors="pt"
    ).input_features
    expected = stock(mel, output_hidden_states=True)
    found, _ = encoder.encode(mel, torch.ones(mel.shape[0], mel.shape[2], dtype=torch.bool))
    torch.testing.assert_close(found[1], expected.hidden_states[1], rtol=0, atol=1e-5)
    torch.testing.assert_close(found[-1], expected.last_hidden_state, rtol=0, atol=1e-5)
    # The same from the waveform, filled up to 30 s.
    padded = torch.nn.functional.pad(sound(48_000), (0, 432_000))
    torch.testing.assert_close(encoder(padded[None]).states, found[-1], rtol=0, atol=1e-4)


@torch.inference_mode()
def test_cut_keeps_the_first_blocks(speech_folder, sound, tmp_path):
    source = speech_folder("whisper-encoder")
    places = [cut(source, 2, tmp_path / name, origin="invented") for name in ("once", "again")]
    encoder = load_builtin(places[0])
    assert encoder.config.source == "invented"
    assert (encoder.config.layer, encoder.config.frame_rate) == (2, 50)
    clip = sound(8000)[None]
    expected = load_speech_encoder(str(source))(clip, layer=2).states
    torch.testing.assert_close(encoder(clip).states, expected, rtol=0, atol=0.05)
    first, second = ((place / "weights.safetensors").read_bytes() for place in places)
    assert first == second
    with pytest.raises(UserError, match="cannot keep 4 blocks of 3"):
        cut(source, 4, tmp_path / "more")


def copied(folder, place):
    place.mkdir()
    for path in folder.iterdir():
        (place / path.name).write_bytes(path.read_bytes())
    return place


def without_extractor(folder):
    (folder / "preprocessor_config.json").unlink()


def cut_off(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:2000])


def without_weights(folder):
    (folder / "model.safetensors").unlink()


def incomplete(folder):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights.pop("encoder.layers.1.feed_forward.output_dense.bias")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def of_another_rate(folder):
    path = folder / "preprocessor_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sampling_rate": 8000}))


def of_another_family(folder):
    (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))


def config_damaged(folder):
    (folder / "config.json").write_text("{")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (without_extractor, "cannot be loaded"),
        (cut_off, "cannot be loaded"),
        (without_weights, "cannot be loaded"),
        (incomplete, "lack 1 of the model's tensors, such as encoder.layers.1"),
        (of_another_rate, "wants 8000 Hz"),
        (of_another_family, "a bert model is no known speech encoder"),
        (config_damaged, "cannot be loaded"),
    ],
)
def test_damage_is_one_line(speech_folder, tmp_path, damage, reason):
    folder = copied(speech_folder("hubert"), tmp_path / "encoder")
    damage(folder)
    with pytest.raises(UserError) as caught:
        load_speech_encoder(str(folder))
    line = str(caught.value)
    assert line.startswith(f"--backbone {folder}: ")
    assert reason in line
    assert "\n" not in line


def test_a_whole_whisper_model_named_as_its_encoder_alone(speech_folder, tmp_path):
    # AutoModel would leave every tensor random here, with a warning only.
    folder = copied(speech_folder("whisper-encoder"), tmp_path / "encoder")
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"architectures": ["WhisperModel"]}))
    with pytest.raises(UserError, match="its weights lack"):
        load_speech_encoder(str(folder))
