"""Scores of every span that a model of entities may take for one, the cells of its matrices.

Legend: ``B`` batch, ``C`` types, ``L`` tokens, ``N`` cells.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.figures.items import Items, items
from nlpcl.analysis.figures.kinds import LeftOut
from nlpcl.analysis.figures.sources import PRECISION
from nlpcl.metrics.spans import row_spans
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from nlpcl.nn.model import Batch
    from nlpcl.tasks.entities.task import Entities
    from nlpcl.training.inference import Feature

TASKS = ("entities",)
MOST_CELLS = 4_000_000
"""Cells that are looked at, of all types."""


@dataclass(frozen=True)
class Cells:
    """Cells of the span matrices of some texts; those of several windows are in one of them.

    Args:
        types: number of the type, ``(N,)``.
        first: first token in its window, the special token counted, ``(N,)``.
        last: last token there, ``(N,)``.
        scores: of the model, ``(N,)``.
        is_gold: whether the span is an entity of the type, ``(N,)``.
    """

    types: np.ndarray
    first: np.ndarray
    last: np.ndarray
    scores: np.ndarray
    is_gold: np.ndarray


def task_of(run: Run) -> Entities:
    """The task of a run of entities."""
    from nlpcl.tasks.entities.task import Entities

    assert isinstance(run.task, Entities)  # as the figures' tasks say
    return run.task


def texts_of(run: Run, most: int, seed: int) -> Items:
    """Test texts.

    Raises:
        LeftOut: none of them has an entity.
    """
    found = items(run, most, seed)
    if not any(row["entities"] for row in found.examples):
        raise LeftOut("no test text has an entity")
    return found


def some_features(run: Run, most: int, seed: int) -> tuple[list[Feature], Items]:
    """Windows of test texts, as many as ``MOST_CELLS`` allow, and the texts that they are of.

    Args:
        run: the run.
        most: texts; more are sampled.
        seed: of the sample.

    Raises:
        LeftOut: none of the texts has an entity.
    """
    task, found = task_of(run), texts_of(run, most, seed)
    order = list(range(len(found.examples)))
    random.Random(f"cells:{seed}").shuffle(order)
    kept: list[Feature] = []
    rows: list[int] = []
    cells = 0
    for row in order:
        features = task.encode([found.examples[row]])
        sizes = [len(feature["spans"]) for feature in features]
        cells += len(task.decision.types) * sum(size * (size + 1) // 2 for size in sizes)
        if kept and cells > MOST_CELLS:
            break
        kept += features
        rows.append(row)
    examples = [found.examples[row] for row in rows]
    return kept, replace(found, examples=examples, is_test=[found.is_test[row] for row in rows])


def cells_of(run: Run, features: Sequence[Feature]) -> Cells:
    """Score all cells of windows, in an order that is the same whenever it is called.

    Args:
        run: the run.
        features: windows, with ``labels`` where the rows have entities.
    """
    from nlpcl.training.inference import in_batches

    task, model = task_of(run), run.model

    def answer(batch: Batch, chosen: Sequence[Feature]) -> list[Cells]:
        # Labels would only add a loss.
        given = {name: values for name, values in batch.items() if name != "labels"}
        logits = model(**given).logits
        assert logits is not None
        scores = logits.float().cpu().numpy()
        return [
            window_cells(one, feature, task.reader.size)
            for one, feature in zip(scores, chosen, strict=True)
        ]

    tokens = task.batch_tokens(features)
    parts = in_batches(model, task, features, answer, precision=PRECISION, tokens=tokens)
    names = ("types", "first", "last", "scores", "is_gold")
    return Cells(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def window_cells(scores: np.ndarray, feature: Feature, size: int) -> Cells:
    """The cells of a window that belong to it.

    Args:
        scores: ``(C, L, L)``, -inf at impossible cells.
        feature: the window.
        size: tokens of a window at most.
    """
    from nlpcl.tasks.entities.windows import owner

    types, first, last = np.nonzero(np.isfinite(scores))
    if len(feature["windows"]) > 1:
        begin = feature["first"] - 1  # a special token stands before the first
        places = {
            (m, n): owner(begin + m, begin + n, feature["windows"], size) == feature["number"]
            for m, n in {*zip(first.tolist(), last.tolist(), strict=True)}
        }
        own = [places[place] for place in zip(first.tolist(), last.tolist(), strict=True)]
        types, first, last = types[own], first[own], last[own]
    gold = np.zeros(scores.shape, dtype=bool)
    for cell in feature.get("labels", ()):
        gold[cell] = True
    place = types, first, last
    small = [part.astype(np.int16) for part in place]
    return Cells(small[0], small[1], small[2], scores[place], gold[place])


def gold_types(examples: Sequence[Mapping[str, Any]], types: Sequence[str]) -> list[str]:
    """Types of a model, those with most entities in the texts first."""
    counts = dict.fromkeys(types, 0)
    for row in examples:
        for *_, name in row_spans(row["entities"]):
            if name in counts:
                counts[name] += 1
    return sorted(counts, key=lambda name: -counts[name])
