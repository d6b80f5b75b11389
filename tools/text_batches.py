"""Noised batches of the folder that ``tools.prepare_text_encoder`` makes, fast enough for a GPU.

Legend: ``B`` rows, ``L`` tokens of the longest row, ``n`` tokens of all rows, ``V`` vocabulary.
"""

from __future__ import annotations

import functools
import json
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from nlpcl.text.characters import is_han
from nlpcl.text.encoders import CharacterIds
from nlpcl.text.noise.confusions import read_confusions
from nlpcl.text.noise.noise import Noise
from nlpcl.text.noise.sounds import read_readings
from nlpcl.text.noise.tables import Draws, ErrorTables, build_tables

MASKED, REPLACED, KEPT = range(3)
"""What stands at a place that is predicted."""
CHUNK = 1 << 15
"""Rows sorted by length together."""


@dataclass(frozen=True)
class Corpus:
    """Rows of ids without special tokens, one after the other.

    Args:
        right: the ids, ``(n,)``; ``written``: the same with the errors of the pairs.
        starts: first token of each row, and ``n``; groups: number of each row's group.
        pair: whether a row is a pair.
        names: of the groups.
    """

    right: np.ndarray
    written: np.ndarray
    starts: np.ndarray
    groups: np.ndarray
    pair: np.ndarray
    names: Sequence[str]

    @classmethod
    def read(cls, folder: Path, part: str) -> Corpus:
        """Read ``train`` or ``dev``."""

        def array(key: str, kind: Any) -> np.ndarray:
            with lzma.open(folder / f"{part}.{key}.xz") as file:
                return np.frombuffer(file.read(), dtype=kind)

        right, lengths = array("ids", np.uint16), array("lengths", np.uint8)
        starts = np.concatenate([[0], lengths.astype(np.int64).cumsum()])
        written, wrong, done = right.copy(), array("wrong", np.uint16), 0
        pair = np.zeros(len(lengths), dtype=bool)
        for row in array("pairs", np.uint32):
            size = int(lengths[row])
            written[starts[row] : starts[row + 1]] = wrong[done : done + size]
            pair[row], done = True, done + size
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
        groups = array("groups", np.uint8)
        return cls(right, written, starts, groups, pair, record["groups"][part])

    def of(self, *names: str) -> np.ndarray:
        """The numbers of the rows of some groups."""
        wanted = [number for number, name in enumerate(self.names) if name in names]
        return np.flatnonzero(np.isin(self.groups, wanted))

    def text(self, rows: np.ndarray, is_character: np.ndarray) -> np.ndarray:
        """The ids of some rows, -1 between them and at what is no Han character."""
        pieces = [self.right[self.starts[row] : self.starts[row + 1]] for row in rows]
        flat = np.concatenate([np.append(piece.astype(np.int64), 0) for piece in pieces])
        return np.where(is_character[flat], flat, -1)


