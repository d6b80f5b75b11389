"""Items of a run with their embeddings, the vectors that its model's head receives."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nlpcl.analysis.figures.kinds import LeftOut
from nlpcl.runs.run import Run

Example = dict[str, Any]


@dataclass(frozen=True)
class Items:
    """Selected examples of a run.

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
        """A note if not all examples are shown."""
        shown = len(self.examples)
        return f"A random sample of {shown} of {self.of} items. " if shown < self.of else ""


def items(run: Run, most: int, seed: int) -> Items:
    """Select the items to plot: the test set, or for a study all clips.

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


def encoded(run: Run, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Encode examples; each feature has the index of its example as ``row``."""
    return run.task.encode(examples)


def embeddings(run: Run, examples: Sequence[Example]) -> tuple[np.ndarray, list[int]]:
    """Return vectors ``(N, D)`` and the indices of their examples, without unreadable clips.

    Raises:
        LeftOut: nothing to embed, or vectors that are not finite.
    """
    from nlpcl.nn.model import Embeds
    from nlpcl.training.inference import embed

    if not isinstance(run.model, Embeds):
        raise LeftOut(f"{run.record['model']} gives no embedding")
    features = encoded(run, examples)
    if not features:
        raise LeftOut("no item can be read")
    found = embed(
        run.model,
        run.task,
        features,
        precision="fp32",
        tokens=run.task.batch_tokens(features),
    )
    if not np.isfinite(found).all():
        raise LeftOut("some embeddings are not finite numbers")
    return found, [feature["row"] for feature in features]
