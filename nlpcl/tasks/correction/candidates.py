"""Which characters a correction may write, and where: Han for Han, in the text's own script.

Legend: ``V`` vocabulary, ``n`` places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from nlpcl.tasks.correction.judge import CANDIDATES, REACH, Judge
from nlpcl.tasks.correction.ties import WIDEST
from nlpcl.text.characters import is_han
from nlpcl.text.script import Script, forms

Gains = Callable[[Tensor, Tensor], Tensor]
"""What another model adds to scores: indices of places ``(m,)`` and ids of characters that may be
written there ``(m, K)`` → logarithms ``(m, K)``."""


class Candidates:
    """The Han characters of a vocabulary by script.

    In traditional text nothing is replaced by a character of simplified text alone, nor the other
    way round; a character of the other script (in a name, say) stays, and so does all text in which
    the scripts are mixed. No character is replaced by another form of itself (臺 by 台), which is
    no matter of spelling. Text that does not tell its script counts as simplified.

    Args:
        characters: id → token, for tokens of one character.
        size: ids of the vocabulary, ``V``.
    """

    def __init__(self, characters: Mapping[int, str], size: int) -> None:
        known = forms()
        foreign = {
            Script.EITHER: known.traditional,
            Script.SIMPLIFIED: known.traditional,
            Script.TRADITIONAL: known.simplified,
        }
        of_script = [[False] * size for _ in Script]
        family = [0] * size
        for index, character in characters.items():
            if is_han(character):
                family[index] = known.family.get(character, 0)
                for script, others in foreign.items():
                    of_script[script][index] = character not in others
        self.of_script = torch.tensor(of_script)
        self.family = torch.tensor(family)

    def others(self, written: Tensor, scripts: Tensor) -> Tensor:
        """What may be written instead of the characters at some places: ``(n, V)``.

        Args:
            written: ids of the characters that stand there, ``(n,)``.
            scripts: of the text around them, ``(n,)``.
        """
        of_script, families = self.of_script.to(written.device), self.family.to(written.device)
        family = families[written].unsqueeze(1)
        kin = (families == family) & (family > 0)
        others = of_script[scripts] & of_script[scripts, written].unsqueeze(1) & ~kin
        return others.scatter(1, written.unsqueeze(1), False)

    def shown(self, scores: Tensor, written: Tensor, scripts: Tensor) -> tuple[Tensor, Tensor]:
        """What decides at some places: scores, and what may be written instead, ``(n, V)`` each.

        Scores of Han characters that may not be written speak for the one that stands there: who
        would write 圆 does not object to 圓, and who would write 园 does not know the script.
        """
        others = self.others(written, scripts)
        is_han = self.of_script.any(0).to(written.device)
        own = scores.masked_fill(others | ~is_han, -torch.inf).amax(1, keepdim=True)
        return scores.scatter(1, written.unsqueeze(1), own), others

    def changes(
        self,
        scores: Tensor,
        written: Tensor,
        scripts: Tensor,
        judge: Judge | None = None,
        gains: Gains | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Where another character is better than the one that stands there, or nearly as good.

        Args:
            scores: of places, ``(n, V)``, or more columns where a vocabulary is padded.
            written: ids of Han characters that stand there, ``(n,)``.
            scripts: of the text around them, ``(n,)``.
            judge: decides between the characters, where there is one.
            gains: is asked about the likeliest of them.

        Returns:
            The places' indices, and what :meth:`best` gives for them, ``(m,)`` each.
        """
        scores = scores[:, : len(self.family)]  # a padded vocabulary has scores of no token
        # Only places that change, or nearly, are looked at more closely: they are few. amax is many
        # times faster than topk; what is written is left out of it for a moment, in place.
        column = written.unsqueeze(1)
        own = scores.gather(1, column)
        rival = scores.scatter_(1, column, -torch.inf).amax(1)
        scores.scatter_(1, column, own)
        least = own.squeeze(1) + (REACH if judge or gains else -WIDEST)
        near = (rival > least).nonzero().squeeze(1)
        close = scores[near].float()
        if gains is not None:
            others = self.others(written[near], scripts[near])
            found, ids = close.masked_fill(~others, -torch.inf).topk(CANDIDATES, 1)
            added = gains(near, ids).to(close)
            close.scatter_add_(1, ids, torch.where(found.isfinite(), added, 0.0))
        best, probability, lead = self.best(close, written[near], scripts[near], judge)
        kept = lead >= -WIDEST
        return near[kept], best[kept], probability[kept], lead[kept]

    def best(
        self, scores: Tensor, written: Tensor, scripts: Tensor, judge: Judge | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The best character to write instead of those at some places.

        Args:
            scores: vocabulary scores, ``(n, V)``.
            written: ids of Han characters that stand there, ``(n,)``.
            scripts: of the text around them, ``(n,)``.
            judge: decides between the characters, where there is one.

        Returns:
            Its id, its probability among the whole vocabulary (or the judge's, that it is right),
            and by how much its score (or the judge's logarithm) is above that of the next best,
            that written included: ``(n,)`` each. Where nothing else may be written, the probability
            is 0.
        """
        shown, others = self.shown(scores, written, scripts)
        if judge is not None:
            found = judge(shown, written, others)
            return found.best, found.probability, found.lead
        may_stand = others.scatter(1, written.unsqueeze(1), True)
        allowed = shown.masked_fill(~may_stand, -torch.inf)
        (first, second), (best, other) = (found.unbind(1) for found in allowed.topk(2))
        stays = best == written
        score = torch.where(stays, second, first)
        probability = (score - scores.logsumexp(1)).exp().clamp(max=1.0)
        lead = torch.where(stays, second - first, first - second)
        return torch.where(stays, other, best), probability, lead
