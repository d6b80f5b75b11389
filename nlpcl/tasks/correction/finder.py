"""Where a model would write another character: from its scores to edits of a text.

Legend: ``B`` batch, ``L`` tokens, ``V`` vocabulary, ``n`` places, ``K`` candidates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import torch
from torch import Tensor

from nlpcl.core.errors import UserError
from nlpcl.nn.model import Batch, ZooModel
from nlpcl.nn.vocabulary import ScoresPlaces
from nlpcl.tasks.correction.candidates import Candidates
from nlpcl.tasks.correction.edits import Edit
from nlpcl.tasks.correction.judge import Judge
from nlpcl.tasks.correction.language_model import LanguageModel
from nlpcl.text.characters import is_han
from nlpcl.text.encoders import CharacterIds
from nlpcl.training.inference import Feature

CHINESE = "Use a Chinese encoder such as hfl/chinese-macbert-base, or builtin."


class Finder:
    """Finds edits: Han for Han, in the script of the text.

    Args:
        ids: of the encoder's vocabulary.

    Raises:
        UserError: it holds no Han characters.
    """

    def __init__(self, ids: CharacterIds) -> None:
        self.ids = ids
        han = [index for index, text in ids.characters.items() if is_han(text)]
        if not han:
            raise UserError("its vocabulary holds no single Han characters", "--backbone", CHINESE)
        self.is_candidate = torch.zeros(max(ids.vocabulary.values()) + 1, dtype=torch.bool)
        self.is_candidate[han] = True
        self.candidates = Candidates(ids.characters, len(self.is_candidate))
        self.judge: Judge | None = None

    def replaceable(self, batch: Batch) -> Tensor:
        """True at characters that may be replaced, ``(B, L)``: Han of the vocabulary."""
        written = batch["input_ids"]
        return self.is_candidate.to(written.device)[written]

    def changes(
        self,
        model: ZooModel,
        batch: Batch,
        features: Sequence[Feature],
        lm: LanguageModel | None = None,
    ) -> list[list[Edit]]:
        """What a model would write instead of each row, from its scores at Han characters alone."""
        places = self.replaceable(batch)
        if isinstance(model, ScoresPlaces):
            scores = model.scores_at(batch["input_ids"], batch["attention_mask"], places)
        else:
            scores = [model(**batch).logits[places]]
        return self.edits(scores, places, batch, features, lm)

    def edits(
        self,
        pieces: Iterable[Tensor],
        places: Tensor,
        batch: Batch,
        features: Sequence[Feature],
        lm: LanguageModel | None = None,
    ) -> list[list[Edit]]:
        """The edits of each row.

        Args:
            pieces: scores of consecutive places, ``(n, V)``.
            places: True at characters that may be replaced, ``(B, L)``.
            batch: with what is written.
            features: its rows.
            lm: a language model that has its say.
        """
        written, at = batch["input_ids"][places], places.nonzero()
        script = torch.tensor([one["script"] for one in features], device=at.device)[at[:, 0]]
        edits: list[list[Edit]] = [[] for _ in features]
        start = 0
        for scores in pieces:
            here = slice(start, start + len(scores))
            start += len(scores)
            gains = None if lm is None else partial(self.gains, lm, at[here], features)
            where, *found = self.candidates.changes(
                scores, written[here], script[here], self.judge, gains
            )
            for (row, column), new, probability, lead in zip(
                at[here][where].tolist(), *(values.tolist() for values in found), strict=True
            ):
                position = features[row]["positions"][column - 1]
                wrong = features[row]["characters"][column - 1]
                right = self.ids.characters[new]
                edits[row].append(Edit(position, wrong, right, probability, lead))
        return edits

    def gains(
        self,
        lm: LanguageModel,
        at: Tensor,
        features: Sequence[Feature],
        places: Tensor,
        others: Tensor,
    ) -> Tensor:
        """What a language model adds to scores, ``(m, K)``.

        Args:
            lm: the language model.
            at: row and column of the places, ``(n, 2)``.
            features: the rows.
            places: those that matter, ``(m,)``.
            others: ids that may be written there, ``(m, K)``.
        """
        found = [
            lm.gains(
                features[row]["characters"],
                column - 1,
                [self.ids.characters.get(index, "") for index in ids],
            )
            for (row, column), ids in zip(at[places].tolist(), others.tolist(), strict=True)
        ]
        return torch.tensor(found, device=others.device).reshape(others.shape)
