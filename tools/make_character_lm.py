"""Count a language model of characters for ``nlpcl predict spelling --lm FILE``.

python tools/make_character_lm.py --data-root DIR --out FILE.arpa [--sources laws,...] [--least 2]

A trigram model of ``zh_text`` with interpolated Kneser-Ney smoothing (Kneser and Ney 1995), one
discount an order, in the ARPA format: characters divided by blanks, a line as a sentence. Trigrams
that are rarer than ``--least`` give what they had to the bigrams. Lines held out by
``tools/prepare_text_encoder.py`` are not counted. For other orders and big corpora there is
KenLM's ``lmplz``.

Legend: ``n`` tokens of the text, ``G`` different n-grams.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from prepare_text_encoder import GROUPS, HELD_OUT, digest

from nlpcl.core.files import atomic_file
from nlpcl.data.zh_text import SUFFIX, read_packed

ORDER = 3
RARE = 5
"""Characters that are rarer are unknown."""
UNKNOWN, BEGIN, END = 0, 1, 2
MARKS = ("<unk>", "<s>", "</s>")
BITS = 20
"""Of an id, in the number that stands for an n-gram."""
NEVER = -99.0
"""The logarithm of a probability of 0, as ARPA files write it."""


def lines(root: Path, sources: Sequence[str]) -> Iterator[str]:
    """What is not held out."""
    for path in sorted((root / "zh_text").glob(f"*{SUFFIX}")):
        name = path.name.removesuffix(SUFFIX)
        if sources and name not in sources:
            continue
        every = HELD_OUT[GROUPS.get(name, "technical")]
        yield from (line for line in read_packed(path) if digest(line) % every)


def as_ids(text: Iterable[str]) -> tuple[np.ndarray, list[str]]:
    """All lines as ids ``(n,)``, each between marks, and the words behind the ids."""
    split = [[character for character in line if not character.isspace()] for line in text]
    counts = Counter(character for line in split for character in line)
    words = [*MARKS, *sorted(word for word, count in counts.items() if count >= RARE)]
    number = {word: index for index, word in enumerate(words)}
    flat = [id for line in split for id in (BEGIN, *(number.get(c, UNKNOWN) for c in line), END)]
    return np.array(flat, dtype=np.int64), words


@dataclass(frozen=True)
class Grams:
    """The n-grams of one order.

    Args:
        ids: ``(G, order)``, sorted.
        counts: how often each was seen (the highest order, and what begins a line), or after how
            many different words, ``(G,)``.
    """

    ids: np.ndarray
    counts: np.ndarray

    @property
    def histories(self) -> np.ndarray:
        """Numbers of what comes before the last word, ``(G,)``."""
        return codes(self.ids[:, :-1])


def codes(ids: np.ndarray) -> np.ndarray:
    """One number an n-gram of up to three words, ``(G,)``, in the order of the n-grams."""
    number = np.zeros(len(ids), dtype=np.int64)
    for column in ids.T:
        number = number << BITS | column
    return number


def counted(text: np.ndarray) -> list[Grams]:
    """The n-grams of each order, from 1 to ``ORDER``, with the counts of Kneser and Ney."""
    raw = []
    for order in range(1, ORDER + 1):
        windows = np.lib.stride_tricks.sliding_window_view(text, order)
        # Nothing goes over the end of a line, and no word is predicted to be its beginning.
        inside = (windows[:, 1:] != BEGIN).all(1)
        numbers, counts = np.unique(codes(windows[inside]), return_counts=True)
        shifts = BITS * np.arange(order)[::-1]
        raw.append(Grams(numbers[:, None] >> shifts & ((1 << BITS) - 1), counts))
    found = [raw[-1]]
    for order in range(ORDER - 1, 0, -1):
        own, above = raw[order - 1], raw[order]
        places = np.searchsorted(codes(own.ids), codes(above.ids[:, 1:]))
        before = np.bincount(places, minlength=len(own.ids))
        first = own.ids[:, 0] == BEGIN
        found.insert(0, Grams(own.ids, np.where(first, own.counts, before)))
    return found


def smoothed(
    grams: Grams, lower: np.ndarray, least: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Interpolated probabilities of the n-grams that are kept.

    Args:
        grams: of one order.
        lower: probability of each without its first word, ``(G,)``.
        least: rarer ones are dropped.

    Returns:
        Which are kept, ``(G,)``; their probabilities; numbers of histories, and what each leaves to
        the lower order.
    """
    once, twice = ((grams.counts == count).sum() for count in (1, 2))
    discount = once / (once + 2 * twice) if once else 0.0
    history, place = np.unique(grams.histories, return_inverse=True)
    total = np.bincount(place, grams.counts)
    kept = grams.counts >= least
    share = np.where(kept, grams.counts - discount, 0.0) / total[place]
    left = 1.0 - np.bincount(place, share)
    return kept, (share + left[place] * lower)[kept], history, left


def arpa(text: np.ndarray, words: Sequence[str], least: int) -> Iterator[str]:
    """The lines of the file."""
    orders = counted(text)
    chance = np.full(len(words), 0.0)
    unigrams = orders[0]
    seen = unigrams.ids[:, 0]
    used = np.where(seen == BEGIN, 0, unigrams.counts)
    # Add-one, so that no word of the vocabulary, the unknown one included, is impossible.
    chance[:] = 1.0 / (used.sum() + len(words) - 1)
    chance[seen] = (used + 1.0) / (used.sum() + len(words) - 1)
    chance[BEGIN] = 0.0
    kept: list[tuple[np.ndarray, np.ndarray]] = [(np.arange(len(words))[:, None], chance)]
    weights: list[list[np.ndarray]] = []
    for grams, fewest in zip(orders[1:], (1, least), strict=True):
        below = codes(kept[-1][0])
        shorter = np.searchsorted(below, codes(grams.ids[:, 1:]))
        chosen, probability, *backoff = smoothed(grams, kept[-1][1][shorter], fewest)
        kept.append((grams.ids[chosen], probability))
        weights.append(backoff)
    yield "\\data\\"
    yield from (f"ngram {order}={len(ids)}" for order, (ids, _) in enumerate(kept, start=1))
    for order, (ids, probability) in enumerate(kept, start=1):
        yield f"\n\\{order}-grams:"
        logs = np.log10(probability, out=np.full(len(ids), NEVER), where=probability > 0)
        backoffs = np.zeros(len(ids))
        if order < ORDER:
            history, left = weights[order - 1]
            place = np.searchsorted(codes(ids), history)
            backoffs[place] = np.log10(np.maximum(left, 1e-10))
        for gram, log, backoff in zip(ids.tolist(), logs.tolist(), backoffs.tolist(), strict=True):
            ending = f"\t{backoff:.4f}" if order < ORDER else ""
            text = " ".join(words[index] for index in gram)
            yield f"{log:.4f}\t{text}{ending}"
    yield "\n\\end\\"


def main() -> None:
    """Count and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sources", default="", help="of zh_text (default: all)")
    parser.add_argument("--least", type=int, default=2, help="count of a trigram that is kept")
    arguments = parser.parse_args()
    sources = [name for name in arguments.sources.split(",") if name]
    text, words = as_ids(lines(arguments.data_root, sources))
    with atomic_file(arguments.out) as file:
        file.writelines(f"{line}\n" for line in arpa(text, words, arguments.least))


if __name__ == "__main__":
    main()
