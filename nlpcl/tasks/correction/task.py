"""Spelling correction: sentences ↔ character grids, dictionaries, scores.

Legend: ``B`` batch, ``L`` tokens, ``V`` vocabulary.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example
from nlpcl.core.tables import Report
from nlpcl.metrics.spelling import spelling_scores
from nlpcl.metrics.spelling_cases import case_lists, case_tables
from nlpcl.nn.model import Batch, Output, ZooModel
from nlpcl.tasks.correction.dictionaries import Dictionaries
from nlpcl.tasks.correction.edits import Edit, correction_row, select_edits
from nlpcl.text.characters import is_han
from nlpcl.text.encoders import CharacterIds
from nlpcl.text.segments import model_view, segments
from nlpcl.training.inference import Feature, infer

IGNORE = -100
LEAST_COVERAGE = 0.8
"""Share of the training text's Han characters that an encoder's vocabulary must hold."""


class Correction:
    """Spelling correction with one token a character, so that lengths never change.

    Args:
        tokenizer: any fast tokenizer whose vocabulary holds single Han characters.
        max_length: longest input in tokens, the two special tokens included.
        config: the model's settings; none of them is needed here.
    """

    name = "correction"

    def __init__(self, tokenizer: Any, max_length: int, config: Any = None) -> None:
        self.processor = tokenizer
        self.ids = CharacterIds(tokenizer)
        self.limit = max_length - 2
        han = [index for index, text in self.ids.characters.items() if is_han(text)]
        if not han:
            raise UserError(
                "its vocabulary holds no single Han characters",
                "--backbone",
                "Use a Chinese encoder such as hfl/chinese-macbert-base, or builtin.",
            )
        self.is_candidate = torch.zeros(max(self.ids.vocabulary.values()) + 1, dtype=torch.bool)
        self.is_candidate[han] = True

    def encode_text(self, text: str, row: int) -> list[Feature]:
        """A text as one feature, or several where it is longer than the limit."""
        features: list[Feature] = []
        for segment in segments(text, self.limit):
            characters, positions = model_view(segment.text)
            if characters:
                ids = [self.ids.start, *map(self.ids, characters), self.ids.end]
                offsets = [segment.start + position for position in positions]
                features.append(
                    {"row": row, "input_ids": ids, "characters": characters, "positions": offsets}
                )
        return features

    def encode(self, examples: Sequence[Example]) -> list[Feature]:
        """Sentence pairs with labels; pairs of unequal length get none."""
        features: list[Feature] = []
        for row, example in enumerate(examples):
            source, target = example["source"], example["target"]
            for feature in self.encode_text(source, row):
                if len(source) == len(target):
                    feature["labels"] = self.labels(feature, target)
                features.append(feature)
        return features

    def labels(self, feature: Feature, target: str) -> list[int]:
        """Ids of the right characters; the source's where the vocabulary lacks the right one."""
        right = [self.ids(target[position]) for position in feature["positions"]]
        written = feature["input_ids"][1:-1]
        known = [
            old if new == self.ids.unknown else new for old, new in zip(written, right, strict=True)
        ]
        return [IGNORE, *known, IGNORE]

    def check_coverage(self, examples: Sequence[Example]) -> None:
        """Refuse an encoder that does not know the characters of the training text."""
        text = [c for example in examples[:2000] for c in example["source"] if is_han(c)]
        known = sum(self.ids(character) != self.ids.unknown for character in text)
        if text and known < LEAST_COVERAGE * len(text):
            raise UserError(
                f"its vocabulary holds {100 * known / len(text):.0f} % of the Han characters of "
                "the training text",
                "--backbone",
                "Use a Chinese encoder such as hfl/chinese-macbert-base, or builtin.",
            )

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
        """What the model would write instead of the text, Han for Han only."""
        logits, written = output.logits, batch["input_ids"]
        assert logits is not None
        candidates = self.is_candidate.to(logits.device)
        logits = logits[..., : len(candidates)]  # a padded vocabulary has scores of no token
        # Only places that change are looked at more closely: they are few. amax is many times
        # faster than argmax, and leaves the text alone where two scores tie.
        own = logits.gather(-1, written.unsqueeze(-1)).squeeze(-1)
        changed = (logits.amax(-1) > own) & candidates[written]
        rows = logits[changed].float()
        best, chosen = rows.masked_fill(~candidates, float("-inf")).max(-1)
        probabilities = (best - rows.logsumexp(-1)).exp().clamp(max=1.0)
        edits: list[list[Edit]] = [[] for _ in features]
        for (row, column), old, new, probability in zip(
            changed.nonzero().tolist(),
            written[changed].tolist(),
            chosen.tolist(),
            probabilities.tolist(),
            strict=True,
        ):
            if new != old:
                characters, positions = self.ids.characters, features[row]["positions"]
                wrong = features[row]["characters"][column - 1]
                edits[row].append(Edit(positions[column - 1], wrong, characters[new], probability))
        return edits

    def propose(
        self,
        model: ZooModel,
        texts: Sequence[str],
        precision: str,
        unknown: Counter[str] | None = None,
    ) -> list[list[Edit]]:
        """Proposed edits of each text; ``unknown`` counts characters the vocabulary lacks."""
        features = [f for row, text in enumerate(texts) for f in self.encode_text(text, row)]
        if unknown is not None:
            for feature in features:
                inner = zip(feature["characters"], feature["input_ids"][1:-1], strict=True)
                unknown.update(character for character, index in inner if index == self.ids.unknown)
        edits, _ = infer(model, self, features, precision=precision)
        return gather(features, edits, len(texts))

    def stream(
        self,
        model: ZooModel,
        texts: Iterable[str],
        *,
        precision: str,
        threshold: float = 0.5,
        dictionaries: Dictionaries | None = None,
        window: int = 1024,
        unknown: Counter[str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Corrections in order, ``window`` texts in memory at a time.

        Args:
            model: a trained model.
            texts: any text: lines, long passages, blanks.
            precision: fp32, bf16 or fp16.
            threshold: lowest probability of a change; scoring takes every change (0).
            dictionaries: terms to leave alone, pairs to replace always.
            window: texts sorted by length together.
            unknown: counts the characters the vocabulary lacks; they are left as they are.

        Yields:
            ``{"source", "target", "edits": [{"position", "wrong", "right", "probability"}]}``.
        """
        words = dictionaries or Dictionaries()
        waiting = iter(texts)
        while chunk := list(islice(waiting, window)):
            proposals = self.propose(model, chunk, precision, unknown)
            for text, proposed in zip(chunk, proposals, strict=True):
                fixed, closed = words.find(text)
                chosen = select_edits(text, proposed, threshold=threshold, protected=closed)
                yield correction_row(text, [*fixed, *chosen])

    def dev_scores(
        self,
        model: ZooModel,
        examples: Sequence[Example],
        features: Sequence[Feature],
        precision: str,
        config: Any,
    ) -> dict[str, float]:
        """Loss and F1 on the dev set; ``selection`` is strict correction F1, then the loss.

        F1 stays at one value for many epochs where data are few; the loss breaks such ties.
        """
        labelled = [feature for feature in features if "labels" in feature]
        edits, losses = infer(model, self, labelled, precision=precision)
        predictions = corrected(examples, gather(labelled, edits, len(examples)))
        scores = score(examples, predictions, config.ignore_de).scores
        values = {
            "loss": losses["loss"],
            "detection_f1": scores["strict"]["detection"].f1,
            "correction_f1": scores["strict"]["correction"].f1,
            "correction_f1_lenient": scores["lenient"]["correction"].f1,
        }
        return values | {"selection": values["correction_f1"] - min(values["loss"], 100.0) / 1000.0}

    def evaluate(
        self,
        model: ZooModel,
        examples: Sequence[Example],
        precision: str,
        config: Any,
        title: str = "",
    ) -> tuple[Report, list[dict[str, Any]]]:
        """Scores under every convention, lists of faults, and one prediction row a sentence."""
        sources = [example["source"] for example in examples]
        unknown: Counter[str] = Counter()
        predictions = corrected(examples, self.propose(model, sources, precision, unknown))
        scores = score(examples, predictions, config.ignore_de)
        targets = [example["target"] for example in examples]
        lists = case_lists(sources, targets, [row["target"] for row in predictions])
        rows = [
            {"id": example.get("id"), "gold": example["target"], **row}
            for example, row in zip(examples, predictions, strict=True)
        ]
        tables = [*scores.tables(title), *case_tables(lists)]
        tables[1].rows.append(["characters outside the vocabulary, left alone", unknown.total()])
        metrics = scores.as_metrics() | {"n_unknown_characters": float(unknown.total())}
        return Report(metrics, tables), rows


def gather(
    features: Sequence[Feature], edits: Sequence[Sequence[Edit]], texts: int
) -> list[list[Edit]]:
    """The edits of a text's features, joined."""
    joined: dict[int, list[Edit]] = defaultdict(list)
    for feature, found in zip(features, edits, strict=True):
        joined[feature["row"]] += found
    return [joined[row] for row in range(texts)]


def corrected(
    examples: Sequence[Example], proposals: Sequence[Sequence[Edit]]
) -> list[dict[str, Any]]:
    """Result rows with every proposal accepted."""
    return [
        correction_row(example["source"], select_edits(example["source"], proposed))
        for example, proposed in zip(examples, proposals, strict=True)
    ]


def score(
    examples: Sequence[Example], predictions: Sequence[dict[str, Any]], ignore_de: bool
) -> Any:
    """Result rows against the gold sentences."""
    return spelling_scores(
        [example["source"] for example in examples],
        [example["target"] for example in examples],
        [row["target"] for row in predictions],
        ignore_de=ignore_de,
    )
