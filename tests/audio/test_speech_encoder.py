"""The encoder ``builtin``: any length, batch equal to single, what its card says, damage."""

from __future__ import annotations

import json
import shutil

import pytest
import torch

from nlpcl.audio.loading import FOLDER, WEIGHTS, load_builtin, load_speech_encoder, save_builtin
from nlpcl.audio.speech_encoder import SpeechEncoder, SpeechEncoderConfig
from nlpcl.core.errors import UserError
from nlpcl.nn.int8 import CHECKSUMS, checksum

TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


@pytest.fixture(scope="module")
def builtin() -> SpeechEncoder:
    return load_builtin()


@pytest.fixture
def tiny() -> SpeechEncoder:
    torch.manual_seed(1)
    return SpeechEncoder(SpeechEncoderConfig(**TINY, max_positions=40)).eval()


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(FOLDER, tmp_path / "speech_encoder")


def frames_of(samples: int) -> int:
    return (max(samples, 400) // 160 + 1) // 2


def test_config_says_frame_rate_width_and_layer(builtin):
    written = json.loads((FOLDER / "config.json").read_text())
    assert written["model_type"] == "nlpcl-speech-encoder"
    assert written["frame_rate"] == 50
    assert written["sampling_rate"] == 16_000
    assert written["layer"] == written["num_hidden_layers"] == len(builtin.layers)
    assert written["hidden_size"] == builtin.conv1.out_channels
    assert written["source"]


def test_size_in_the_package():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 11e6


def test_card_is_there_and_names_what_the_config_names(builtin):
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert "MIT" in card
    assert builtin.config.source in card
    assert f"--layers {builtin.config.num_hidden_layers}" in card


@torch.inference_mode()
@pytest.mark.parametrize("length", [0.1, 0.5, 3.0, 29.99, 30.0, 30.02, 70.0])
def test_any_length(builtin, sound, length):
    samples = round(length * 16_000)
    states, mask = builtin(sound(samples)[None])
    assert states.shape == (1, frames_of(samples), builtin.config.hidden_size)
    assert mask.all()
    assert states.isfinite().all()
    assert states.std(dim=1).mean() > 0.1 or length == 0.1


@torch.inference_mode()
def test_batch_equals_single_and_padding_does_not_matter(builtin, sound, batched, assert_near):
    lengths = (1600, 16_000, 40_001, 23_456)
    clips = [sound(samples, seed) for seed, samples in enumerate(lengths)]
    every, mask = builtin.all_states(*batched(clips))
    assert torch.equal(every[-1], builtin(*batched(clips, seed=1)).states)
    assert len(every) == builtin.config.num_hidden_layers + 1
    assert mask.sum(1).tolist() == [frames_of(samples) for samples in lengths]
    for row, clip in enumerate(clips):
        alone, _ = builtin.all_states(clip[None])
        for states, expected in zip(every, alone, strict=True):
            frames = expected.shape[1]
            assert_near(states[row, :frames], expected[0], terms=builtin.config.hidden_size)
            assert (states[row, frames:] == 0).all()


@torch.inference_mode()
def test_batch_equals_single_beyond_one_window(tiny, sound, batched):
    clips = [sound(samples, seed) for seed, samples in enumerate((48_000, 6400, 12_900, 400))]
    states, mask = tiny(*batched(clips))
    for row, clip in enumerate(clips):
        alone = tiny(clip[None]).states[0]
        torch.testing.assert_close(states[row, : len(alone)], alone, rtol=0, atol=1e-4)
        assert int(mask[row].sum()) == len(alone)


@torch.inference_mode()
def test_windows_are_equal_attend_within_and_restart(tiny, sound):
    mel = torch.randn(1, 80, 180)
    (*_, whole), mask = tiny.encode(mel, torch.ones(1, 180, dtype=torch.bool))
    assert int(mask.sum()) == 90  # three windows of 30 frames, not 40, 40 and 10
    changed = mel.clone()
    changed[..., 120:] += 1
    (*_, other), _ = tiny.encode(changed, torch.ones(1, 180, dtype=torch.bool))
    unlike = (whole - other).abs().amax(dim=2)[0] > 1e-6
    assert unlike[60:].all()
    assert not unlike[:30].any()
    # The convolutions see one frame across the border.
    assert not (whole[:, :58] - other[:, :58])[:, :30].any()
    same = mel[..., :60].repeat(1, 1, 3)
    (*_, three), _ = tiny.encode(same, torch.ones(1, 180, dtype=torch.bool))
    (first, _), _ = tiny.encode(same, torch.ones(1, 180, dtype=torch.bool), layer=1)
    torch.testing.assert_close(first[:, 32:58], first[:, 62:88])
    assert three.shape == (1, 90, 32)


@torch.inference_mode()
def test_layers_can_be_chosen(builtin, sound):
    clip = sound(8000)[None]
    every, _ = builtin.all_states(clip)
    for layer, expected in enumerate(every):
        assert torch.equal(builtin(clip, layer=layer).states, expected)
        assert torch.equal(load_speech_encoder("builtin", layer=layer)(clip).states, expected)
    with pytest.raises(ValueError, match="layer 9"):
        builtin(clip, layer=9)
    with pytest.raises(UserError, match=r"no layer 9\. It has the layers 0 to"):
        load_speech_encoder("builtin", layer=9)


def test_every_weight_can_be_trained(sound, batched):
    encoder = load_builtin().train()
    batch = batched([sound(3200), sound(1600, 1)])
    encoder(*batch).states.square().mean().backward()
    for name, weight in encoder.named_parameters():
        assert weight.dtype == torch.float32
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name
        # A key's bias would not matter, so Whisper has none; all that is there learns.
        assert weight.grad.abs().sum() > 0, name


def test_saved_by_transformers_and_loaded_by_auto_model(tiny, sound, tmp_path):
    from transformers import AutoModel

    tiny.save_pretrained(tmp_path)
    clip = sound(8000)[None]
    for loaded in (AutoModel.from_pretrained(tmp_path), load_speech_encoder(str(tmp_path))):
        assert isinstance(loaded, SpeechEncoder)
        assert loaded.config.max_positions == 40
        assert torch.equal(loaded.eval()(clip).states, tiny(clip).states)
    rebuilt = AutoModel.from_config(tiny.config)
    assert isinstance(rebuilt, SpeechEncoder)


def test_compressed_weights_come_back(tiny, sound, tmp_path):
    save_builtin(tiny, tmp_path)
    loaded = load_builtin(tmp_path)
    assert not loaded.training
    for name, weight in tiny.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], weight, rtol=0.01, atol=1e-3)
    clip = sound(8000)[None]
    torch.testing.assert_close(loaded(clip).states, tiny(clip).states, rtol=0, atol=0.02)


