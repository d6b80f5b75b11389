"""Masked language modelling: noised batches of text, and accuracy of restoration.

Chinese is read character by character, exactly as spelling correction reads it; other text by the
tokenizer's pieces. The noise depends on seed, epoch, row and training text, so a resumed run sees
the same; that of dev and test sets does not depend on the training text.

Legend: ``B`` batch, ``L`` tokens, ``V`` vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from nlpcl.core.splits import Example, Problem
from nlpcl.core.tables import Report, Table
from nlpcl.data.pairs import read_pairs
from nlpcl.nn.model import IGNORE, Batch, Output, ZooConfig, ZooModel
from nlpcl.tasks.protocol import Task
from nlpcl.text.characters import is_han
from nlpcl.text.encoders import CharacterIds, input_limit
from nlpcl.text.noise.confusions import read_confusions
from nlpcl.text.noise.noise import MASK, RANDOM, WORD, Noise
from nlpcl.text.noise.sounds import read_readings
from nlpcl.text.noise.tables import OBSERVED, ErrorTables, build_tables, observed_edits
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
        folder = Path(config.confusion) if config.confusion else None
        self.confusions = read_confusions(folder) if folder else {}
        self.readings = read_readings(folder, self.confusions["pinyin"]) if folder else {}
        self.size = max(self.ids.vocabulary.values()) + 1
        self.han = {index: text for index, text in self.ids.characters.items() if is_han(text)}
        # Dev and test rows: every character as frequent as any other, and no words.
        self.even = self.tables(numpy.array(sorted(self.han)), {})
        self.tables_of_text = self.even
        self.noise = self.configured_noise()

    def configured_noise(self) -> Noise:
        """The noise that the configuration describes."""
        config = self.config
        fractions = {
            MASK: config.mask_fraction,
            "pinyin": config.pinyin_fraction,
            "near_pinyin": config.near_pinyin_fraction,
            "shape": config.shape_fraction,
            WORD: config.word_fraction,
            OBSERVED: config.observed_fraction,
            RANDOM: config.random_fraction,
        }
        is_han_id = numpy.zeros(self.size, dtype=bool)
        is_han_id[list(self.han)] = True
        return Noise(
            fractions,
            self.mask,
            is_han_id,
            config.mlm_probability,
            config.light_fraction,
            config.light_errors,
            config.light_mask_probability,
        )

    def tables(self, text: numpy.ndarray, edits: Mapping[tuple[str, str], int]) -> ErrorTables:
        """What people write instead of the characters of a text."""
        return build_tables(text, self.han, self.size, self.confusions, self.readings, edits)

    def begin(self, train: Sequence[Example]) -> None:
        """Count characters, words and observed edits: the commoner a wrong one, the likelier."""
        file = self.config.observed
        if not self.confusions and not file:
            return
        problems: list[Problem] = []
        pairs = read_pairs([Path(file)], problems) if file else []
        edits = observed_edits((row["source"], row["target"]) for row in pairs)
        ids = [self.ids(c) if is_han(c) else -1 for row in train for c in row["text"] + "\n"]
        text = numpy.array(ids)
        text[text == self.ids.unknown] = -1
        self.tables_of_text = self.tables(text, edits)

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

    def noised(
        self, feature: Feature, epoch: int, tables: ErrorTables
    ) -> tuple[list[int], list[int]]:
        """Return noised ids, and labels where there is a loss."""
        generator = numpy.random.default_rng([self.seed, epoch, feature["number"]])
        ids = numpy.array(feature["input_ids"])
        han = numpy.array([is_han(text) for text in feature["characters"]])
        places = han.copy() if han.any() else numpy.ones(len(ids), dtype=bool)
        places[[0, -1]] = False
        places &= ids != self.ids.unknown
        rows = numpy.zeros(len(ids), dtype=int)
        noised, selected = self.noise.apply(ids, rows, places, tables, generator)
        if han.any():
            selected |= places & (generator.random(len(ids)) < self.copied)
        return noised.tolist(), numpy.where(selected, ids, IGNORE).tolist()

    def collate(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Batch of noised rows of this epoch, padded, ``(B, L)``."""
        return self._padded(
            [self.noised(feature, self.epoch, self.tables_of_text) for feature in features]
        )

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
        task = self.task
        return task._padded([task.noised(feature, FIXED, task.even) for feature in features])

    def decode(self, output: Output, batch: Batch, features: Sequence[Feature]) -> list[Tensor]:
        return self.task.decode(output, batch, features)
