"""Speech emotion: frames of clips, probabilities, scores by speaker, gender and session.

Frozen features are read from the cache. With an encoder that learns, batches hold waveforms.

Legend: ``B`` batch, ``T`` frames (or samples), ``H`` width, ``K`` layers, ``C`` classes.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nlpcl.audio.augmentation import Augmentation
from nlpcl.audio.distortion import Distortion
from nlpcl.audio.features import cache as feature_cache
from nlpcl.audio.reading import clip_seconds, read_clip
from nlpcl.audio.speech_gate import NO_SPEECH
from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Problem, Splits
from nlpcl.core.tables import Report
from nlpcl.metrics.classification import classification_scores
from nlpcl.nn.layers.normalisation import speaker_statistics
from nlpcl.nn.model import IGNORE, Batch, Output, ZooConfig, ZooModel
from nlpcl.tasks.baselines import Baseline, loss_of_frequencies
from nlpcl.tasks.emotion import baseline
from nlpcl.tasks.emotion.batches import BATCH_SECONDS, augmented, mixed, padded
from nlpcl.tasks.emotion.config import RecogniseOptions
from nlpcl.tasks.emotion.output import LAYOUT
from nlpcl.tasks.emotion.probe import probe_metrics, probe_summary, probes
from nlpcl.tasks.emotion.report import emotion_report, study_report, tables_by
from nlpcl.tasks.emotion.rows import prediction_row
from nlpcl.tasks.emotion.stream import stream
from nlpcl.tasks.protocol import Notes, Task
from nlpcl.tasks.renaming import merged, renamed
from nlpcl.text.writing import Layout
from nlpcl.training.inference import Feature, embed, infer, length


class Emotion(Task):
    """Classification of clips; the processor is the front end that makes frames of waveforms."""

    class_loss = "emotion"

    def __init__(self, processor: Any, config: Any, model_config: ZooConfig) -> None:
        self.processor = processor
        self.config = config
        names: Any = model_config.id2label or {}
        self.labels = [names[at] for at in range(len(names))]
        self.index = {name: at for at, name in enumerate(self.labels)}
        self.speakers: dict[str, int] = {}
        self.frozen = config.encoder == "frozen"
        self.augmentation = Augmentation(
            noise_snr=config.noise_snr,
            stretch=config.stretch if self.frozen else 0.0,
            speed=config.speed,
            time_mask=config.time_mask if self.frozen else 0.0,
            feature_mask=config.feature_mask if self.frozen else 0.0,
        )
        self.distortion = Distortion(
            gain=config.gain, band_limit=config.band_limit, reverberation=config.reverberation
        )
        self.epoch = 0
        self.problems: list[Problem] = []

    @classmethod
    def facts(cls, splits: Splits, config: RunConfig) -> dict[str, Any]:
        """The emotions of the clips, how many training clips each has, and the speakers.

        The model of a fold knows those of the whole study, so that all answer alike.
        """
        counts = Counter(row["label"] for row in splits.train)
        labels = sorted({*counts, *(row["label"] for row in splits.dev), *splits.classes})
        return {
            "labels": labels,
            "class_counts": [counts[label] for label in labels],
            "speakers": len({row["speaker"] for row in splits.train}),
        }

    def begin(self, train: Sequence[Example]) -> None:
        """Number the training speakers, for the adversary."""
        names = sorted({row["speaker"] for row in train})
        self.speakers = {name: number for number, name in enumerate(names)}

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, which determines the augmentation."""
        self.epoch = epoch

    def encode(self, examples: Sequence[Example]) -> list[Feature]:
        """Encode clips; those with unusable sound are left out and reported."""
        store = feature_cache.features(examples, self.processor) if self.frozen else None
        rows: list[Feature] = []
        for number, example in enumerate(examples):
            row: Feature = {"row": number, "clip": example}
            if store is None:
                row["length"] = self.samples(example)
                if not row["length"]:
                    self.problems.append(Problem(str(example["path"]), None, NO_SPEECH))
                    continue
            elif store[number] is None:
                continue
            else:
                row["frames"], row["length"] = (store, number), store.length(number)
            row["label"] = self.index.get(example.get("label", ""), IGNORE)
            row["speaker"] = self.speakers.get(example.get("speaker", ""), IGNORE)
            rows.append(row)
        if store is not None:
            self.problems += store.problems
        if examples and not rows:
            what = f"not one of {len(examples)} clips can be used; the last: {self.problems[-1]}"
            raise UserError(what, "--data", "See: nlpcl data check. Or give --speech-gate off.")
        if self.config.normalises_speakers:
            self.standardise(rows)
        return rows

    def samples(self, example: Example) -> int:
        """Samples that the model hears of a clip; 0 if it holds no speech."""
        if not self.processor.cuts:
            return round(clip_seconds(example) * self.processor.sampling_rate)
        waveform = self.processor.prepare(read_clip(example))
        return 0 if waveform is None else len(waveform)

    def standardise(self, rows: Sequence[Feature]) -> None:
        """Add the mean and deviation of the speaker's clips to each row, without using labels."""
        own: dict[str, list[Feature]] = defaultdict(list)
        for row in rows:
            own[row["clip"].get("speaker", "")].append(row)
        for speaker, clips in own.items():
            frames = [self.frames(row) for row in clips]
            found = speaker_statistics(frames, [speaker] * len(frames))[speaker]
            for row in clips:
                row["statistics"] = found

    def collate(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Padded inputs and mask; numbers of classes and of training speakers."""
        return padded([self.frames(row) for row in features], features)

    def collate_training(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Batch of augmented clips; the stored features are not modified.

        What happens to it depends on seed, epoch and the batch's rows alone.
        """
        key = f"{self.config.seed}:{self.epoch}:{','.join(str(row['row']) for row in features)}"
        change = self.augmentation.features if self.frozen else self.augmentation.waveforms
        drawn = random.Random(key)
        if self.frozen or not self.distortion.is_any:
            batch = self.collate(features)
        else:
            batch = padded([self.distorted(row, drawn) for row in features], features)
        batch = augmented(batch, change, drawn)
        if self.config.mixup and len(features) > 1:
            sizes = len(self.labels), len(self.speakers)
            batch = mixed(batch, sizes, self.config.mixup, drawn)
        return batch

    def frames(self, row: Feature) -> Tensor:
        """``(T, H)``, ``(K, T, H)``, or the waveform ``(T,)``, in fp32."""
        if "frames" in row:
            store, number = row["frames"]
            frames = store[number].float()
            if "statistics" not in row:
                return frames
            mean, deviation = row["statistics"]
            return (frames - mean) / deviation
        if "given" in row:
            return row["given"]
        return self.processor.prepare(read_clip(row["clip"]))

    def distorted(self, row: Feature, drawn: random.Random) -> Tensor:
        """The waveform of a distorted copy of a clip, or its own where no speech is left in it."""
        generator = torch.Generator().manual_seed(drawn.getrandbits(62))
        copy = self.distortion(read_clip(row["clip"]), generator)
        heard = self.processor.prepare(copy)
        return self.frames(row) if heard is None else heard

    def decode(
        self, output: Output, batch: Batch, features: Sequence[Feature]
    ) -> list[list[float]]:
        """Probabilities of the classes."""
        assert output.logits is not None
        return output.logits.float().softmax(-1).cpu().tolist()

    def dev_scores(
        self, model: ZooModel, features: Sequence[Feature], precision: str
    ) -> dict[str, float]:
        """Loss, WA, UA and macro-F1; ``selection`` is UA, then the loss."""
        known = [row for row in features if row["label"] != IGNORE]
        found, losses = infer(
            model, self, known, precision=precision, tokens=self.batch_tokens(known)
        )
        scores = classification_scores(
            [row["label"] for row in known], np.array(found), self.labels
        ).headline()
        values = {"loss": losses["loss"]} | {k: scores[k] for k in ("wa", "ua", "macro_f1")}
        return values | {"selection": values["ua"] - min(values["loss"], 100.0) / 1000.0}

    def batch_tokens(self, features: Sequence[Feature]) -> int:
        """Frames (or samples) in ``BATCH_SECONDS``, at least those of the longest clip."""
        rate = self.processor.frame_rate if self.frozen else self.processor.sampling_rate
        return max(round(BATCH_SECONDS * rate), *(length(row) for row in features), 1)

    def evaluate(
        self, model: ZooModel, examples: Sequence[Example], precision: str, title: str
    ) -> tuple[Report, list[dict[str, Any]]]:
        """Scores on clips, and one prediction row a clip whose sound can be used."""
        rows = self.encode(examples)
        labels = renamed(self.labels, self.names)
        for row in rows:
            del row["label"]  # which may have another name in the model
        found, _ = infer(model, self, rows, precision=precision, tokens=self.batch_tokens(rows))
        predictions = [
            prediction_row(row["clip"], probabilities, labels, self.seconds(row))
            for row, probabilities in zip(rows, merged(found, self.labels, self.names), strict=True)
        ]
        return emotion_report(predictions, labels, title), predictions

    def examine(self, model: ZooModel, splits: Splits, precision: str) -> Report:
        """Probes of speaker and gender in the model's embedding of all the clips of its run."""
        clips = [
            *splits.train,
            *splits.dev,
            *(row for part in splits.test.values() for row in part),
        ]
        rows = self.encode(clips)
        vectors = embed(model, self, rows, precision=precision, tokens=self.batch_tokens(rows))
        heard = {clip.get("speaker", "") for clip in splits.train}
        found = probes(vectors, [row["clip"] for row in rows], heard, self.config.seed)
        metrics = probe_metrics(found)
        return Report(metrics, probe_summary([metrics])[1])

    def baseline(self, splits: Splits) -> Baseline | None:
        """Logistic regression on mean and deviation of the frames that a model with them reads.

        None for an encoder that learns: it leaves no fixed frames to compare with.
        """
        return baseline.of_frames(self, splits) if self.frozen else None

    def constant_loss(self, splits: Splits) -> float:
        """The loss of a model that has learnt no more than how frequent the classes are."""
        counts = self.facts(splits, self.config)["class_counts"]
        return loss_of_frequencies(counts, self.config, self.config.label_smoothing)

    @staticmethod
    def pooled(
        rows: Sequence[Mapping[str, Any]],
        folds: Sequence[Mapping[str, float]],
        leaks: Mapping[str, Any],
        title: str,
    ) -> Report:
        """Out-of-fold predictions scored together, and the mean of the folds' probes."""
        report = study_report(rows, sorted({row["gold"] for row in rows}), leaks, title)
        report.extend(Report(*probe_summary(folds)))
        return report

    grouped = staticmethod(tables_by)

    def inputs(self, features: Sequence[Feature]) -> Iterator[Tensor]:
        """Frames of clips."""
        return (self.frames(feature) for feature in features)

    def seconds(self, row: Feature) -> float:
        """Length of an encoded clip."""
        rate = self.processor.frame_rate if self.frozen else self.processor.sampling_rate
        return length(row) / rate

    def stream(
        self,
        model: ZooModel,
        items: Iterable[str],
        *,
        precision: str,
        options: RecogniseOptions,
        notes: Notes,
    ) -> Iterator[dict[str, Any]]:
        """Emotions of sound files; see :func:`nlpcl.tasks.emotion.stream.stream`.

        The notes hold a line for each file that was ``skipped``.
        """
        return stream(
            self,
            model,
            items,
            precision=precision,
            window=options.window,
            hop=options.hop or options.window,
            skipped=notes["skipped"],
        )

    def layout(self, *, explained: bool = False) -> Layout:
        """Path, times, emotion and probabilities."""
        return LAYOUT

    def remarks(self, notes: Notes) -> list[str]:
        """Which files were skipped, and why."""
        return [f"skipped: {line}" for line in notes["skipped"]]

    def prepare(self, waveform: Tensor) -> Tensor | None:
        """What is heard of a waveform at 16 kHz; None where nobody speaks."""
        return self.processor.prepare_to_answer(waveform)

    def probabilities(
        self, model: ZooModel, waveforms: Sequence[Tensor], precision: str
    ) -> list[list[float]]:
        """Class probabilities of prepared waveforms."""
        inputs = self.processor.extract(waveforms) if self.frozen else list(waveforms)
        rows = [
            {"given": value, "length": value.shape[-2 if self.frozen else 0]} for value in inputs
        ]
        found, _ = infer(model, self, rows, precision=precision, tokens=self.batch_tokens(rows))
        return found
