"""Items of a run with the vectors that its model's head gets."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nlpcl.analysis.figures.kinds import LeftOut
from nlpcl.analysis.figures.sources import RunSource

Example = dict[str, Any]


@dataclass(frozen=True)
class Items:
    """Examples of a run.

    Args:
        examples: rows of the data.
        is_test: whether the model was not trained on it, for each.
        of: how many there were before sampling.
    """

    examples: list[Example]
    is_test: list[bool]
    of: int

    @property
    def sampling(self) -> str:
        """A sentence where not all are shown."""
        shown = len(self.examples)
        return f"A random sample of {shown} of {self.of} items. " if shown < self.of else ""


def items(run: RunSource, most: int, seed: int) -> Items:
    """The items to look at: the test set; for a study all clips, those tested by its model marked.

    Args:
        run: the run.
        most: items; more are sampled.
        seed: of the sample.

    Raises:
        UserError: the data cannot be read any more.
    """
    examples, is_test = run.examples
    chosen = list(range(len(examples)))
    if len(chosen) > most:
        chosen = sorted(random.Random(f"items:{seed}").sample(chosen, most))
    return Items([examples[at] for at in chosen], [is_test[at] for at in chosen], len(examples))


def encoded(run: RunSource, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Features of examples; each knows the number of its example as ``row``."""
    task = run.run.task
    if hasattr(task, "adopt"):
        task.adopt(run.run.model)
    return task.encode(examples)


def batch_tokens(run: RunSource, features: Sequence[dict[str, Any]]) -> int:
    """Tokens or frames a batch, as the task has it."""
    task = run.run.task
    return task.batch_size(features) if hasattr(task, "batch_size") else 4096


def embeddings(run: RunSource, examples: Sequence[Example]) -> tuple[np.ndarray, list[int]]:
    """Vectors ``(N, D)`` and the numbers of their examples; unreadable clips are left out.

    Raises:
        LeftOut: nothing to embed, or vectors that are not finite.
    """
    from nlpcl.training.inference import embed

    if not hasattr(run.run.model, "embed"):
        raise LeftOut(f"{run.record['model']} gives no embedding")
    features = encoded(run, examples)
    if not features:
        raise LeftOut("no item can be read")
    found = embed(
        run.run.model,
        run.run.task,
        features,
        precision="fp32",
        tokens=batch_tokens(run, features),
    )
    if not np.isfinite(found).all():
        raise LeftOut("some embeddings are not finite numbers")
    return found, [feature["row"] for feature in features]
