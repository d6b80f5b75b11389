"""Trained, evaluated and asked alike on speech alone: silence has no answer, gain no effect."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import soundfile

import nlpcl
from nlpcl import zoo
from nlpcl.audio.voices import VOICES, spoken
from nlpcl.core.errors import UserError
from nlpcl.runs.run import Run

RATE = 16_000
MOODS = ("angry", "happy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Clips of four voices in two moods, one of which is noise alone."""
    place = tmp_path_factory.mktemp("clips")
    generator = np.random.default_rng(0)
    lines = [["path", "label", "speaker"]]
    for number, voice in enumerate(VOICES[:4]):
        for mood in MOODS:
            for take in range(2):
                name = f"s{number}_{mood}_{take}.wav"
                soundfile.write(place / name, spoken(voice, mood, generator), RATE)
                lines.append([name, mood, f"s{number}"])
    soundfile.write(place / "noise.wav", 0.1 * generator.standard_normal(RATE).clip(-3, 3), RATE)
    lines.append(["noise.wav", "angry", "s0"])
    with (place / "clips.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(lines)
    return place


@pytest.fixture(scope="module")
def train(folder, tmp_path_factory):
    """``train(**options)`` → a run over two folds, made once for the same options."""
    made: dict[str, Run] = {}

    def trained(**options) -> Run:
        key = repr(sorted(options.items()))
        if key not in made:
            given = {
                "data": str(folder / "clips.csv"), "speech_gate": "voice", "backbone": "logmel",
                "protocol": "kfold:2", "hidden": 8, "epochs": 1, "batch_size": 4,
                "dev_fraction": 0.4, "precision": "fp32", "device": "cpu", **options,
            }  # fmt: skip
            config = zoo.entry("emotion-gru").config_class(**given)
            out = tmp_path_factory.mktemp("run") / "run"
            made[key] = Run(nlpcl.fit(config, out=out, quiet=True).folder, device="cpu")
        return made[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NLPCL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield trained


@pytest.fixture(scope="module")
def run(train):
    return train()


def waves(folder):
    return {path.name: soundfile.read(path)[0] for path in sorted(folder.glob("s*.wav"))}


def asked(run, tmp_path, sounds, **options):
    """Answers to waveforms by name."""
    for name, wave in sounds.items():
        soundfile.write(tmp_path / name, wave, RATE)
    return run.predict([str(tmp_path / name) for name in sounds], **options)


def values(rows):
    return np.array([list(row["probabilities"].values()) for row in rows])


def test_a_clip_without_speech_is_left_out_and_reported(run, folder):
    assert "noise" not in {row["id"] for row in run.all_predictions}
    assert len(run.all_predictions) == 16
    (problem,) = run.record["data"]["problems"]
    assert problem["file"] == str(folder / "noise.wav") and problem["what"] == "holds no speech"
    notes = {table["name"]: table.get("note", "") for table in run.report["tables"]}
    assert "1 row skipped" in notes["splits"]


def test_training_says_so(train, folder, tmp_path, run_main):
    result = run_main(
        *("train", "emotion-gru", "--data", folder / "clips.csv", "--speech-gate", "voice"),
        *("--backbone", "logmel", "--protocol", "kfold:2", "--hidden", "8", "--epochs", "1"),
        *("--dev-fraction", "0.4", "--device", "cpu", "--out", tmp_path / "run"),
    )
    assert result.code == 0, result.err
    assert "1 clips left out, such as" in result.err and "noise.wav: holds no speech" in result.err


@pytest.mark.parametrize("options", [{}, {"speech_gate": "off"}])
def test_prediction_hears_what_training_heard(train, options):
    run = train(**options)
    rows = [row for row in run.examples[0] if not row["path"].endswith("noise.wav")]
    _, scored = run.test(nlpcl_splits(rows), run.config)
    again = run.predict([row["path"] for row in rows])
    np.testing.assert_allclose(values(scored), values(again), atol=1e-3)  # cached in fp16


def nlpcl_splits(rows):
    from nlpcl.core.splits import Splits

    return Splits("clips", test={"clips": rows})


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    """A tiny random HuBERT, as transformers saves it."""
    import torch
    from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

    torch.manual_seed(0)
    config = HubertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        num_feat_extract_layers=2, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2,
        conv_dim=(8, 8), conv_kernel=(40, 8), conv_stride=(40, 8),
        feat_extract_norm="layer", do_stable_layer_norm=True,
    )  # fmt: skip
    place = tmp_path_factory.mktemp("encoder")
    HubertModel(config).save_pretrained(place)
    Wav2Vec2FeatureExtractor(return_attention_mask=True).save_pretrained(place)
    return place


AUGMENTED = {"gain": 20.0, "band_limit": 0.5, "reverberation": 0.5}


@pytest.mark.parametrize("augmentation", [{}, AUGMENTED], ids=["plain", "augmented"])
def test_an_encoder_that_learns_hears_the_same(train, encoder, augmentation):
    run = train(backbone=str(encoder), encoder="full", **augmentation)
    assert "noise" not in {row["id"] for row in run.all_predictions}
    rows = [row for row in run.examples[0] if not row["path"].endswith("noise.wav")]
    _, scored = run.test(nlpcl_splits(rows), run.config)
    np.testing.assert_allclose(
        values(scored), values(run.predict([row["path"] for row in rows])), atol=1e-4
    )


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("after", lambda wave: np.pad(wave, (0, RATE))),
        ("before", lambda wave: np.pad(wave, (RATE, 0))),
        ("quieter", lambda wave: 0.1 * wave),
        ("louder", lambda wave: 2 * wave * 0.4 / np.abs(wave).max()),
        ("opposite", lambda wave: np.stack([wave, -wave], axis=1)),
    ],
)
def test_what_is_no_speech_changes_no_answer(run, folder, tmp_path, name, change):
    sounds = waves(folder)
    plain = run.predict([str(folder / name) for name in sounds])
    changed = asked(run, tmp_path, {name: change(wave) for name, wave in sounds.items()})
    assert [row["label"] for row in plain] == [row["label"] for row in changed]
    np.testing.assert_allclose(values(plain), values(changed), atol=5e-3)


