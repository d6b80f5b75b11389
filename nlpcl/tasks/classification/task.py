"""Text classification: encoding, probabilities, scores by class and by target group.

One text is one row of a batch; a longer text is cut at the limit, and counted.

Legend: ``B`` batch, ``L`` tokens, ``C`` classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Splits
from nlpcl.core.tables import Report
from nlpcl.metrics.classification import classification_scores
from nlpcl.metrics.ranking import best_threshold
from nlpcl.nn.model import IGNORE, Batch, Output, ZooConfig, ZooModel
from nlpcl.tasks.baselines import Baseline, class_rows, loss_of_frequencies
from nlpcl.tasks.classification import baseline
from nlpcl.tasks.classification.config import ClassifyOptions
from nlpcl.tasks.classification.output import layout, remarks
from nlpcl.tasks.classification.report import classification_report, tables_by
from nlpcl.tasks.classification.rows import (
    Decision,
    positive_label,
    prediction_row,
    result_row,
)
from nlpcl.tasks.protocol import Notes, Task
from nlpcl.tasks.renaming import merged
from nlpcl.text.encoders import first_known, input_limit
from nlpcl.text.tokens import TextReader
from nlpcl.text.writing import Layout
from nlpcl.training.inference import Feature, infer

MOST_UNKNOWN = 0.5
"""Fraction of unknown tokens in the training texts above which an encoder is refused."""
LOOKED_AT = 500
"""Training texts that are looked at for that."""


class Classification(Task):
    """Classification of texts.

    Attributes:
        labels: the names of the classes, in the order of the logits.
    """

    class_loss = "classification"

    def __init__(self, processor: Any, config: Any, model_config: ZooConfig) -> None:
        self.processor, self.config, self.model_config = processor, config, model_config
        self.limit = input_limit(model_config.backbone, config.max_length)
        self.read = TextReader(processor, self.limit)
        self.pad = first_known(processor.pad_token_id, 0)
        self.labels = list(self.decision.labels)

    @classmethod
    def facts(cls, splits: Splits, config: RunConfig) -> dict[str, Any]:
        """The classes of the training rows, and how many rows each has.

        Raises:
            UserError: fewer than two classes.
        """
        counts = Counter(row["label"] for row in splits.train if row.get("label") is not None)
        labels = sorted(counts)
        if len(labels) < 2:
            what = f"all have the label {labels[0]!r}" if labels else "none has a label"
            raise UserError(
                f"of {len(splits.train)} training rows {what}",
                f"--data {config.data}",
                "A classifier needs rows of two classes or more.",
            )
        return {"labels": labels, "class_counts": [counts[label] for label in labels]}

    @property
    def decision(self) -> Decision:
        """How the model decides between the classes; training may choose a threshold."""
        return Decision.of_model(self.model_config)

    def encode(self, examples: Sequence[Example]) -> list[Feature]:
        """One feature a text; rows with labels have the class number, -100 for unknown ones."""
        index = {name: at for at, name in enumerate(self.labels)}
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

    def begin(self, train: Sequence[Example]) -> None:
        """Refuse an encoder that does not know the tokens of the training texts."""
        unknown = self.processor.unk_token_id
        read = self.read([example["text"] for example in train[:LOOKED_AT]])
        ids = [one for tokens in read for one in tokens.ids]
        fraction = ids.count(unknown) / max(len(ids), 1) if unknown is not None else 0.0
        if fraction > MOST_UNKNOWN:
            raise UserError(
                f"{100 * fraction:.0f} % of the tokens of the training texts are unknown to it",
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
        self, model: ZooModel, features: Sequence[Feature], precision: str
    ) -> dict[str, float]:
        """Loss, accuracy and macro-F1; ``selection`` is macro-F1, then the loss.

        Where a threshold is to be chosen, macro-F1 is the one at the best threshold.
        """
        gold, found, losses = self.labelled(model, features, precision)
        scores = classification_scores(gold, found, self.labels).headline()
        values = {"loss": losses["loss"], "wa": scores["wa"], "macro_f1": scores["macro_f1"]}
        if self.tunes:
            positive = self.labels.index(positive_label(self.labels, gold))
            values["threshold"], values["macro_f1"] = best_threshold(
                gold == positive, found[:, positive]
            )
        return values | {"selection": values["macro_f1"] - min(values["loss"], 100.0) / 1000.0}

    @property
    def tunes(self) -> bool:
        """Whether a threshold is chosen on the dev set: two classes, and asked for."""
        return len(self.labels) == 2 and self.config.tune_threshold

    def after_training(self, model: ZooModel, features: Sequence[Feature], precision: str) -> None:
        """Choose the threshold on the encoded dev set and keep it in the model's configuration."""
        if not self.tunes:
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
        self, model: ZooModel, examples: Sequence[Example], precision: str, title: str
    ) -> tuple[Report, list[dict[str, Any]]]:
        """Scores, and one prediction row a text."""
        decision = self.decision.renamed(self.names)
        # Without their classes, which may have other names in the model.
        features = self.encode([{"text": example["text"]} for example in examples])
        found, _ = infer(model, self, features, precision=precision)
        predictions = [
            prediction_row(
                examples[feature["row"]], values, decision, is_truncated=feature["is_truncated"]
            )
            for feature, values in zip(
                features, merged(found, self.labels, self.names), strict=True
            )
        ]
        counts = {
            "truncated": sum(feature["is_truncated"] for feature in features),
            "empty": sum(feature["is_empty"] for feature in features),
        }
        return classification_report(predictions, decision, title, counts=counts), predictions

    def baseline(self, splits: Splits) -> Baseline | None:
        """Logistic regression on TF-IDF of words or Han characters."""
        train = [row for row in splits.train if row.get("label") is not None]
        found = baseline.answers(
            [row["text"] for row in train],
            [row["label"] for row in train],
            {name: [row["text"] for row in rows] for name, rows in splits.test.items()},
            self.labels,
        )
        if found is None:
            return None
        rows = {
            name: class_rows(own, found[name], self.labels, self.names)
            for name, own in splits.test.items()
        }
        return Baseline(baseline.NAME, rows)

    def constant_loss(self, splits: Splits) -> float:
        """The loss of a model that has learnt no more than how frequent the classes are."""
        counts = self.facts(splits, self.config)["class_counts"]
        return loss_of_frequencies(counts, self.config)

    grouped = staticmethod(tables_by)

    def stream(
        self,
        model: ZooModel,
        items: Iterable[str],
        *,
        precision: str,
        options: ClassifyOptions,
        notes: Notes,
    ) -> Iterator[dict[str, Any]]:
        """Classes of texts: lines, long passages, blanks.

        The notes count ``texts``: all of them, the ``truncated`` and the ``empty`` ones.

        Yields:
            ``{"text", "label", "probabilities": {label: p}, "is_truncated"}``. A text without any
            token has the label None and no probabilities.
        """
        decision, counts = self.decision, notes["texts"]
        waiting = iter(items)
        while chunk := list(islice(waiting, options.chunk_size)):
            features = self.encode([{"text": text} for text in chunk])
            filled = [feature for feature in features if not feature["is_empty"]]
            found, _ = infer(model, self, filled, precision=precision)
            values = dict(zip((feature["row"] for feature in filled), found, strict=True))
            for row, (text, feature) in enumerate(zip(chunk, features, strict=True)):
                counts["all"] += 1
                counts["truncated"] += feature["is_truncated"]
                counts["empty"] += feature["is_empty"]
                yield result_row(text, values.get(row), decision, feature["is_truncated"])

    def layout(self, *, explained: bool = False) -> Layout:
        """Text, label and probabilities, and the words of an explanation."""
        return layout(self.labels, explained=explained)

    def remarks(self, notes: Notes) -> list[str]:
        """Which texts were not read whole."""
        return remarks(notes["texts"], self.limit)
