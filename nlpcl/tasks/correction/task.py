"""Spelling correction: encoding by character, decoding, dictionaries, scores.

Legend: ``B`` batch, ``L`` tokens, ``V`` vocabulary.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example
from nlpcl.core.tables import Report
from nlpcl.metrics.spelling import SpellingScores, spelling_scores
from nlpcl.metrics.spelling_cases import case_lists, case_tables
from nlpcl.nn.model import IGNORE, Batch, Output, ZooConfig, ZooModel
from nlpcl.tasks.correction.config import CorrectOptions
from nlpcl.tasks.correction.edits import Edit, corrected, correction_row, select_edits
from nlpcl.tasks.correction.finder import CHINESE, Finder
from nlpcl.tasks.correction.fitting import fitted_judge
from nlpcl.tasks.correction.judge import Judge
from nlpcl.tasks.correction.language_model import LanguageModel
from nlpcl.tasks.correction.output import LAYOUT, remarks
from nlpcl.tasks.correction.ties import is_close
from nlpcl.tasks.protocol import Notes, Task, new_notes
from nlpcl.text.characters import is_han
from nlpcl.text.encoders import CharacterIds, input_limit
from nlpcl.text.script import Script, script_of
from nlpcl.text.segments import bounded, model_view, segments, sentences
from nlpcl.text.writing import Layout
from nlpcl.training import inference
from nlpcl.training.inference import Feature, in_batches, infer

TOKENS = 1024
"""Padded tokens of a batch of prediction on a processor, where bigger ones take more memory."""
JUDGE = "judge"
"""In a model's configuration: the weights of its judge."""
LEAST_COVERAGE = 0.8
"""Fraction of the training text's Han characters that an encoder's vocabulary must hold."""


