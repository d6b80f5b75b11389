"""Which characters a correction may write, and where: Han for Han, in the text's own script.

Legend: ``V`` vocabulary, ``n`` places.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from nlpcl.text.characters import is_han
from nlpcl.text.script import Script, forms


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
        self.of_script = torch.zeros(len(Script), size, dtype=torch.bool)
        self.family = torch.zeros(size, dtype=torch.long)
        for index, character in characters.items():
            if is_han(character):
                self.family[index] = known.family.get(character, 0)
                for script, others in foreign.items():
                    self.of_script[script, index] = character not in others

    def allowed(self, written: Tensor, scripts: Tensor) -> Tensor:
        """What may stand at some places: ``(n, V)``, the character itself always.

        Args:
            written: ids of the characters that stand there, ``(n,)``.
            scripts: of the text around them, ``(n,)``.
        """
        of_script = self.of_script.to(written.device)
        own = of_script[scripts, written].unsqueeze(1)
        others = of_script[scripts] & own & ~self.kin(written)
        return others.scatter(1, written.unsqueeze(1), True)

    def kin(self, written: Tensor) -> Tensor:
        """The other forms of the characters at some places, and they themselves: ``(n, V)``."""
        families = self.family.to(written.device)
        family = families[written].unsqueeze(1)
        kin = (families == family) & (family > 0)
        return kin.scatter(1, written.unsqueeze(1), True)

    def best(
        self, scores: Tensor, written: Tensor, scripts: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The best character but that written, of those allowed at some places.

        The character as written has the score of its best form: who would write 圆 agrees with 圓.

        Args:
            scores: vocabulary scores, ``(n, V)``.
            written: ids of the characters that stand there, ``(n,)``.
            scripts: of the text around them, ``(n,)``.

        Returns:
            Its id, its probability among the whole vocabulary, and by how much its score is above
            that of the next best, that written included: ``(n,)`` each. Where nothing else is
            allowed, the probability is 0.
        """
        own = scores.masked_fill(~self.kin(written), -torch.inf).amax(1, keepdim=True)
        allowed = scores.masked_fill(~self.allowed(written, scripts), -torch.inf)
        allowed = allowed.scatter(1, written.unsqueeze(1), own)
        (first, second), (best, other) = (found.unbind(1) for found in allowed.topk(2))
        stays = best == written
        score = torch.where(stays, second, first)
        probability = (score - scores.logsumexp(1)).exp().clamp(max=1.0)
        lead = torch.where(stays, second - first, first - second)
        return torch.where(stays, other, best), probability, lead
