"""States of characters before and after training.

Legend: ``L`` characters, ``H`` hidden size, ``N`` states.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nlpcl.analysis.figures.embeddings import silhouette
from nlpcl.analysis.figures.items import Example
from nlpcl.analysis.figures.kinds import LeftOut
from nlpcl.runs.run import Run

BATCH = 16
"""Pairs of sentences read together."""
MOST_PAIRS = 1500
"""Right characters whose distances give the uniformity."""


@dataclass(frozen=True)
class State:
    """The state of a character at its place in a sentence.

    Args:
        written: the character as written; right: the right one.
        wrong_state: its state in the sentence as written, ``(H,)``.
        right_state: that of the right character in the right sentence, ``(H,)``.
    """

    written: str
    right: str
    wrong_state: np.ndarray
    right_state: np.ndarray

    @property
    def is_wrong(self) -> bool:
        """Whether the character is an error."""
        return self.written != self.right


@dataclass(frozen=True)
class Pair:
    """A sentence as written and as corrected.

    Args:
        written: its characters; right: those of the right sentence.
        states: ``(L, H)``; right_states: ``(L, H)``.
    """

    written: list[str]
    right: list[str]
    states: np.ndarray
    right_states: np.ndarray

    def errors(self) -> int:
        """Number of wrong characters."""
        return sum(old != new for old, new in zip(self.written, self.right, strict=True))

    def cosines(self) -> np.ndarray:
        """Cosine similarity of every written with every right character, ``(L, L)``."""
        return normalised(self.states) @ normalised(self.right_states).T


def normalised(states: np.ndarray) -> np.ndarray:
    """Scale vectors to unit length; a zero vector stays."""
    lengths = np.linalg.norm(states, axis=-1, keepdims=True)
    return states / np.maximum(lengths, 1e-12)


def models(run: Run) -> dict[str, Any]:
    """Return the run's initial encoder and its trained model."""
    from nlpcl.nn.devices import on_device
    from nlpcl.runs.build import build_for_text
    from nlpcl.zoo.sdcl.model import SDCL

    if not isinstance(run.model, SDCL):
        raise LeftOut(f"{run.record['model']} shows no states of characters")
    before, _ = build_for_text(run.entry, run.config, {})
    return {"before": on_device(before, run.machine.device).eval(), "after": run.model}


def read_pairs(run: Run, examples: Sequence[Example]) -> dict[str, list[Pair]]:
    """Compute the states of sentences by both models."""
    import torch

    task = run.task
    features = readable(task, examples)
    found: dict[str, list[Pair]] = {}
    for name, model in models(run).items():
        device = next(model.parameters()).device
        pairs: list[Pair] = []
        for start in range(0, len(features), BATCH):
            part = features[start : start + BATCH]
            batch = task.collate([feature for pair in part for feature in pair])
            with torch.inference_mode():
                states = model.encode(
                    batch["input_ids"].to(device), batch["attention_mask"].to(device)
                )
            values = states.float().cpu().numpy()
            for row, (old, new) in enumerate(part):
                ends = slice(1, len(old["input_ids"]) - 1)
                both = values[2 * row, ends], values[2 * row + 1, ends]
                pairs.append(Pair(old["characters"], new["characters"], *both))
        found[name] = pairs
    return found


def readable(task: Any, examples: Sequence[Example]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Encode texts as written and as corrected, sentence by sentence, those of equal length."""
    found = []
    for example in examples:
        old = task.encode_text(example["source"], 0)
        new = task.encode_text(example["target"], 0)
        if len(old) == len(new):
            pairs = zip(old, new, strict=True)
            found += [pair for pair in pairs if len({len(one["input_ids"]) for one in pair}) == 1]
    if not found:
        raise LeftOut("no test sentence can be read by the model")
    return found


def states_of(run: Run, examples: Sequence[Example]) -> dict[str, list[State]]:
    """Return the states of all characters, by model."""
    return {
        name: [
            State(*cells)
            for pair in pairs
            for cells in zip(pair.written, pair.right, pair.states, pair.right_states, strict=True)
        ]
        for name, pairs in read_pairs(run, examples).items()
    }


def pair_of(run: Run, example: Example) -> dict[str, Pair]:
    """Return the sentence of a text with the most errors, by both models."""
    return {
        name: max(pairs, key=lambda pair: pair.errors())
        for name, pairs in read_pairs(run, [example]).items()
    }


def cosines(states: Sequence[State]) -> np.ndarray:
    """Cosine similarity of each wrong character with the right one in its place."""
    wrong = [state for state in states if state.is_wrong]
    first = normalised(np.stack([state.wrong_state for state in wrong]))
    second = normalised(np.stack([state.right_state for state in wrong]))
    return (first * second).sum(-1)


def measures(states: Sequence[State]) -> dict[str, float]:
    """Compute the mean ``cosine``, ``alignment``, ``uniformity`` and ``silhouette``.

    Alignment and uniformity are those of Wang and Isola 2020 (arXiv 2005.10242): the mean squared
    distance of pairs, and log mean exp(-2 d²) of distances d between different right characters'
    states, both on the unit sphere. The silhouette is that of right and wrong states by the right
    character; NaN where no character comes twice.
    """
    from scipy.spatial.distance import pdist

    similar = cosines(states)
    right = normalised(np.stack([state.right_state for state in states]))[:MOST_PAIRS]
    distances = pdist(right, "sqeuclidean")
    uniformity = float(np.log(np.exp(-2 * distances).mean())) if len(distances) else float("nan")
    wrong = [state for state in states if state.is_wrong]
    confused = {state.right for state in wrong}
    shown = [state for state in states if state.right in confused]
    vectors = np.stack([s.right_state for s in shown] + [s.wrong_state for s in wrong])
    score = silhouette(vectors, [s.right for s in shown] + [s.right for s in wrong])
    return {
        "cosine": float(similar.mean()),
        "alignment": float((2 - 2 * similar).mean()),
        "uniformity": uniformity,
        "silhouette": float("nan") if score is None else score,
    }