class Correction(Task):
    """Spelling correction with one token a character, so that lengths never change."""

    def __init__(self, processor: Any, config: Any, model_config: ZooConfig) -> None:
        self.processor, self.config = processor, config
        self.ids = CharacterIds(processor)
        self.limit = input_limit(model_config.backbone, config.max_length) - 2
        self.finder = Finder(self.ids)
        weights = model_config.to_dict().get(JUDGE)
        if weights is not None:
            self.finder.judge = Judge.of(weights, self.ids.characters)

    def adopt(self, folder: Path) -> None:
        """Let the judge in the folder decide what is changed, if there is one."""
        self.finder.judge = Judge.read(folder, self.ids.characters)

    def encode_text(self, text: str, row: int) -> list[Feature]:
        """Encode a text: a feature for each sentence, or several if it exceeds the limit.

        A sentence is read alone, so that it is corrected alike wherever it stands.
        """
        return list(self.encoded(text, row))

    def encoded(self, text: str, row: int) -> Iterator[Feature]:
        """The features of a text one by one."""
        script = script_of(text)
        for sentence in sentences(text):
            own_script = script_of(sentence.text) or script
            for segment in segments(sentence.text, self.limit):
                characters, positions = model_view(segment.text)
                if characters:
                    start = sentence.start + segment.start
                    yield {
                        "row": row,
                        "input_ids": [self.ids.start, *map(self.ids, characters), self.ids.end],
                        "characters": characters,
                        "positions": [start + position for position in positions],
                        "script": own_script,
                    }

    def encode(self, examples: Sequence[Example]) -> list[Feature]:
        """Sentence pairs with labels; pairs of unequal length get none."""
        features: list[Feature] = []
        for row, example in enumerate(examples):
            source, target = example["source"], example["target"]
            for feature in self.encode_text(source, row):
                if len(source) == len(target):
                    feature["labels"] = self.labels(feature, target)
                features.append(feature | {"example": example})
        return features

    def labels(self, feature: Feature, target: str) -> list[int]:
        """Ids of the right characters; the source's where the vocabulary lacks the right one."""
        right = [self.ids(target[position]) for position in feature["positions"]]
        written = feature["input_ids"][1:-1]
        known = [
            old if new == self.ids.unknown else new for old, new in zip(written, right, strict=True)
        ]
        return [IGNORE, *known, IGNORE]

    def begin(self, train: Sequence[Example]) -> None:
        """Refuse an encoder that does not know the characters of the training text."""
        text = [c for example in train[:2000] for c in example["source"] if is_han(c)]
        known = sum(self.ids(character) != self.ids.unknown for character in text)
        if text and known < LEAST_COVERAGE * len(text):
            share = f"{100 * known / len(text):.0f} % of the Han characters of the training text"
            raise UserError(f"its vocabulary holds {share}", "--backbone", CHINESE)

    def collate(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Padded ids and mask, ``(B, L)``; labels where all rows have them."""
        width = max(len(feature["input_ids"]) for feature in features)

        def padded(name: str, fill: int) -> Tensor:
            rows = [row[name] + [fill] * (width - len(row[name])) for row in features]
            return torch.tensor(rows)

        batch = {
            "input_ids": padded("input_ids", self.ids.pad),
            "attention_mask": torch.tensor(
                [[1] * (n := len(row["input_ids"])) + [0] * (width - n) for row in features]
            ),
        }
        if all("labels" in feature for feature in features):
            batch["labels"] = padded("labels", IGNORE)
        return batch

    def decode(self, output: Output, batch: Batch, features: Sequence[Feature]) -> list[list[Edit]]:
        """What the model would write instead of the text, Han for Han, and what it nearly would.

        An edit whose ``lead`` is not above 0 is none: the character as written is as good.
        """
        assert output.logits is not None
        places = self.finder.replaceable(batch)
        return self.finder.edits([output.logits[places]], places, batch, features)

    def propose(
        self,
        model: ZooModel,
        texts: Sequence[str],
        precision: str,
        notes: Notes,
        threshold: float = 0.0,
        lm: LanguageModel | None = None,
    ) -> list[list[Edit]]:
        """Proposed edits of each text, which do not depend on the others: see ``ties``.

        The notes count characters that the vocabulary lacks as ``unknown``, and sentences left as
        they are since they mix the scripts as ``mixed``. What holds no Han character of the
        vocabulary does not go through the model.
        """
        edits: list[list[Edit]] = [[] for _ in texts]
        encoded = (one for row, text in enumerate(texts) for one in self.encoded(text, row))
        tokens = TOKENS if model.device.type == "cpu" else inference.TOKENS
        answer = partial(self.finder.changes, model, lm=lm)
        for features in bounded(encoded, lambda one: len(one["characters"])):
            for one in features:
                inner = zip(one["characters"], one["input_ids"][1:-1], strict=True)
                notes["unknown"].update(text for text, id in inner if id == self.ids.unknown)
                notes["mixed"]["sentences"] += one["script"] == Script.MIXED
            kept = [one for one in features if self.finder.is_candidate[one["input_ids"]].any()]
            found = in_batches(model, self, kept, answer, precision=precision, tokens=tokens)
            for one, proposed in zip(kept, found, strict=True):
                if is_close(proposed, threshold, precision):
                    (proposed,) = in_batches(model, self, [one], answer, precision="fp32")
                edits[one["row"]] += proposed
        return edits

    def stream(
        self,
        model: ZooModel,
        items: Iterable[str],
        *,
        precision: str,
        options: CorrectOptions,
        notes: Notes,
    ) -> Iterator[dict[str, Any]]:
        """Corrections of texts: lines, long passages, blanks.

        The notes are those of ``propose``.

        Yields:
            ``{"source", "target", "edits": [{"position", "wrong", "right", "probability"}]}``.
        """
        for chunk in bounded(items, len, most=options.chunk_size):
            proposals = self.propose(
                model, chunk, precision, notes, options.threshold, options.language_model
            )
            for text, proposed in zip(chunk, proposals, strict=True):
                fixed, closed = options.dictionaries.find(text)
                chosen = select_edits(text, proposed, threshold=options.threshold, protected=closed)
                yield correction_row(text, [*fixed, *chosen])

    def layout(self, *, explained: bool = False) -> Layout:
        """Source, target and edits."""
        return LAYOUT

    def remarks(self, notes: Notes) -> list[str]:
        """Which characters the model does not know, and how many sentences mix the scripts."""
        return remarks(notes["unknown"], notes["mixed"]["sentences"])

    def dev_scores(
        self, model: ZooModel, features: Sequence[Feature], precision: str
    ) -> dict[str, float]:
        """Loss and F1 on the dev set; ``selection`` is strict correction F1, then the loss.

        F1 stays at one value for many epochs where data are few; the loss breaks such ties.
        """
        labelled = [feature for feature in features if "labels" in feature]
        edits, losses = infer(model, self, labelled, precision=precision)
        by_row = {feature["row"]: feature["example"] for feature in features}
        joined: dict[int, list[Edit]] = defaultdict(list)
        for feature, found in zip(labelled, edits, strict=True):
            joined[feature["row"]] += found
        proposals = [joined[row] for row in by_row]
        examples = list(by_row.values())
        scores = self.score(examples, corrected(examples, proposals)).scores
        values = {
            "loss": losses["loss"],
            "detection_f1": scores["strict"]["detection"].f1,
            "correction_f1": scores["strict"]["correction"].f1,
            "correction_f1_lenient": scores["lenient"]["correction"].f1,
        }
        return values | {"selection": values["correction_f1"] - min(values["loss"], 100.0) / 1000.0}

    def after_training(self, model: ZooModel, features: Sequence[Feature], precision: str) -> None:
        """Fit a judge on the encoded dev set, if asked to, and keep it in the model."""
        if not self.config.judge:
            return
        rows = {feature["row"]: feature["example"] for feature in features}
        self.finder.judge = fitted_judge(self, model, list(rows.values()), precision)
        if self.finder.judge is not None:
            setattr(model.config, JUDGE, dict(self.finder.judge.weights))

    def evaluate(
        self, model: ZooModel, examples: Sequence[Example], precision: str, title: str
    ) -> tuple[Report, list[dict[str, Any]]]:
        """Scores under every convention, lists of faults, and one prediction row a sentence."""
        sources = [example["source"] for example in examples]
        notes = new_notes()
        predictions = corrected(examples, self.propose(model, sources, precision, notes))
        unknown = notes["unknown"].total()
        scores = self.score(examples, predictions)
        targets = [example["target"] for example in examples]
        lists = case_lists(sources, targets, [row["target"] for row in predictions])
        rows = [
            {"id": example.get("id"), "gold": example["target"], **row}
            for example, row in zip(examples, predictions, strict=True)
        ]
        tables = [*scores.tables(title), *case_tables(lists)]
        outside = ["characters outside the vocabulary, left alone", unknown]
        tables[1].rows = [*tables[1].rows, outside]
        if self.config.judge and self.finder.judge is None:
            tables[1].rows += [["errors of the dev set that a judge could be fitted to", 0]]
        metrics = scores.as_metrics() | {"n_unknown_characters": float(unknown)}
        return Report(metrics, tables), rows

    def score(
        self, examples: Sequence[Example], predictions: Sequence[dict[str, Any]]
    ) -> SpellingScores:
        """Result rows against the gold sentences."""
        return spelling_scores(
            [example["source"] for example in examples],
            [example["target"] for example in examples],
            [row["target"] for row in predictions],
            ignore_de=self.config.ignore_de,
        )
