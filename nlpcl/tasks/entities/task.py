"""Entities: windows of tokens, decoding of spans, scores, predictions.

Legend: ``B`` batch, ``L`` tokens, ``C`` types, ``G`` entities.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from torch import Tensor

from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Splits
from nlpcl.core.tables import Report
from nlpcl.metrics.consistency import consistency
from nlpcl.metrics.spans import row_spans, surface_forms
from nlpcl.nn.dropout import dropping_out
from nlpcl.nn.model import Batch, Output, ZooConfig, ZooModel
from nlpcl.tasks.baselines import Baseline
from nlpcl.tasks.entities import baseline
from nlpcl.tasks.entities.calibration import Decision, fitted_decision
from nlpcl.tasks.entities.config import EntityOptions
from nlpcl.tasks.entities.decoding import Candidate, Entity, Placed, candidates, without_overlaps
from nlpcl.tasks.entities.output import LAYOUT, remarks, result_row
from nlpcl.tasks.entities.reading import WindowReader
from nlpcl.tasks.entities.report import entity_report
from nlpcl.tasks.protocol import Notes, Task
from nlpcl.text.encoders import input_limit
from nlpcl.text.segments import bounded
from nlpcl.text.writing import Layout
from nlpcl.training.inference import TOKENS, Feature, infer

LOOKED_AT = 500
"""Texts that are looked at where all would take long."""
MOST_UNEXPRESSED = 0.5
"""Fraction of entities that tokens cannot express from which an encoder is refused."""
CELLS = 1 << 23
"""Cells of the span matrices of a batch of inference, 32 MiB of them."""


class Entities(Task):
    """Spans of a text with a type.

    Attributes:
        known: surface forms of the training rows; None where they are not at hand.
    """

    def __init__(self, processor: Any, config: Any, model_config: ZooConfig) -> None:
        self.processor, self.config, self.model_config = processor, config, model_config
        size = input_limit(model_config.backbone, config.max_length) - 2
        self.reader = WindowReader(processor, size, config.overlap)
        self.known: frozenset[str] | None = None
        self.epoch = 0

    @classmethod
    def facts(cls, splits: Splits, config: RunConfig) -> dict[str, Any]:
        """The types of the training rows, the most frequent first.

        Raises:
            UserError: there are no entities.
        """
        counts = Counter(one["type"] for row in splits.train for one in row["entities"])
        if not counts:
            what = f"none of {len(splits.train)} training rows has an entity"
            raise UserError(what, f"--data {config.data}", "Give rows with entities.")
        return {"types": [name for name, _ in counts.most_common()]}

    @property
    def decision(self) -> Decision:
        """What a score means; training may fit it."""
        return Decision.of_model(self.model_config)

    def begin(self, train: Sequence[Example]) -> None:
        """Note the surface forms of the training rows, and refuse an encoder that sees too few.

        Raises:
            UserError: its tokens express hardly any of the entities.
        """
        rows = [(row["text"], row_spans(row["entities"])) for row in train]
        self.known = frozenset(surface_forms(*zip(*rows, strict=True)))
        some = [row for row in train if row["entities"]][:LOOKED_AT]
        total = sum(len(row["entities"]) for row in some)
        if total and len(self.reader.unexpressed(some)) > MOST_UNEXPRESSED * total:
            raise UserError(
                "its tokens can express fewer than half of the entities of the training texts",
                "--backbone",
                "Use an encoder of the texts' language, or builtin.",
            )

    def encode(self, examples: Sequence[Example]) -> list[Feature]:
        """A feature a window; rows with entities have the cells of those that lie in it."""
        numbers = {name: at for at, name in enumerate(self.decision.types)}
        return list(self.reader.features(examples, numbers))

    def collate(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Padded ids and masks ``(B, L)``; entities ``(B, G, 3)`` where features have them."""
        return self.reader.collate(features)

    def collate_training(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Batch of windows, packed or not; which depends on seed, epoch and rows alone."""
        key = f"{self.config.seed}:{self.epoch}:{','.join(str(row['row']) for row in features)}"
        is_packed = random.Random(key).random() < self.config.pack
        return self.collate(self.reader.packed(features) if is_packed else features)

    def set_epoch(self, epoch: int) -> None:
        """Other batches are packed in each epoch."""
        self.epoch = epoch

    def batch_tokens(self, features: Sequence[Feature]) -> int:
        """Fewer tokens where their spans are many."""
        longest = max((len(feature["input_ids"]) for feature in features), default=1)
        types = max(len(self.decision.types), 1)
        return max(longest, min(TOKENS, CELLS // (types * longest)))

    def decode(
        self, output: Output, batch: Batch, features: Sequence[Feature]
    ) -> list[list[Candidate]]:
        """The candidates of each window."""
        assert output.logits is not None
        return candidates(output.logits, [len(feature["input_ids"]) for feature in features])

    def infer(
        self, model: ZooModel, features: Sequence[Feature], precision: str
    ) -> tuple[list[list[Candidate]], dict[str, float]]:
        """Candidates of each window, and with labels the losses."""
        tokens = self.batch_tokens(features)
        return infer(model, self, features, precision=precision, tokens=tokens)

    def decided(
        self,
        texts: Sequence[Sequence[Placed]],
        *,
        threshold: float | None = None,
        flat: bool = False,
    ) -> list[list[Entity]]:
        """The entities of each text, by their places.

        Args:
            texts: candidates of each text.
            threshold: instead of the model's.
            flat: of entities that overlap, keep the best.
        """
        decision = self.decision
        entities: list[list[Entity]] = []
        for listed in texts:
            found = [
                Entity(
                    start,
                    end,
                    decision.types[one.type],
                    one.score,
                    decision.probability(one.score),
                )
                for start, end, one in sorted(listed, key=lambda c: (c[0], -c[1], c[2].type))
                if one.score > (decision.threshold(one.type) if threshold is None else threshold)
            ]
            entities.append(without_overlaps(found) if flat else found)
        return entities

    def dev_scores(
        self, model: ZooModel, features: Sequence[Feature], precision: str
    ) -> dict[str, float]:
        """Loss and exact micro F1; ``selection`` is F1, then the loss."""
        texts, examples, loss = self.labelled(model, features, precision)
        predicted = [{one.span for one in found} for found in self.decided(texts, flat=self.flat)]
        gold = [row_spans(example["entities"]) for example in examples]
        hits = sum(len(one & other) for one, other in zip(predicted, gold, strict=True))
        total = sum(map(len, predicted)) + sum(map(len, gold))
        f1 = 200.0 * hits / max(total, 1)
        return {"loss": loss, "f1": f1, "selection": f1 - min(loss, 100.0) / 1000.0}

    @property
    def flat(self) -> bool:
        """Whether entities may not overlap."""
        return self.config.flat

    def labelled(
        self, model: ZooModel, features: Sequence[Feature], precision: str
    ) -> tuple[list[list[Placed]], list[Example], float]:
        """Candidates of each dev text, the texts, and the loss."""
        found, losses = self.infer(model, features, precision)
        by_row = {feature["row"]: feature["example"] for feature in features}
        numbers = {row: at for at, row in enumerate(by_row)}
        renumbered = [{**feature, "row": numbers[feature["row"]]} for feature in features]
        texts = self.reader.joined(renumbered, found, len(by_row))
        return texts, list(by_row.values()), losses["loss"]

    def after_training(self, model: ZooModel, features: Sequence[Feature], precision: str) -> None:
        """Fit probabilities, and thresholds if asked to, on the dev set; they join the model."""
        texts, examples, _ = self.labelled(model, features, precision)
        gold = [row_spans(example["entities"]) for example in examples]
        types, tune = self.decision.types, self.config.tune_threshold
        saved: Any = model.config
        saved.decision = fitted_decision(types, texts, gold, tune_threshold=tune).saved()

    def evaluate(
        self, model: ZooModel, examples: Sequence[Example], precision: str, title: str
    ) -> tuple[Report, list[dict[str, Any]]]:
        """Scores, lists of faults, and one prediction row a text."""
        features = self.encode([{"text": example["text"]} for example in examples])
        found, _ = self.infer(model, features, precision)
        entities = self.decided(self.reader.joined(features, found, len(examples)), flat=self.flat)
        windows = Counter(feature["row"] for feature in features)
        rows = [
            {
                "id": example.get("id"),
                "gold": [
                    {"start": start, "end": end, "type": name}
                    for start, end, name in sorted(row_spans(example["entities"]))
                ],
                **result_row(example["text"], one, windows[row]),
                **{name: example[name] for name in ("group", "language") if name in example},
            }
            for row, (example, one) in enumerate(zip(examples, entities, strict=True))
        ]
        report = entity_report(
            rows, title, self.known, self.reader.unexpressed(examples), self.decision
        )
        return report, rows

    def examine(self, model: ZooModel, splits: Splits, precision: str) -> Report:
        """How far two passes with dropout agree, on texts of the first test set, else of dev."""
        rows = next(iter(splits.test.values()), splits.dev)[:LOOKED_AT]
        if not rows:
            return Report()
        features = self.encode([{"text": row["text"]} for row in rows])
        with dropping_out(model):
            passes = [self.infer(model, features, precision)[0] for _ in range(2)]
        first, second = (
            [
                [one.span for one in found]
                for found in self.decided(
                    self.reader.joined(features, one, len(rows)), flat=self.flat
                )
            ]
            for one in passes
        )
        found = consistency(first, second)
        table = found.table("Agreement of two passes with dropout")
        return Report(found.as_metrics(), [table])

    def baseline(self, splits: Splits) -> Baseline | None:
        """The dictionary of the training entities."""
        found = baseline.rows(splits.train, list(splits.test.values()))
        return Baseline(baseline.NAME, dict(zip(splits.test, found, strict=True)))

    def stream(
        self,
        model: ZooModel,
        items: Iterable[str],
        *,
        precision: str,
        options: EntityOptions,
        notes: Notes,
    ) -> Iterator[dict[str, Any]]:
        """Entities of texts: lines, long passages, blanks.

        The notes count ``texts``: all of them, and those read in several ``windows``.

        Yields:
            ``{"text", "entities": [{"start", "end", "type", "score", "probability", "text"}],
            "windows"}``.

        Raises:
            UserError: a text is too long, and ``options.on_long`` is ``error``.
        """
        counts = notes["texts"]
        for chunk in bounded(items, len, most=options.chunk_size):
            features = self.encode([{"text": text} for text in chunk])
            windows = Counter(feature["row"] for feature in features)
            if options.on_long == "error":
                self.reader.refuse_long(features, counts["all"])
            found, _ = self.infer(model, features, precision)
            texts = self.reader.joined(features, found, len(chunk))
            flat = self.flat if options.flat is None else options.flat
            entities = self.decided(texts, threshold=options.threshold, flat=flat)
            for row, (text, one) in enumerate(zip(chunk, entities, strict=True)):
                counts["all"] += 1
                counts["windows"] += windows[row] > 1
                yield result_row(text, one, windows[row])

    def layout(self, *, explained: bool = False) -> Layout:
        """Text and entities."""
        return LAYOUT

    def remarks(self, notes: Notes) -> list[str]:
        """How many texts were read in windows."""
        return remarks(notes["texts"], self.reader.size)