SPEECHLESS = {
    "zeros.wav": np.zeros(RATE),
    "hiss.wav": 1e-4 * np.random.default_rng(0).standard_normal(RATE),
    "tone.wav": 0.1 * np.sin(0.2 * np.arange(RATE)),
}


@pytest.mark.parametrize("checkpoint", ["run", "builtin"])
def test_nobody_speaks_in_every_format(run, tmp_path, run_main, checkpoint):
    for name, wave in SPEECHLESS.items():
        soundfile.write(tmp_path / name, wave, RATE)
    given = ("predict", "emotion", *(tmp_path / name for name in SPEECHLESS), "--device", "cpu")
    given += ("--checkpoint", run.folder if checkpoint == "run" else "builtin")
    found = run_main(*given, "--format", "jsonl")
    assert found.code == 0, found.err
    for line in found.out.splitlines():
        row = json.loads(line)
        assert row["label"] == "no speech"
        assert len(row["probabilities"]) > 1 and set(row["probabilities"].values()) == {None}
    for row in csv.DictReader(run_main(*given, "--format", "csv").out.splitlines()):
        cells = [value for name, value in row.items() if name.startswith("p_")]
        assert row["label"] == "no speech" and cells and set(cells) == {""}
    table = run_main(*given, env={"COLUMNS": "200"}).out
    assert table.count("no speech") == len(SPEECHLESS) and table.count("none") == len(SPEECHLESS)


def test_windows_without_speech_among_others(run, folder, tmp_path):
    voice = np.resize(waves(folder)["s1_angry_0.wav"], 2 * RATE)
    sounds = {"some.wav": np.concatenate([voice, np.zeros(2 * RATE), voice])}
    rows = asked(run, tmp_path, sounds, window=1.0)
    silent = [row["label"] == "no speech" for row in rows]
    assert silent == [False, False, True, True, False, False]


def test_a_long_file_is_weighed_by_its_speech(run, folder, tmp_path):
    voice = np.resize(waves(folder)["s1_angry_0.wav"], 30 * RATE)
    short, long = asked(
        run,
        tmp_path,
        {"short.wav": voice, "long.wav": np.concatenate([voice, np.zeros(40 * RATE)])},
    )
    assert (short["end"], long["end"]) == (30, 70)
    np.testing.assert_allclose(values([short]), values([long]), atol=1e-4)


def test_nothing_but_noise_is_one_line(train, folder, tmp_path):
    for number in range(8):
        noise = 0.1 * np.random.default_rng(number).standard_normal(RATE).clip(-3, 3)
        soundfile.write(tmp_path / f"{number}.wav", noise, RATE)
    lines = [f"{number}.wav,{'ab'[number % 2]},s{number // 2}" for number in range(8)]
    (tmp_path / "clips.csv").write_text("path,label,speaker\n" + "\n".join(lines))
    with pytest.raises(UserError, match=r"not one of \d clips can be used.*--speech-gate off"):
        train(data=str(tmp_path / "clips.csv"))


def test_a_model_from_before_the_gate_hears_all_but_does_not_answer_silence(
    train, folder, tmp_path
):
    old = train(speech_gate="off")
    file = old.folder / "model" / "front_end.json"
    saved = json.loads(file.read_text())
    del saved["gate"]
    copy = tmp_path / "front_end.json"
    copy.write_text(json.dumps(saved))
    from nlpcl.audio.front_end import open_front_end

    front_end = open_front_end(tmp_path, device="cpu")
    import torch

    wave = torch.from_numpy(waves(folder)["s1_angry_0.wav"]).float()
    assert torch.equal(front_end.prepare_to_answer(wave), wave)
    assert front_end.prepare_to_answer(0 * wave) is None
    assert torch.equal(front_end.prepare(0 * wave), 0 * wave)
    assert not front_end.cuts
    copy.write_text(json.dumps(saved | {"gate": "other"}))
    with pytest.raises(UserError, match="unknown gate"):
        open_front_end(tmp_path)
