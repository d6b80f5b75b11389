"""Classification of texts: texts → ids, probabilities, scores per class and per group of people.

One text is one row of a batch; a longer text is cut at the limit, and counted.

Legend: ``B`` batch, ``L`` tokens, ``C`` classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example
from nlpcl.core.tables import Report
from nlpcl.metrics.classification import classification_scores
from nlpcl.metrics.ranking import best_threshold
from nlpcl.nn.model import Batch, Output, ZooModel
from nlpcl.tasks.classification.report import classification_report, tables_by
from nlpcl.tasks.classification.rows import (
    Decision,
    positive_label,
    prediction_row,
    result_row,
)
from nlpcl.text.encoders import first_known
from nlpcl.text.tokens import TextReader
from nlpcl.text.words import WordWeight
from nlpcl.training.inference import Feature, infer

IGNORE = -100
MOST_UNKNOWN = 0.5
"""Share of unknown tokens in the training texts above which an encoder is refused."""
LOOKED_AT = 500
"""Training texts that are looked at for that."""

Explain = Callable[[ZooModel, Any, Sequence[str], Sequence[str]], Sequence[Sequence[WordWeight]]]
"""Model, task, texts and their labels → the words of each text with their weights."""


class Classification:
    """Classification of texts.

    Args:
        tokenizer: any fast tokenizer.
        max_length: longest input in tokens, special tokens included.
        config: the run's settings; ``tune_threshold`` is used where it is there.

    Attributes:
        labels: the names of the classes, in the order of the logits. Whoever makes the task for
            training sets them; elsewhere they are taken from the model.
    """

    name = "classification"

    def __init__(self, tokenizer: Any, max_length: int, config: Any = None) -> None:
        self.processor = tokenizer
        self.config = config
        self.limit = max_length
        self.read = TextReader(tokenizer, max_length)
        self.pad = first_known(tokenizer.pad_token_id, 0)
        self.labels: list[str] = []

    def adopt(self, model: ZooModel) -> Decision:
        """Take the names of the classes from a model, and how it decides between them."""
        decision = Decision.of_model(model.config)
        self.labels = list(decision.labels)
        return decision

    def encode(self, examples: Sequence[Example]) -> list[Feature]:
        """One feature a text; rows with labels have the class number, -100 for unknown ones."""
        index = {name: at for at, name in enumerate(self.labels)}
        if not index and any("label" in example for example in examples):
            raise ValueError(
                "set the task's labels, or adopt a model, before encoding labelled rows"
            )
        texts = [example["text"] for example in examples]
        features: list[Feature] = []
        for row, (example, tokens) in enumerate(zip(examples, self.read(texts), strict=True)):
            feature: Feature = {
                "row": row,
                "input_ids": tokens.ids,
                "length": len(tokens.ids),
                "is_truncated": tokens.is_truncated,
                "is_empty": tokens.is_empty,
            }
            if "label" in example:
                feature["label"] = index.get(example["label"], IGNORE)
            features.append(feature)
        return features

    def check_coverage(self, examples: Sequence[Example]) -> None:
        """Refuse an encoder that does not know the tokens of the training texts."""
        unknown = self.processor.unk_token_id
        read = self.read([example["text"] for example in examples[:LOOKED_AT]])
        ids = [one for tokens in read for one in tokens.ids]
        share = ids.count(unknown) / max(len(ids), 1) if unknown is not None else 0.0
        if share > MOST_UNKNOWN:
            raise UserError(
                f"{100 * share:.0f} % of the tokens of the training texts are unknown to it",
                "--backbone",
                "Use an encoder of the texts' language, or builtin.",
            )

    def collate(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Padded ids and mask, ``(B, L)``; class numbers ``(B,)`` where features have them."""
        lengths = [len(feature["input_ids"]) for feature in features]
        width = max(lengths)
        rows = [
            feature["input_ids"] + [self.pad] * (width - length)
            for feature, length in zip(features, lengths, strict=True)
        ]
        mask = torch.arange(width) < torch.tensor(lengths).unsqueeze(1)
        batch = {"input_ids": torch.tensor(rows), "attention_mask": mask.long()}
        if all("label" in feature for feature in features):
            batch["labels"] = torch.tensor([feature["label"] for feature in features])
        return batch

    def decode(
        self, output: Output, batch: Batch, features: Sequence[Feature]
    ) -> list[list[float]]:
        """Probabilities of the classes."""
        assert output.logits is not None
        return output.logits.float().softmax(-1).cpu().tolist()

    def dev_scores(
        self,
        model: ZooModel,
        examples: Sequence[Example],
        features: Sequence[Feature],
        precision: str,
        config: Any,
    ) -> dict[str, float]:
        """Loss, accuracy and macro-F1; ``selection`` is macro-F1, then the loss.

        Where a threshold is to be chosen, macro-F1 is the one at the best threshold.
        """
        gold, found, losses = self.labelled(model, features, precision)
        scores = classification_scores(gold, found, self.labels).headline()
        values = {"loss": losses["loss"], "wa": scores["wa"], "macro_f1": scores["macro_f1"]}
        if self.tunes(config):
            positive = self.labels.index(positive_label(self.labels, gold))
            values["threshold"], values["macro_f1"] = best_threshold(
                gold == positive, found[:, positive]
            )
        return values | {"selection": values["macro_f1"] - min(values["loss"], 100.0) / 1000.0}

    def tunes(self, config: Any) -> bool:
        """Whether a threshold is chosen on the dev set: two classes, and asked for."""
        return len(self.labels) == 2 and bool(getattr(config, "tune_threshold", False))

    def after_training(
        self, model: ZooModel, features: Sequence[Feature], precision: str, config: Any
    ) -> None:
        """Choose the threshold on the encoded dev set and keep it in the model's configuration."""
        self.adopt(model)
        if not self.tunes(config):
            return
        gold, found, _ = self.labelled(model, features, precision)
        name = positive_label(self.labels, gold)
        positive = self.labels.index(name)
        threshold, _ = best_threshold(gold == positive, found[:, positive])
        saved: Any = model.config
        saved.threshold, saved.positive_label = threshold, name

    def labelled(
        self, model: ZooModel, features: Sequence[Feature], precision: str
    ) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
        """Class numbers (N,), probabilities (N, C) and losses where the class is known."""
        known = [feature for feature in features if feature.get("label", IGNORE) != IGNORE]
        if not known:
            raise UserError(
                f"no row has one of the classes {', '.join(self.labels)}",
                "--data",
                "The label names of the splits must agree.",
            )
        found, losses = infer(model, self, known, precision=precision)
        return np.array([feature["label"] for feature in known]), np.array(found), losses

    def evaluate(
        self,
        model: ZooModel,
        examples: Sequence[Example],
        precision: str,
        config: Any,
        title: str = "",
    ) -> tuple[Report, list[dict[str, Any]]]:
        """Scores, and one prediction row a text; rows of other classes are left out and counted."""
        decision = self.adopt(model)
        features = self.encode(examples)
        known = [feature for feature in features if feature.get("label", IGNORE) != IGNORE]
        _, found, _ = self.labelled(model, known, precision)
        predictions = [
            prediction_row(
                examples[feature["row"]], values, decision, is_truncated=feature["is_truncated"]
            )
            for feature, values in zip(known, found.tolist(), strict=True)
        ]
        counts = {
            "truncated": sum(feature["is_truncated"] for feature in known),
            "empty": sum(feature["is_empty"] for feature in known),
            "other_classes": len(features) - len(known),
        }
        return classification_report(predictions, decision, title, counts=counts), predictions

    grouped = staticmethod(tables_by)

    def stream(
        self,
        model: ZooModel,
        texts: Iterable[str],
        *,
        precision: str,
        explain: Explain | None = None,
        window: int = 1024,
        counts: Counter[str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Classes in order, ``window`` texts in memory at a time.

        Args:
            model: a trained model.
            texts: any text: lines, long passages, blanks.
            precision: fp32, bf16 or fp16.
            explain: weighs the words of texts for their labels, see
                :func:`nlpcl.analysis.attribution.word_attributions`; adds them to the answers.
            window: texts sorted by length together.
            counts: gets the numbers of ``texts``, ``truncated`` and ``empty`` ones.

        Yields:
            ``{"text", "label", "probabilities": {label: p}, "is_truncated"}``, and with ``explain``
            ``"words": [[word, start, end, weight], ...]``. A text without any token has the label
            None and no probabilities.
        """
        decision = self.adopt(model)
        waiting = iter(texts)
        while chunk := list(islice(waiting, window)):
            features = self.encode([{"text": text} for text in chunk])
            filled = [feature for feature in features if not feature["is_empty"]]
            found, _ = infer(model, self, filled, precision=precision)
            values = dict(zip((feature["row"] for feature in filled), found, strict=True))
            answers = [
                result_row(text, values.get(row), decision, feature["is_truncated"])
                for row, (text, feature) in enumerate(zip(chunk, features, strict=True))
            ]
            if explain:
                self.add_words(model, answers, explain)
            for answer, feature in zip(answers, features, strict=True):
                if counts is not None:
                    counts["texts"] += 1
                    counts["truncated"] += feature["is_truncated"]
                    counts["empty"] += feature["is_empty"]
                yield answer

    def add_words(
        self, model: ZooModel, answers: Sequence[dict[str, Any]], explain: Explain
    ) -> None:
        """Note in each answer the words of its text, with place and weight for its label."""
        labelled = [answer for answer in answers if answer["label"] is not None]
        texts = [answer["text"] for answer in labelled]
        words = explain(model, self, texts, [answer["label"] for answer in labelled])
        for answer in answers:
            answer["words"] = []
        for answer, found in zip(labelled, words, strict=True):
            answer["words"] = [
                [word.text, word.start, word.end, round(float(word.weight), 6)] for word in found
            ]