def cut_off(folder):
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1])


def removed(folder):
    (folder / WEIGHTS).unlink()


def without_checksums(folder):
    (folder / CHECKSUMS).unlink()


def of_another_shape(folder):
    config = json.loads((folder / "config.json").read_text())
    config["num_hidden_layers"] += 1
    (folder / "config.json").write_text(json.dumps(config))


def without_config(folder):
    (folder / "config.json").unlink()


def of_another_version(folder):
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2)}, folder / WEIGHTS, metadata={"format": "0"})
    (folder / CHECKSUMS).write_text(json.dumps({WEIGHTS: checksum(folder / WEIGHTS)}))


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (cut_off, WEIGHTS),
        (removed, WEIGHTS),
        (without_checksums, CHECKSUMS),
        (of_another_shape, WEIGHTS),
        (without_config, "config.json"),
        (of_another_version, WEIGHTS),
    ],
)
def test_damage_is_one_line_with_the_file_and_the_remedy(copy, damage, name):
    damage(copy)
    with pytest.raises(UserError) as caught:
        load_builtin(copy)
    line = str(caught.value)
    assert line.startswith(f"{copy / name}: ")
    assert line.endswith("pip install --force-reinstall nlpcl")
    assert "\n" not in line


@pytest.mark.parametrize("name", ["./nowhere", "nowhere", "a/b/c"])
def test_no_such_folder(name):
    with pytest.raises(UserError, match=f"--backbone {name}: no such folder"):
        load_speech_encoder(name)


def test_a_hub_id_without_a_network_names_builtin():
    with pytest.raises(UserError) as caught:
        load_speech_encoder("some/model")
    line = str(caught.value)
    assert line.startswith("--backbone some/model: ")
    assert "--backbone builtin" in line
    assert "\n" not in line


@pytest.mark.data
@torch.inference_mode()
@pytest.mark.parametrize("corpus", ["emodb", "ravdess"])
def test_real_clips_in_a_batch_and_alone(builtin, batched, shared_data, corpus, assert_near):
    import csv

    from nlpcl.audio.reading import read_audio

    folder = shared_data / "audio" / corpus
    if not folder.is_dir():
        pytest.skip(f"{corpus} is not in ../shared/data/audio")
    with (folder / "meta.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))[::150]
    clips = [read_audio(folder / row["path"]) for row in rows]
    for row, clip in zip(rows, clips, strict=True):
        assert len(clip) / 16_000 == pytest.approx(float(row["seconds"]), abs=0.002)
    states, mask = builtin(*batched(clips))
    for row, clip in enumerate(clips):
        alone = builtin(clip[None]).states[0]
        assert int(mask[row].sum()) == len(alone)
        assert_near(states[row, : len(alone)], alone, terms=builtin.config.hidden_size)
