"""A language model of characters beside a corrector: what it finds likelier in the text around.

It is a file of n-grams, ARPA or binary, which the ``kenlm`` package reads (Heafield 2011), of
characters divided by blanks. A change gets ``weight · (log p(text changed) - log p(text as
written))`` on top of the corrector's own score, as in the shallow fusion of speech recognition.

Legend: ``n`` places, ``K`` characters that may be written there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from nlpcl.core.errors import UserError

AROUND = 6
"""Characters before and after a change that the model looks at."""
COMMON = "的一是不我"
"""A model of Chinese characters knows them."""
HOW = "Give an ARPA file or a KenLM binary of characters divided by blanks."


class Scorer(Protocol):
    """What is needed of ``kenlm.Model``."""

    def __contains__(self, word: str) -> bool: ...

    def score(self, sentence: str, bos: bool = True, eos: bool = True) -> float:
        """Decimal logarithm of the probability of words divided by blanks."""
        ...


@dataclass(frozen=True)
class LanguageModel:
    """A language model with the weight of its word.

    Args:
        model: of n-grams.
        weight: λ above 0.
    """

    model: Scorer
    weight: float

    @classmethod
    def read(cls, path: Path, weight: float) -> LanguageModel:
        """Open a file.

        Raises:
            UserError: the kenlm package is missing, or the file is none of its, damaged, or a model
                of words.
        """
        try:
            import kenlm  # noqa: F401  # pyright: ignore[reportMissingModuleSource]
        except ImportError as error:
            how = "Install it, with a C++ compiler at hand: pip install kenlm."
            raise UserError("needs the kenlm package", "--lm", how) from error
        if not path.is_file():
            raise UserError("is no file", path, HOW)
        status = path.stat()
        model = opened(path, status.st_mtime_ns, status.st_size)
        if not all(character in model for character in COMMON):
            raise UserError("is no language model of Chinese characters", path, HOW)
        return cls(model, weight)

    def gains(self, characters: Sequence[str], place: int, others: Sequence[str]) -> list[float]:
        """What others than the character written at a place get; 0 for what the model lacks.

        Args:
            characters: of the sentence.
            place: index of the character.
            others: characters to write there, ``K`` of them.
        """
        start = max(0, place - AROUND)
        before, after = characters[start:place], characters[place + 1 : place + 1 + AROUND]
        ends = {"bos": start == 0, "eos": place + 1 + AROUND >= len(characters)}
        written = characters[place]
        if written not in self.model:
            return [0.0] * len(others)

        def score(character: str) -> float:
            return self.model.score(" ".join([*before, character, *after]), **ends)

        base = score(written)
        factor = self.weight * math.log(10)
        return [factor * (score(one) - base) if one in self.model else 0.0 for one in others]


@lru_cache(maxsize=1)
def opened(path: Path, changed: int, size: int) -> Scorer:
    """The model in a file: read once, though options are checked before they are used.

    Args:
        path: of the file.
        changed: when it was, so that another file of the name is read anew.
        size: in bytes, for the same.
    """
    import kenlm  # pyright: ignore[reportMissingModuleSource]

    settings = kenlm.Config()
    settings.show_progress = False
    settings.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        return kenlm.Model(str(path), settings)
    except (OSError, RuntimeError, ValueError) as error:
        what = f"cannot be read as a language model: {reason(str(error))}"
        raise UserError(what, path, HOW) from error


def reason(message: str) -> str:
    """What kenlm says, without its source lines: ``Cannot read model 'x' (lm/a.cc:65 in ...)``."""
    inner = message.partition(" (")[2].removesuffix(")") or message
    sentence = inner.split(" threw ")[-1].partition(". ")[2] if " threw " in inner else inner
    return " ".join((sentence or inner).split()).rstrip(".")