def plan(
    corpus: Corpus, weights: Mapping[str, float], tokens: int, generator: np.random.Generator
) -> list[np.ndarray]:
    """The rows of each batch of an epoch, of similar length, each row as often as it weighs."""
    weight = np.array([weights.get(name, 1.0) for name in corpus.names])[corpus.groups]
    times = np.floor(weight + generator.random(len(weight))).astype(int)
    rows = generator.permutation(np.repeat(np.arange(len(times)), times))
    sizes = np.diff(corpus.starts) + 2
    batches = []
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        chunk = chunk[np.argsort(sizes[chunk], kind="stable")][::-1]
        while len(chunk):
            count = max(1, tokens // int(sizes[chunk[0]]))
            batches.append(chunk[:count])
            chunk = chunk[count:]
    return [batches[at] for at in generator.permutation(len(batches))]


@dataclass(frozen=True)
class Special:
    """Ids of the special tokens."""

    start: int
    end: int
    pad: int


class Noised(Dataset[dict[str, torch.Tensor]]):
    """Batch number → noised batch; the same for the same seed, whoever makes it.

    Args:
        corpus: the rows.
        tables: errors of simplified and of traditional text.
        noise: what is selected and replaced.
        weights: how often the rows of a group stand in an epoch; 1 where not named.
        tokens: in a batch, at most.
        copied: fraction of the other places that are predicted too.
        seed: of everything drawn.
    """

    def __init__(
        self, corpus: Corpus, tables: Sequence[ErrorTables], noise: Noise, special: Special,
        weights: Mapping[str, float], tokens: int, copied: float, seed: int,
    ) -> None:  # fmt: skip
        self.corpus, self.tables, self.noise, self.special = corpus, tables, noise, special
        self.weights, self.tokens, self.copied, self.seed = weights, tokens, copied, seed
        self.traditional, self.by_pieces = np.zeros((2, len(corpus.groups)), dtype=bool)
        self.traditional[corpus.of("traditional")] = True
        self.by_pieces[corpus.of("pieces", "english")] = True
        self.sizes = [0]

    @functools.lru_cache(maxsize=2)  # noqa: B019  (a data set lives as long as the program)
    def epoch(self, number: int) -> list[np.ndarray]:
        """The batches of an epoch."""
        generator = np.random.default_rng([self.seed, number])
        return plan(self.corpus, self.weights, self.tokens, generator)

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        while self.sizes[-1] <= number:
            self.sizes.append(self.sizes[-1] + len(self.epoch(len(self.sizes) - 1)))
        epoch = int(np.searchsorted(self.sizes, number, "right")) - 1
        rows = self.epoch(epoch)[number - self.sizes[epoch]]
        return self.batch(rows, np.random.default_rng([self.seed, 1, number]))

    def batch(self, rows: np.ndarray, generator: np.random.Generator) -> dict[str, torch.Tensor]:
        """Noised rows.

        Returns:
            ``input_ids`` and ``attention_mask``, ``(B, L)``; ``places``, the predicted places of
            the flattened batch, their ``labels`` and their ``kinds``, and ``tokens``.
        """
        corpus = self.corpus
        sizes = np.diff(corpus.starts)[rows] + 2
        number = np.repeat(np.arange(len(rows)), sizes)
        ends = sizes.cumsum()
        column = np.arange(ends[-1]) - np.repeat(ends - sizes, sizes)
        inner = (column > 0) & (column < np.repeat(sizes, sizes) - 1)
        at = np.repeat(corpus.starts[rows], sizes)[inner] + column[inner] - 1
        right = np.where(column == 0, self.special.start, self.special.end)
        right[inner] = corpus.right[at]
        written = right.copy()
        written[inner] = corpus.written[at]
        selected = written != right
        # Special and unknown tokens come first. Text read by pieces is predicted everywhere.
        places = inner & (right > self.special.end + 1)
        places &= self.noise.is_han[right] | self.by_pieces[rows][number]
        for script, tables in enumerate(self.tables):
            chosen = (self.traditional[rows] == bool(script)) & ~corpus.pair[rows]
            here = chosen[number]
            if here.any():
                renumbered = np.cumsum(chosen) - 1
                part, hit = self.noise.apply(
                    right[here], renumbered[number[here]], places[here], tables, generator
                )
                written[here], selected[here] = part, hit
        copied = places & self.noise.is_han[right] & ~selected
        copied &= generator.random(len(right)) < self.copied
        kinds = np.where(written == self.noise.mask, MASKED, REPLACED)
        kinds[written == right] = KEPT
        predicted = selected | copied
        return self.padded(sizes, number, column, written, right, predicted, kinds)

    def padded(
        self, sizes: np.ndarray, number: np.ndarray, column: np.ndarray, written: np.ndarray,
        right: np.ndarray, predicted: np.ndarray, kinds: np.ndarray,
    ) -> dict[str, torch.Tensor]:  # fmt: skip
        """Rows beside each other."""
        width = -(-int(sizes.max()) // 8) * 8
        ids = np.full((len(sizes), width), self.special.pad)
        ids[number, column] = written
        mask = np.zeros((len(sizes), width), dtype=np.int64)
        mask[number, column] = 1
        return {
            "input_ids": torch.from_numpy(ids),
            "attention_mask": torch.from_numpy(mask),
            "places": torch.from_numpy((number * width + column)[predicted]),
            "labels": torch.from_numpy(right[predicted]),
            "kinds": torch.from_numpy(kinds[predicted]),
            "tokens": torch.tensor(len(right)),
        }


def han_ids(ids: CharacterIds) -> np.ndarray:
    """Whether an id is a Han character, ``(V,)``."""
    han = np.zeros(max(ids.vocabulary.values()) + 1, dtype=bool)
    han[[index for index, text in ids.characters.items() if is_han(text)]] = True
    return han


def scripts(characters: Mapping[int, str], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Which Han characters stand in simplified, and which in traditional text, ``(V,)`` each.

    GB 2312 holds the simplified and Big5 the traditional; a character of neither stands in both.
    """

    def encodable(character: str, codec: str) -> bool:
        return bool(character.encode(codec, errors="ignore"))

    plain, other = np.zeros(size, dtype=bool), np.zeros(size, dtype=bool)
    for index, character in characters.items():
        in_gb, in_big5 = encodable(character, "gb2312"), encodable(character, "big5")
        plain[index], other[index] = in_gb or not in_big5, in_big5 or not in_gb
    return plain, other


def save_tables(tables: Sequence[ErrorTables], path: Path) -> None:
    """Write error tables in a small file: counts, weights and ids."""
    arrays: dict[str, np.ndarray] = {}
    for number, part in enumerate(tables):
        arrays[f"{number}/keys"] = part.word_keys
        arrays[f"{number}/propensity"] = part.propensity.astype(np.float32)
        for kind, draws in {**part.characters, "::words": part.words}.items():
            lists = np.ceil(draws.limits).astype(np.int64) - 1
            arrays[f"{number}/{kind}/counts"] = np.bincount(lists, minlength=len(draws.filled))
            arrays[f"{number}/{kind}/shares"] = (draws.limits - lists).astype(np.float32)
            arrays[f"{number}/{kind}/values"] = draws.values.astype(np.uint16)
    np.savez_compressed(path, **arrays)


def load_tables(path: Path) -> list[ErrorTables]:
    """The reverse of :func:`save_tables`."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}

    def draws(prefix: str) -> Draws:
        counts = arrays[f"{prefix}/counts"]
        lists = np.repeat(np.arange(len(counts)), counts)
        values = arrays[f"{prefix}/values"].astype(np.int64)
        return Draws(lists + arrays[f"{prefix}/shares"].astype(float), values, counts > 0)

    tables = []
    for number in sorted({name.split("/")[0] for name in arrays}):
        kinds = {
            n.split("/")[1] for n in arrays if n.startswith(f"{number}/") and n.count("/") == 2
        }
        characters = {kind: draws(f"{number}/{kind}") for kind in sorted(kinds - {"::words"})}
        propensity = arrays[f"{number}/propensity"].astype(float)
        words = draws(f"{number}/::words")
        tables.append(ErrorTables(characters, arrays[f"{number}/keys"], words, propensity))
    return tables


def made_tables(folder: Path, sets: Path, corpus: Corpus, ids: CharacterIds) -> list[ErrorTables]:
    """Error tables of simplified and of traditional text; ``sets`` holds the confusion sets."""
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    han = han_ids(ids)
    characters = {index: text for index, text in ids.characters.items() if han[index]}
    confusions = read_confusions(sets)
    readings = read_readings(sets, confusions["pinyin"])
    for other, plain in record["variants"].items():
        known = readings.setdefault(other, [])
        known += [reading for reading in readings.get(plain, []) if reading not in known]
    edits = {(right, wrong): count for right, wrong, count in record["edits"]}
    plain, other = scripts(characters, len(han))
    texts = (corpus.of("everyday", "technical", "posts", "law"), corpus.of("traditional"))
    return [
        build_tables(corpus.text(rows, own), characters, len(han), confusions, readings, known)
        for rows, own, known in zip(texts, (plain, other), (edits, {}), strict=True)
    ]
