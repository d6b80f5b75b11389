"""Evaluation of a classifier's word attributions against the rationales of annotators."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from nlpcl.analysis.attribution import attributions, class_probabilities, targets
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Splits
from nlpcl.core.tables import Cell, Report, Table
from nlpcl.metrics import rationales
from nlpcl.runs.run import Run
from nlpcl.text.words import METHODS, Reading, read

RANDOM = "random"
MEASURES = {
    "comprehensiveness": "comprehensiveness",
    "sufficiency": "sufficiency",
    "comprehensiveness_aopc": "comprehensiveness, AOPC",
    "sufficiency_aopc": "sufficiency, AOPC",
    "token_f1": "token-F1",
    "iou_f1": "IOU-F1",
    "auprc": "AUPRC",
}
"""Names of the metrics in the table."""
TOKENS = 8192
"""Padded tokens a batch."""
NOTE = (
    "Comprehensiveness (higher is better) and sufficiency (lower is better): drop in the "
    "probability of the model's label, in points, when the heaviest {fraction:.0f} % of the words "
    "(the mean fraction that annotators marked) are removed, or all the others are; AOPC: mean "
    "over 1, 5, 10, 20 and 50 %. Token-F1, IOU-F1 and AUPRC: percent, against the marked words. "
    "random: random weights, the baseline."
)


def rationale_report(
    run: Run, splits: Splits, *, rows: int = 200, seed: int = 0, steps: int = 32
) -> tuple[Report, list[dict[str, Any]]]:
    """Measure faithfulness and agreement of each method, with random weights as baseline.

    Args:
        run: of a classifier of texts.
        splits: whose test rows may have ``rationale``, character spans.
        rows: how many of those that have one are looked at; drawn by ``seed``.
        seed: of the rows and of the random weights.
        steps: of integrated gradients.

    Returns:
        The table, and for each text its words, the marked ones and their weights by method.

    Raises:
        UserError: no test row has a rationale.
    """
    model, task, precision = run.model, run.task, run.precision
    marked = [row for part in splits.test.values() for row in part if row.get("rationale")]
    chosen = sorted(random.Random(seed).sample(range(len(marked)), min(rows, len(marked))))
    examples, readings, marks = readable(task, [marked[at] for at in chosen])
    if not examples:
        raise UserError(
            "no test row has words marked by annotators", "--explain", "HateXplain has them."
        )
    classes = targets(model, task, readings, None, precision, TOKENS)
    weights = {
        method: attributions(
            model, task, readings, classes, method=method, steps=steps, precision=precision
        )
        for method in METHODS
    }
    lengths = [len(reading.spans) for reading in readings]
    weights[RANDOM] = [row.tolist() for row in rationales.random_weights(lengths, seed)]
    fraction = rationales.mean_fraction(marks)
    drops = Drops(model, task, readings, classes, precision)
    metrics: dict[str, float] = {"n": float(len(examples)), "share": 100 * fraction}
    found_by: dict[str, dict[str, float]] = {}
    for method, values in weights.items():
        scores = rationales.faithfulness(values, fraction, drops.without, drops.alone)
        found = rationales.agreement(values, marks, fraction)
        scores |= {"token_f1": found.token_f1, "iou_f1": found.iou_f1, "auprc": found.auprc}
        metrics |= {f"{method}/{name}": value for name, value in scores.items()}
        found_by[method] = scores
    title = f"Explanations of {len(examples)} of {len(marked)} test texts with marked words"
    title += f", drawn with seed {seed}" if len(chosen) < len(marked) else ""
    title = f"{title}. {splits.protocol}".strip()
    cells: list[list[Cell]] = [
        [text, *(scores[name] for scores in found_by.values())] for name, text in MEASURES.items()
    ]
    note = NOTE.format(fraction=100 * fraction)
    table = Table("explanations", ["measure", *found_by], cells, title=title, note=note)
    return Report(metrics, [table]), word_rows(examples, readings, marks, weights)


def readable(
    task: Any, examples: Sequence[Example]
) -> tuple[list[Example], list[Reading], list[list[bool]]]:
    """Select the rows with a marked word within the input limit, with their words and marks."""
    kept: list[Example] = []
    readings: list[Reading] = []
    marks: list[list[bool]] = []
    for example in examples:
        reading = read(task, example["text"])
        words = rationales.marked_words(reading.spans, example["rationale"])
        if any(words):
            kept.append(example)
            readings.append(reading)
            marks.append(words)
    return kept, readings, marks


class Drops:
    """Drop in the probability of each text's class when words are removed or kept alone.

    Args:
        model: a classifier of texts.
        task: its task.
        readings: the texts.
        classes: class number of each.
        precision: fp32, bf16 or fp16.
    """

    def __init__(
        self,
        model: Any,
        task: Any,
        readings: Sequence[Reading],
        classes: Sequence[int],
        precision: str,
    ) -> None:
        self.model, self.task, self.precision = model, task, precision
        self.readings, self.classes = readings, classes
        self.whole = self.probabilities([reading.ids for reading in readings])

    def probabilities(self, rows: Sequence[Sequence[int]]) -> list[float]:
        """Probability of each text's class, for rows of token ids."""
        found = class_probabilities(
            self.model, self.task, rows, precision=self.precision, tokens=TOKENS
        )
        return found[range(len(rows)), list(self.classes)].tolist()

    def without(self, words: Sequence[Sequence[int]]) -> list[float]:
        """Drop when the given words are removed."""
        pairs = zip(self.readings, words, strict=True)
        return self.drops([reading.without(gone) for reading, gone in pairs])

    def alone(self, words: Sequence[Sequence[int]]) -> list[float]:
        """Drop when only the given words are kept."""
        rows = []
        for reading, kept in zip(self.readings, words, strict=True):
            staying = set(kept)
            rows.append(
                reading.without([at for at in range(len(reading.spans)) if at not in staying])
            )
        return self.drops(rows)

    def drops(self, rows: Sequence[Sequence[int]]) -> list[float]:
        """Drop for rows of token ids, relative to the whole texts."""
        found = self.probabilities(rows)
        return [before - after for before, after in zip(self.whole, found, strict=True)]


def word_rows(
    examples: Sequence[Example],
    readings: Sequence[Reading],
    marks: Sequence[Sequence[bool]],
    weights: Mapping[str, Sequence[Sequence[float]]],
) -> list[dict[str, Any]]:
    """Build one row per text, with its words, marks and weights, for ``--output``."""
    rows = []
    for number, (example, reading) in enumerate(zip(examples, readings, strict=True)):
        row = {key: example.get(key) for key in ("id", "text", "label")}
        row["words"] = [
            {
                "start": start,
                "end": end,
                "marked": marks[number][word],
                **{method: round(values[number][word], 6) for method, values in weights.items()},
            }
            for word, (start, end) in enumerate(reading.spans)
        ]
        rows.append(row)
    return rows
