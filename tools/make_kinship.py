"""Make ``nlpcl/text/kinship.txt.xz`` from PLOME's confusion sets.

python tools/make_kinship.py FOLDER_OF_PLOME

Of the characters that the built-in text encoder knows.
"""

from __future__ import annotations

import argparse
import lzma
from pathlib import Path

from transformers import AutoTokenizer

from nlpcl.text import BUILTIN_FOLDER
from nlpcl.text.characters import is_han
from nlpcl.text.kinship import FILE
from nlpcl.text.noise.confusions import read_confusions
from nlpcl.text.noise.sounds import read_readings


def table(folder: Path, known: set[str]) -> str:
    """The lines of the file."""
    sets = read_confusions(folder)
    readings = read_readings(folder, sets["pinyin"])
    pairs = {
        (min(head, other), max(head, other))
        for head, others in sets["shape"].items()
        for other in others
        if {head, other} <= known
    }
    shapes: dict[str, list[str]] = {}
    for first, second in sorted(pairs):
        shapes.setdefault(first, []).append(second)
    heads = sorted((readings.keys() & known) | shapes.keys())
    lines = [
        "\t".join([head, " ".join(readings.get(head, ())), "".join(shapes.get(head, ()))])
        for head in heads
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    vocabulary = AutoTokenizer.from_pretrained(BUILTIN_FOLDER, trust_remote_code=False).get_vocab()
    made = table(parser.parse_args().folder, {token for token in vocabulary if is_han(token)})
    FILE.write_bytes(lzma.compress(made.encode(), preset=9))
    print(f"{FILE}: {made.count(chr(10))} characters, {FILE.stat().st_size} bytes")
