"""The benchmark that chooses the layer: disjoint speakers, validation apart from the test fold."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytest.importorskip("sklearn", reason="the benchmark needs scikit-learn")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "speech_layers.py"


@pytest.fixture(scope="module")
def layers():
    spec = importlib.util.spec_from_file_location("speech_layers", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def corpus(layers):
    """Five speakers, three emotions, four clips of each."""
    speakers = np.repeat(np.arange(5), 12)
    emotions = np.tile(np.repeat(np.arange(3), 4), 5)
    return layers.Corpus("emodb", [], emotions, speakers, speakers)


def telling(corpus, seed=0):
    """Features that show the emotion."""
    generator = np.random.default_rng(seed)
    return np.eye(3)[corpus.emotions] * 4 + generator.normal(size=(len(corpus.emotions), 3))


def test_recall_counts_classes_alike(layers):
    truth = np.array([0, 0, 0, 1])
    assert layers.recall(truth, np.array([0, 0, 0, 0])) == 0.5
    assert layers.recall(truth, np.array([0, 0, 1, 1])) == pytest.approx((2 / 3 + 1) / 2)


def test_features_that_tell_and_features_that_do_not(layers, corpus):
    good = layers.probe_layer(telling(corpus), corpus)
    noise = np.random.default_rng(1).normal(size=(60, 3))
    bad = layers.probe_layer(noise, corpus)
    assert layers.recall(corpus.emotions, good.outer) > 0.9
    assert layers.recall(corpus.emotions, bad.outer) < 0.6
    labels, choices = layers.chosen_labels({1: bad, 2: good}, corpus)
    assert choices == [2] * 5
    assert np.array_equal(labels, good.outer)


def test_features_that_tell_the_speaker_alone_do_not_help(layers, corpus):
    # Each speaker's own code for each emotion: of no use for a speaker never heard.
    code = np.random.default_rng(2).normal(size=(5, 3, 30))[corpus.speakers, corpus.emotions]
    probe = layers.probe_layer(code, corpus)
    assert layers.recall(corpus.emotions, probe.outer) < 0.7


def test_validation_never_sees_the_test_fold(layers, corpus):
    x = telling(corpus)
    before = layers.probe_layer(x, corpus)
    changed = x.copy()
    changed[corpus.folds == 2] = 100.0
    after = layers.probe_layer(changed, corpus)
    assert after.inner[2] == before.inner[2]
    assert after.inner[0] != before.inner[0]


def test_interval_over_speakers_holds_the_score(layers, corpus):
    probe = layers.probe_layer(telling(corpus), corpus)
    score = layers.recall(corpus.emotions, probe.outer)
    low, high = layers.interval(corpus.emotions, probe.outer, corpus.speakers)
    assert low <= score <= high
    perfect = layers.interval(corpus.emotions, corpus.emotions, corpus.speakers)
    assert perfect == (1.0, 1.0)


def test_padded_features_pool_over_the_true_frames(layers, sound):
    from nlpcl.audio.loading import load_builtin

    encoder = load_builtin()
    corpus = layers.Corpus("emodb", [sound(16_000), sound(8000, 1)], *[np.arange(2)] * 3)
    true, again, padded = (
        layers.pooled(encoder, corpus, is_padded, 1, "fp32") for is_padded in (False, False, True)
    )
    assert true.shape == padded.shape == (2, 2, 2 * encoder.config.hidden_size)
    assert np.array_equal(true, again)
    alone = encoder(sound(8000, 1)[None], layer=1).states[0].detach().numpy()
    expected = np.concatenate([alone.mean(0), alone.std(0)])
    np.testing.assert_allclose(true[1, 1], expected, atol=1e-4)
    # Layer 0 looks 20 ms around: only the last frame and the clip's loudest value can differ.
    assert np.abs(true[0] - padded[0]).mean() < 0.1 * np.abs(true[0]).mean()


def test_from_files_to_tables(layers, sound, tmp_path, monkeypatch, capsys):
    folder = tmp_path / "data" / "emodb"
    folder.mkdir(parents=True)
    rows = []
    for number in range(12):
        path = f"{number}.flac"
        clip = sound(4000, number).numpy()
        clip[3200:] = 0
        soundfile.write(folder / path, clip, 16_000)
        emotion = ("calm", "angry")[number % 2]
        rows.append({"path": path, "speaker": f"s{number // 4}", "emotion": emotion})
    with (folder / "meta.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert [len(w) for w in layers.read_corpus("emodb", tmp_path / "data").waveforms] == [3200] * 12
    arguments = ["builtin", "--data-root", tmp_path / "data", "--json", tmp_path / "tables.json"]
    arguments += ["--cache", tmp_path / "cache", "--to-layer", "1", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["speech_layers.py", *map(str, arguments)])
    layers.main()
    printed = capsys.readouterr().out
    assert "ravdess skipped: no " in printed
    (table,) = json.loads((tmp_path / "tables.json").read_text())
    assert table["title"] == "emodb: 12 clips, 0.0 min, 3 speakers, 3 folds, 2 classes"
    assert [row[2] for row in table["rows"]][:2] == ["0", "1"]
    assert table["rows"][2][2].startswith("nested")
    assert len(list((tmp_path / "cache").iterdir())) == 1
