"""How probable it is that a change is right: a small judge of an encoder's scores, fitted to it.

The probability that an encoder gives a character was learnt from text with many errors, and says
nothing of how people come to write another. The judge is a conditional logit over the character as
written and the likeliest ones to write instead: ``p(c) = exp(w·f(c)) / (1 + Σ exp(w·f(c')))``, the
one written having the score 0. It is fitted by ``tools/fit_judge.py``, which tells on what.

Legend: ``n`` places, ``V`` vocabulary, ``K`` candidates, ``F`` features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypedDict

import torch
from torch import Tensor

from nlpcl.core.errors import UserError
from nlpcl.core.json_files import read_json
from nlpcl.nn.int8 import REINSTALL
from nlpcl.text.kinship import kinship

FILE = "judge.json"
LEAST = 0.02
"""A place is judged if the encoder gives another character at least this probability."""
REACH = math.log(LEAST)
"""At such a place the score of that character is above that of the written one, plus this."""
CANDIDATES = 5
FEATURES = (
    "one",
    "odds",
    "candidate",
    "doubt",
    "first",
    "entropy",
    "rank",
    "same_sound",
    "near_sound",
    "shape",
    "sound_and_shape",
)
"""Of a candidate: 1; log p(candidate) - log p(written); log p(candidate); log(1 - p(written));
whether it is the likeliest; the entropy of the place; log(1 + how many others are likelier than the
written one); what the two characters have in common."""


OTHER = "has other features than this version"
ANEW = "Train the model anew."


class Saved(TypedDict):
    """The file's content: the checksum of the encoder's weights, and the judge's."""

    encoder: str
    weights: dict[str, float]


@dataclass(frozen=True)
class Judged:
    """Places with the best characters to write there.

    Args:
        best: id of the character, ``(n,)``.
        probability: that it is right, ``(n,)``; 0 at places that are not judged.
        lead: its log p above that of the next best, keeping what is written included, ``(n,)``.
    """

    best: Tensor
    probability: Tensor
    lead: Tensor


@dataclass(frozen=True)
class Judge:
    """The fitted judge.

    Args:
        weights: of :data:`FEATURES`.
        characters: id → character.
    """

    weights: Mapping[str, float]
    characters: Mapping[int, str]

    @classmethod
    def read(cls, folder: Path, characters: Mapping[int, str]) -> Judge | None:
        """The judge in an encoder's folder; None where it has none.

        Raises:
            UserError: the file is damaged, or of another version.
        """
        path = folder / FILE
        if not path.is_file():
            return None
        weights = read_json(path, Saved)["weights"]
        if weights.keys() != set(FEATURES):
            raise UserError(OTHER, path, REINSTALL)
        return cls(weights, characters)

    @classmethod
    def of(cls, saved: object, characters: Mapping[int, str]) -> Judge:
        """The judge whose weights are kept in a model's configuration.

        Raises:
            UserError: they are no such weights.
        """
        if not isinstance(saved, Mapping) or saved.keys() != set(FEATURES):
            raise UserError(OTHER, "config.json: judge", ANEW)
        if not all(isinstance(value, float | int) for value in saved.values()):
            raise UserError("holds weights that are no numbers", "config.json: judge", ANEW)
        return cls(saved, characters)

    @cached_property
    def vector(self) -> Tensor:
        """The weights, ``(F,)``."""
        return torch.tensor([self.weights[name] for name in FEATURES])

    def __call__(self, scores: Tensor, written: Tensor, others: Tensor) -> Judged:
        """Judge places.

        Args:
            scores: vocabulary scores in fp32, ``(n, V)``.
            written: ids that stand there, ``(n,)``.
            others: what may be written instead, ``(n, V)``.
        """
        judged, ids, features = self.features(scores, written, others)
        weighed = features @ self.vector.to(scores)
        stay = weighed.new_zeros(len(weighed), 1)
        logs = torch.cat([weighed, stay], 1).log_softmax(1)  # (n, K + 1)
        log, chosen = logs[:, :-1].max(1)
        rivals = logs.scatter(1, chosen.unsqueeze(1), -torch.inf).amax(1)
        return Judged(
            ids.gather(1, chosen.unsqueeze(1)).squeeze(1),
            torch.where(judged, log.exp(), 0.0),
            torch.where(judged, log - rivals, -torch.inf),
        )

    def features(
        self, scores: Tensor, written: Tensor, others: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What the judge looks at.

        Returns:
            Whether a place is judged, ``(n,)``; ids of the candidates, ``(n, K)``; their features,
            ``(n, K, F)``.
        """
        logs = scores.log_softmax(1)
        own = logs.gather(1, written.unsqueeze(1))
        allowed = logs.masked_fill(~others, -torch.inf)
        found, ids = allowed.topk(CANDIDATES, 1)
        # Where fewer may be written, the rest stays out of sight.
        found = found.clamp(min=torch.finfo(found.dtype).min / 1e6)
        entropy = -(logs.exp() * logs).sum(1, keepdim=True)
        rank = (allowed > own).sum(1, keepdim=True).to(logs).log1p()
        first = torch.zeros_like(found)
        first[:, 0] = 1
        columns = [
            torch.ones_like(found),
            found - own,
            found,
            torch.log1p(-own.exp().clamp(max=1 - 1e-6)).expand_as(found),
            first,
            entropy.expand_as(found),
            rank.expand_as(found),
        ]
        kin = self.kin(written, ids).to(found)  # (n, K, 4)
        judged = found[:, 0] >= REACH
        return judged, ids, torch.cat([torch.stack(columns, -1), kin], -1)

    def kin(self, written: Tensor, ids: Tensor) -> Tensor:
        """What the candidates have in common with what is written, ``(n, K, 4)``."""
        known = kinship()
        rows = []
        for own, others in zip(written.tolist(), ids.tolist(), strict=True):
            found = [
                known.of(self.characters[own], self.characters.get(other, "")) for other in others
            ]
            rows.append([[*kin, kin.shape and any(kin[:2])] for kin in found])
        return torch.tensor(rows, dtype=torch.float32).reshape(*ids.shape, 4).to(ids.device)
