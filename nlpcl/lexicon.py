"""Lines of words with wrong characters, made from a dictionary: what common words look like.

A small corpus of sentences lacks many everyday words. ``python -m nlpcl.lexicon DICT OUT`` turns a
word list into sentence pairs that ``nlpcl train sdcl --data OUT`` reads: words side by side, as
in text without blanks, some of their characters confused.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy

from nlpcl.data.text import read_text
from nlpcl.errors import UserError
from nlpcl.files import atomic_file
from nlpcl.noise import Noise, read_confusions
from nlpcl.tasks.correction_text import is_han

LONGEST = 4
"""Characters of a word."""


def read_words(path: Path, least: int) -> tuple[list[str], numpy.ndarray]:
    """Words of 2 to 4 Han characters and their frequencies.

    Args:
        path: a word and its frequency on each line, divided by a blank (as in jieba's dict.txt).
        least: rarer words are left out.

    Raises:
        UserError: the file holds no such line.
    """
    words: dict[str, int] = {}
    for line in read_text(path).splitlines():
        word, _, rest = line.partition(" ")
        count = rest.split(" ")[0]
        if 2 <= len(word) <= LONGEST and all(map(is_han, word)) and count.isdigit():
            words[word] = int(count)
    kept = {word: count for word, count in words.items() if count >= least}
    if not kept:
        raise UserError("holds no words with frequencies", path, "Each line is: WORD FREQUENCY")
    return list(kept), numpy.array(list(kept.values()), dtype=float)


def pairs(
    words: Sequence[str],
    frequencies: numpy.ndarray,
    noise: Noise,
    lines: int,
    length: int,
    seed: int,
) -> Iterator[tuple[str, str]]:
    """Lines of words, as written and right.

    Words are drawn with the square root of their frequency, so that rare ones occur too.

    Args:
        words: to draw from.
        frequencies: of the words.
        noise: what becomes of the characters.
        lines: how many.
        length: words a line.
        seed: of the draw and the noise.
    """
    generator = numpy.random.default_rng(seed)
    shares = numpy.sqrt(frequencies)
    drawn = generator.choice(len(words), size=(lines, length), p=shares / shares.sum())
    for row in drawn.tolist():
        right = "".join(words[index] for index in row)
        written = list(right)
        for place, kind in noise.choose(range(len(right)), generator):
            written[place] = noise.replacement(right[place], kind, generator) or right[place]
        yield "".join(written), right


def main() -> None:
    """Write a file of pairs."""
    parser = argparse.ArgumentParser(description="Sentence pairs from a word list.")
    parser.add_argument("words", type=Path, help="lines WORD FREQUENCY")
    parser.add_argument("output", type=Path, help="tab-separated pairs")
    parser.add_argument("--confusion", type=Path, required=True, help="PLOME confusion sets")
    parser.add_argument("--least", type=int, default=30, help="smallest frequency")
    parser.add_argument("--lines", type=int, default=40_000)
    parser.add_argument("--length", type=int, default=5, help="words a line")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    words, frequencies = read_words(chosen.words, chosen.least)
    shares = {"pinyin": 0.5, "near_pinyin": 0.15, "shape": 0.35}
    noise = Noise(shares, read_confusions(chosen.confusion), rate=0.12, light=0.7)
    made = pairs(words, frequencies, noise, chosen.lines, chosen.length, chosen.seed)
    with atomic_file(chosen.output) as stream:
        stream.write("source\ttarget\n")
        for written, right in made:
            stream.write(f"{written}\t{right}\n")


if __name__ == "__main__":
    main()
