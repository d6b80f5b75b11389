"""Masked language modelling: noised batches of text, and accuracy of restoration.

Chinese is read character by character, exactly as spelling correction reads it; other text by the
tokenizer's pieces. The noise depends on seed, epoch and row alone, so a resumed run sees the same.

Legend: ``B`` batch, ``L`` tokens, ``V`` vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from nlpcl.core.splits import Example
from nlpcl.core.tables import Report, Table
from nlpcl.nn.model import IGNORE, Batch, Output, ZooConfig, ZooModel
from nlpcl.tasks.protocol import Task
from nlpcl.text.characters import is_han
from nlpcl.text.encoders import CharacterIds, input_limit
from nlpcl.text.noise import MASK, RANDOM, Noise, read_confusions
from nlpcl.text.segments import model_view, segments
from nlpcl.training.inference import Feature, infer

HAN_FRACTION = 0.3
"""Texts with a smaller fraction of Han characters are read by pieces."""
FIXED = 1_000_003
"""The noise's epoch of dev and test sets."""


class MaskedLM(Task):
    """Masked language modelling with confusion-set noise, which the configuration describes."""

    def __init__(self, processor: Any, config: Any, model_config: ZooConfig) -> None:
        self.processor, self.config = processor, config
        self.ids = CharacterIds(processor)
        self.mask = int(processor.mask_token_id)
        self.limit = input_limit(model_config.backbone, config.max_length) - 2
        self.seed, self.epoch, self.copied = config.seed, 0, config.copy_fraction
        confusions = read_confusions(Path(config.confusion)) if config.confusion else {}
        fractions = {
            MASK: config.mask_fraction,
            "pinyin": config.pinyin_fraction,
            "near_pinyin": config.near_pinyin_fraction,
            "shape": config.shape_fraction,
            RANDOM: config.random_fraction,
        }
        alphabet = sorted(text for text in self.ids.characters.values() if is_han(text))
        self.noise = Noise(
            fractions, confusions, config.mlm_probability, config.light_fraction, alphabet
        )

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, which determines the noise."""
        self.epoch = epoch

    def encode(self, examples: Sequence[Example]) -> list[Feature]:
        """Encode texts with their characters; long texts become several features."""
        features: list[Feature] = []
        for row, example in enumerate(examples):
            for segment in segments(example["text"], self.limit):
                characters, _ = model_view(segment.text)
                if sum(map(is_han, characters)) < HAN_FRACTION * len(characters):
                    inner = self.processor(segment.text, add_special_tokens=False)["input_ids"]
                    characters = [""] * len(inner)
                else:
                    inner = [self.ids(character) for character in characters]
                if len(inner) > 1:
                    ids = [self.ids.start, *inner[: self.limit], self.ids.end]
                    text = ["", *characters[: self.limit], ""]
                    features.append({"row": row, "input_ids": ids, "characters": text})
        for number, feature in enumerate(features):
            feature["number"] = number
        return features

    def noised(self, feature: Feature, epoch: int) -> tuple[list[int], list[int]]:
        """Return noised ids, and labels where there is a loss."""
        generator = numpy.random.default_rng([self.seed, epoch, feature["number"]])
        ids, characters = list(feature["input_ids"]), feature["characters"]
        labels = [IGNORE] * len(ids)
        han = [at for at, text in enumerate(characters) if text and is_han(text)]
        places = han or list(range(1, len(ids) - 1))
        places = [place for place in places if ids[place] != self.ids.unknown]
        for place, kind in self.noise.choose(places, generator):
            labels[place] = ids[place]
            written = (
                self.noise.replacement(characters[place], kind, generator)
                if characters[place]
                else (None if kind == MASK else "")
            )
            if written is None:
                ids[place] = self.mask
            elif written:
                ids[place] = self.ids(written)
        if self.copied and han:
            copied = numpy.flatnonzero(generator.random(len(ids)) < self.copied).tolist()
            for place in set(copied).intersection(places):
                if labels[place] == IGNORE:
                    labels[place] = ids[place]
        return ids, labels

    def collate(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Batch of noised rows of this epoch, padded, ``(B, L)``."""
        return self._padded([self.noised(feature, self.epoch) for feature in features])

    def _padded(self, rows: Sequence[tuple[list[int], list[int]]]) -> dict[str, Tensor]:
        width = max(len(ids) for ids, _ in rows)
        shape = (len(rows), width)
        batch = {
            "input_ids": torch.full(shape, self.ids.pad),
            "attention_mask": torch.zeros(shape, dtype=torch.long),
            "labels": torch.full(shape, IGNORE),
        }
        for index, (ids, labels) in enumerate(rows):
            batch["input_ids"][index, : len(ids)] = torch.tensor(ids)
            batch["attention_mask"][index, : len(ids)] = 1
            batch["labels"][index, : len(ids)] = torch.tensor(labels)
        return batch

    def decode(self, output: Output, batch: Batch, features: Sequence[Feature]) -> list[Tensor]:
        """Shown, predicted and right id of the labelled positions of each row, ``(n, 3)``."""
        assert output.logits is not None
        selected = batch["labels"] != IGNORE
        rows = torch.stack(
            [batch["input_ids"][selected], output.logits.argmax(-1), batch["labels"][selected]], -1
        )
        return list(rows.cpu().split(selected.sum(-1).tolist()))

    def scores(
        self, model: ZooModel, features: Sequence[Feature], precision: str
    ) -> tuple[dict[str, float], dict[str, int]]:
        """Percent restored of masked, replaced and kept characters, with counts; loss."""
        fixed = _Fixed(self)
        found, losses = infer(model, fixed, features, precision=precision)
        shown, predicted, right = torch.cat(found).T
        masked = shown == self.mask
        kinds = {"masked": masked, "replaced": ~masked & (shown != right), "kept": shown == right}
        counts = {name: int(kind.sum()) for name, kind in kinds.items()}
        values = {
            f"{name}_accuracy": 100.0 * float((predicted == right)[kind].float().mean())
            for name, kind in kinds.items()
            if counts[name]
        }
        return {"loss": losses["loss"], **values}, counts

    def dev_scores(
        self, model: ZooModel, features: Sequence[Feature], precision: str
    ) -> dict[str, float]:
        """Percent restored and loss; the loss selects."""
        values, _ = self.scores(model, features, precision)
        return values | {"selection": -values["loss"]}

    def evaluate(
        self, model: ZooModel, examples: Sequence[Example], precision: str, title: str
    ) -> tuple[Report, list[dict[str, Any]]]:
        """Count how many characters of the test texts are restored."""
        values, counts = self.scores(model, self.encode(examples), precision)
        rows = [[name, values.get(f"{name}_accuracy"), count] for name, count in counts.items()]
        columns = ["characters", "restored (%)", "n"]
        return Report(values, [Table("restored", columns, rows, title=title)]), []


class _Fixed:
    """The task with fixed noise, for dev and test sets."""

    def __init__(self, task: MaskedLM) -> None:
        self.task = task

    def collate(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        return self.task._padded([self.task.noised(feature, FIXED) for feature in features])

    def decode(self, output: Output, batch: Batch, features: Sequence[Feature]) -> list[Tensor]:
        return self.task.decode(output, batch, features)
