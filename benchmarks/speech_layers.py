"""Which layer of a speech encoder tells emotions apart, for speakers it has not heard.

    python benchmarks/speech_layers.py FOLDER [FOLDER ...] --data-root DIR [--padded]

A FOLDER is whatever ``--backbone`` takes (``builtin``, a Whisper or HuBERT folder). The data folder
holds ``ravdess`` and ``emodb``, each with ``meta.csv`` (columns path, speaker, emotion).

Frozen states, mean and standard deviation over a clip's true frames, standardised on the training
speakers, logistic regression (C = 0.01). Folds are disjoint in speakers: RAVDESS six of four
speakers, EmoDB ten of one. For the nested row the layer of a fold is chosen by validation among its
training speakers alone: each other group in turn is left out together with the test group.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import itertools
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from transformers.utils.logging import disable_progress_bar

from nlpcl.audio.loading import load_speech_encoder
from nlpcl.audio.reading import read_audio
from nlpcl.core.files import write_json
from nlpcl.core.tables import Table
from nlpcl.nn.devices import arithmetic, choose_device, choose_precision

GROUPS = {"ravdess": 4, "emodb": 1}
"""Speakers in a fold."""
PADDED = 30 * 16_000
BATCH_SECONDS = 40


@dataclass
class Corpus:
    """Clips with labels and folds, all as arrays over clips."""

    name: str
    waveforms: list[torch.Tensor]
    emotions: np.ndarray
    speakers: np.ndarray
    folds: np.ndarray

    @property
    def seconds(self) -> float:
        """Length of all clips."""
        return sum(len(waveform) for waveform in self.waveforms) / 16_000


def read_corpus(name: str, root: Path) -> Corpus:
    """Read a corpus; zeros that fill up the end of a clip are cut off."""
    with (root / name / "meta.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    waveforms = []
    for row in rows:
        waveform = read_audio(root / name / row["path"])
        waveforms.append(waveform[: int(waveform.nonzero().max()) + 1])
    _, emotions = np.unique([row["emotion"] for row in rows], return_inverse=True)
    _, speakers = np.unique([row["speaker"] for row in rows], return_inverse=True)
    return Corpus(name, waveforms, emotions, speakers, speakers // GROUPS[name])


def pooled(encoder: Any, corpus: Corpus, padded: bool, last: int, precision: str) -> np.ndarray:
    """Mean and standard deviation over time of layers 0 to ``last``, ``(layers, clips, 2H)``."""
    order = sorted(range(len(corpus.waveforms)), key=lambda row: len(corpus.waveforms[row]))
    result: np.ndarray | None = None
    while order:
        longest = PADDED if padded else len(corpus.waveforms[order[-1]])
        number = max(1, BATCH_SECONDS * 16_000 // longest)
        rows, order = order[-number:], order[:-number]
        clips = [corpus.waveforms[row] for row in rows]
        lengths = torch.tensor([len(clip) for clip in clips])
        batch = torch.zeros(len(rows), longest)
        for row, clip in enumerate(clips):
            batch[row, : len(clip)] = clip
        with arithmetic(torch.device("cpu"), precision):
            given = torch.full_like(lengths, PADDED) if padded else lengths
            every, mask = encoder.all_states(batch, given, layer=last)
        if padded:
            frames = (lengths // 160 + 1) // 2
            mask = torch.arange(mask.shape[1]) < frames.unsqueeze(1)
        weight = mask.unsqueeze(-1) / mask.sum(1).view(-1, 1, 1)
        states = torch.stack([layer.float() for layer in every])
        mean = (states * weight).sum(2)
        deviation = ((states - mean.unsqueeze(2)).square() * weight).sum(2).sqrt()
        values = torch.cat([mean, deviation], dim=-1).numpy()
        if result is None:
            result = np.empty((len(every), len(corpus.waveforms), values.shape[-1]), np.float32)
        result[:, rows] = values
    assert result is not None
    return result


def features(name: str, encoder: Any, corpus: Corpus, padded: bool, options: Any) -> np.ndarray:
    """Pooled states, from the temporary folder when they were computed before."""
    digest = hashlib.sha256(
        f"{corpus.name} {padded} {options.to_layer} {options.precision}".encode()
    )
    for waveform in corpus.waveforms:
        digest.update(str(len(waveform)).encode())
    for value in encoder.state_dict().values():
        digest.update(value.numpy().tobytes())
    cache = options.cache / f"{Path(name).name}-{corpus.name}-{digest.hexdigest()[:16]}.npy"
    if not cache.exists():
        begun = time.perf_counter()
        last = encoder.config.num_hidden_layers
        last = last if options.to_layer is None else min(last, options.to_layer)
        values = pooled(encoder, corpus, padded, last, options.precision)
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.save(cache, values)
        print(f"{cache.name}: {time.perf_counter() - begun:.0f} s", flush=True)
    return np.load(cache)


def predictions(x: np.ndarray, corpus: Corpus, left_out: Sequence[int]) -> np.ndarray:
    """Labels for the clips of the folds left out, by a model of the others; -1 elsewhere."""
    test = np.isin(corpus.folds, left_out)
    scaler = StandardScaler().fit(x[~test])
    probe = LogisticRegression(C=0.01, max_iter=1000).fit(
        scaler.transform(x[~test]), corpus.emotions[~test]
    )
    result = np.full(len(x), -1)
    result[test] = probe.predict(scaler.transform(x[test]))
    return result


def recall(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Unweighted average recall over the classes that occur."""
    return float(np.mean([np.mean(predicted[truth == c] == c) for c in np.unique(truth)]))


@dataclass
class Probe:
    """What one layer gives on a corpus.

    Args:
        outer: out-of-fold labels of every clip.
        inner: by test fold, UAR of the validation among its training speakers.
    """

    outer: np.ndarray
    inner: np.ndarray


def probe_layer(x: np.ndarray, corpus: Corpus) -> Probe:
    """Test and validation results of one layer; a model without folds a and b serves both."""
    folds = np.unique(corpus.folds)
    outer = np.full(len(x), -1)
    for fold in folds:
        test = corpus.folds == fold
        outer[test] = predictions(x, corpus, [fold])[test]
    validation = np.full((len(folds), len(x)), -1)
    for a, b in itertools.combinations(folds, 2):
        labels = predictions(x, corpus, [a, b])
        for test, held_out in ((a, b), (b, a)):
            rows = corpus.folds == held_out
            validation[test, rows] = labels[rows]
    inner = [
        recall(corpus.emotions[corpus.folds != fold], validation[fold, corpus.folds != fold])
        for fold in folds
    ]
    return Probe(outer, np.array(inner))


def interval(truth: np.ndarray, predicted: np.ndarray, speakers: np.ndarray) -> tuple[float, float]:
    """95 % interval of UAR over 1000 resamples of the speakers."""
    classes = truth.max() + 1
    table = np.zeros((speakers.max() + 1, classes, 2))
    np.add.at(table, (speakers, truth, 0), predicted == truth)
    np.add.at(table, (speakers, truth, 1), 1)
    drawn = np.random.default_rng(0).integers(len(table), size=(1000, len(table)))
    sums = table[drawn].sum(axis=1)
    low, high = np.percentile((sums[..., 0] / sums[..., 1].clip(1)).mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def chosen_labels(probes: dict[Any, Probe], corpus: Corpus) -> tuple[np.ndarray, list[Any]]:
    """Out-of-fold labels with each fold's layer chosen by its own validation, and the choices."""
    labels, choices = np.full(len(corpus.emotions), -1), []
    for fold in np.unique(corpus.folds):
        best = max(probes, key=lambda layer: probes[layer].inner[fold])
        rows = corpus.folds == fold
        labels[rows] = probes[best].outer[rows]
        choices.append(best)
    return labels, choices


def real_time_factor(
    encoder: Any, corpus: Corpus, layer: int, precision: str, repetitions: int = 5
) -> float:
    """Seconds of computing a second of sound, 20 clips one by one, the fastest repetition."""
    clips = corpus.waveforms[:: max(1, len(corpus.waveforms) // 20)][:20]
    seconds = sum(len(clip) for clip in clips) / 16_000
    times = []
    with arithmetic(torch.device("cpu"), precision):
        for _ in range(repetitions):
            begun = time.perf_counter()
            for clip in clips:
                encoder(clip.unsqueeze(0), layer=layer)
            times.append(time.perf_counter() - begun)
    return min(times) / seconds


def layer_rows(
    name: str, kind: str, probes: dict[int, Probe], corpus: Corpus, speed: dict[int, float]
) -> list[list[Any]]:
    """Rows of the table for one encoder."""
    truth, rows = corpus.emotions, []
    folds = np.unique(corpus.folds)
    labels, choices = chosen_labels(probes, corpus)
    named: list[tuple[str, np.ndarray, float | None, float | None]] = [
        (str(layer), probe.outer, float(probe.inner.mean()), speed.get(layer))
        for layer, probe in probes.items()
    ]
    picked = ", ".join(f"{layer}x{choices.count(layer)}" for layer in sorted(set(choices)))
    named.append((f"nested ({picked})", labels, None, None))
    for label, predicted, inner, factor in named:
        each = [recall(truth[corpus.folds == f], predicted[corpus.folds == f]) for f in folds]
        low, high = interval(truth, predicted, corpus.speakers)
        spread = float(np.std(each, ddof=1))
        score = recall(truth, predicted)
        rows.append([name, kind, label, inner, score, spread, low, high, factor])
    return rows


COLUMNS = (
    *("encoder", "input", "layer", "validation"),
    *("UAR", "sd of folds", "low", "high", "real-time factor"),
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("encoders", nargs="+", help="what --backbone takes")
    parser.add_argument("--data-root", type=Path, required=True, help="holds ravdess and emodb")
    parser.add_argument("--corpora", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--padded", action="store_true", help="also with clips padded to 30 s")
    parser.add_argument("--to-layer", type=int, help="leave out the layers above this one")
    parser.add_argument("--precision", default="auto", help="fp32, bf16 or auto")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the tables there, too")
    default = Path(tempfile.gettempdir()) / "nlpcl-speech-layers"
    parser.add_argument("--cache", type=Path, default=default, help="folder for pooled states")
    options = parser.parse_args()
    options.precision = choose_precision(options.precision, choose_device("cpu"))
    torch.set_num_threads(options.threads)
    disable_progress_bar()
    absent = [c for c in options.corpora if not (options.data_root / c / "meta.csv").is_file()]
    for name in absent:
        print(f"{name} skipped: no {options.data_root / name / 'meta.csv'}")
    tables = []
    for corpus_name in (c for c in options.corpora if c not in absent):
        corpus = read_corpus(corpus_name, options.data_root)
        rows = []
        for name in options.encoders:
            encoder: Any = load_speech_encoder(name)
            for padded in (False, True) if options.padded else (False,):
                values = features(name, encoder, corpus, padded, options)
                probes = {layer: probe_layer(x, corpus) for layer, x in enumerate(values)}
                speed = {
                    layer: real_time_factor(encoder, corpus, layer, options.precision)
                    for layer in probes
                    if not padded
                }
                kind = "padded to 30 s" if padded else "true length"
                rows += layer_rows(Path(name).name, kind, probes, corpus, speed)
                print(f"{corpus_name}, {Path(name).name}, {kind}: done", flush=True)
        title = (
            f"{corpus_name}: {len(corpus.emotions)} clips, {corpus.seconds / 60:.1f} min, "
            f"{len(np.unique(corpus.speakers))} speakers, {len(np.unique(corpus.folds))} folds, "
            f"{len(np.unique(corpus.emotions))} classes"
        )
        note = (
            "UAR over the clips of all test folds; low to high: 95 % interval over resampled "
            "speakers; validation: mean over the folds of UAR among each fold's training speakers. "
            f"Real-time factor: {options.precision}, {options.threads} threads, clips one by one, "
            "fastest of 5."
        )
        tables.append(Table(corpus_name, COLUMNS, rows, title=title, note=note, digits=3))
        Console(width=140).print(tables[-1].as_rich())
    if options.json:
        write_json(options.json, [table.as_dict() for table in tables])


if __name__ == "__main__":
    main()
