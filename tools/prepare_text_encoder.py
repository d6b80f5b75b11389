"""Turn the free corpora into what ``tools.train_text_encoder`` reads: a small folder of its own.

python tools/prepare_text_encoder.py --data-root DIR --source E5 --out FOLDER [--layers 6]

It holds the encoder's first layers and its vocabulary, grown by the characters of the text, the
text as ids (simplified, and part of it converted to traditional script), pairs of wrong and right
sentences, and rows held out for selection. Needs ``opencc``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from text_batches import Corpus, made_tables, save_tables
from transformers import AutoModelForMaskedLM

from nlpcl.data import corpora, loading
from nlpcl.data.pairs import PAIRS
from nlpcl.data.texts import TEXTS
from nlpcl.data.zh_text import EVERYDAY, SUFFIX, read_packed
from nlpcl.nn.int8 import save_compressed
from nlpcl.text import pruning
from nlpcl.text.characters import is_han
from nlpcl.text.encoders import CharacterIds, load_text_encoder
from nlpcl.text.noise.tables import observed_edits
from nlpcl.text.segments import model_view, segments

LIMIT = 126
LEAST_HAN = 4
RARE = 5
"""Characters that stand so often in the text get a row of the vocabulary."""

GROUPS = {name: "everyday" for name in EVERYDAY} | {"laws": "law", "winddk": "machine"}
CONVERTED = {"everyday": 1.0, "technical": 0.1, "law": 0.03, "machine": 0.0}
"""Fraction of each group's lines that is also given in traditional script."""
USED = {"everyday": 1.0, "technical": 1.0, "law": 0.4, "machine": 0.25}
"""Fraction of each group's lines that is used at all."""
HELD_OUT = {"everyday": 40, "technical": 400, "law": 400, "machine": 2000}
"""One line in so many is held out."""
TESTS = "sighan13,sighan14,sighan15,cscd,ecspell,cdconfusor,macro-clean,typos"


def digest(text: str) -> int:
    """A number that depends on the text alone."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text with 8 Han characters or more, as letters alone."""
    for part in re.split(r"[。！？!?；;，,\n]", text):
        letters = "".join(filter(str.isalnum, part))
        if sum(map(is_han, letters)) >= 8:
            yield letters


class Rows:
    """Collects rows of ids by group."""

    def __init__(self, tokenizer: Any, tests: set[str]) -> None:
        self.tokenizer, self.tests, self.ids = tokenizer, tests, CharacterIds(tokenizer)
        self.groups: list[str] = []
        self.numbers: list[int] = []
        self.right: list[np.ndarray] = []
        self.wrong: dict[int, np.ndarray] = {}
        self.dropped: Counter[str] = Counter()

    def add(self, group: str, right: list[int], wrong: list[int] | None = None) -> None:
        """Keep a row; a pair keeps what was written too."""
        if group not in self.groups:
            self.groups.append(group)
        if wrong is not None:
            self.wrong[len(self.right)] = np.array(wrong, dtype=np.uint16)
        self.right.append(np.array(right, dtype=np.uint16))
        self.numbers.append(self.groups.index(group))

    def is_tested(self, group: str, text: str) -> bool:
        """Whether a text shares a sentence with a test set."""
        found = any(sentence in self.tests for sentence in sentences(text))
        self.dropped[group] += found
        return found

    def add_text(self, group: str, text: str, *, pieces: bool = False) -> None:
        """Rows of a text, character by character or by the tokenizer's pieces."""
        if self.is_tested(group, text):
            return
        for segment in segments(text, LIMIT):
            if pieces:
                ids = self.tokenizer(segment.text, add_special_tokens=False)["input_ids"][:LIMIT]
            else:
                characters, _ = model_view(segment.text)
                if sum(map(is_han, characters)) < LEAST_HAN:
                    continue
                ids = [self.ids(character) for character in characters]
            if len(ids) > 2:
                self.add(group, ids)

    def add_pair(self, group: str, source: str, target: str) -> None:
        """A row of a pair of equal length; the whole pair, or nothing."""
        if len(source) != len(target) or self.is_tested(group, target):
            return
        _, places = model_view(target)
        for start in range(0, len(places), LIMIT):
            part = places[start : start + LIMIT]
            right = [self.ids(target[place]) for place in part]
            wrong = [self.ids(source[place]) for place in part]
            right = [w if r == self.ids.unknown else r for r, w in zip(right, wrong, strict=True)]
            self.add(group, right, wrong)

    def save(self, folder: Path, name: str) -> dict[str, int]:
        """Write the rows and return the tokens of each group."""
        lengths = np.array([len(row) for row in self.right], dtype=np.uint8)
        pairs = sorted(self.wrong)
        arrays = {
            "ids": np.concatenate(self.right),
            "lengths": lengths,
            "groups": np.array(self.numbers, dtype=np.uint8),
            "pairs": np.array(pairs, dtype=np.uint32),
            "wrong": np.concatenate([self.wrong[n] for n in pairs] or [np.zeros(0, np.uint16)]),
        }
        for key, array in arrays.items():
            filters = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 1, "lp": 1, "pb": 1}]
            with lzma.open(folder / f"{name}.{key}.xz", "wb", filters=filters) as file:
                file.write(array.tobytes())
        sizes = np.bincount(self.numbers, weights=lengths, minlength=len(self.groups))
        return dict(zip(self.groups, sizes.astype(int).tolist(), strict=True))


def test_sentences(root: Path) -> set[str]:
    """All sentences of the test sets, and of the development sets that are scored."""
    found: set[str] = set()
    for name in TESTS.split(","):
        for rows in loading.load(name, PAIRS, root=root).test.values():
            for row in rows:
                found.update(sentences(row["target"]), sentences(row["source"]))
    read = [
        root / f"ner/uner/zh_{n}-ud-{s}.iob2" for n in ("gsd", "gsdsimp") for s in ("dev", "test")
    ]
    for path in read:
        for line in path.read_text(encoding="utf-8").splitlines():
            if "train" not in path.name and line.startswith("# text = "):
                found.update(sentences(line[9:]))
    for name in ("dev.csv", "test.csv"):
        found.update(part for text in posts(root / "hate/cold" / name) for part in sentences(text))
    for path in sorted(root.glob("qa/*/*.json")):
        found.update(sentences(path.read_text(encoding="utf-8")))
    return found


def posts(path: Path) -> list[str]:
    """The texts of a table."""
    tests = loading.load(str(path), TEXTS, as_test=True).test.values()
    return [row["text"] for rows in tests for row in rows]


def add_corpus(
    train: Rows, dev: Rows, name: str, text: Iterable[str], simple: Callable[[str], str],
    traditional: Callable[[str], str],
) -> None:  # fmt: skip
    """Lines of one corpus of ``zh_text``, in both scripts; some are held out."""
    group = GROUPS.get(name, "technical")
    for line in text:
        number = digest(line)
        if number // 15485863 % 1000 >= 1000 * USED[group]:
            continue
        plain = simple(line) if group == "everyday" else line
        chosen = number // 7919 % 1000 < 1000 * CONVERTED[group]
        other = (line if plain != line else traditional(plain)) if chosen else None
        rows = dev if number % HELD_OUT[group] == 0 else train
        rows.add_text(group, plain)
        if other is not None and (rows is train or plain != line):
            rows.add_text("traditional", other)
        if rows is train and group == "technical" and number // 104729 % 20 == 0:
            rows.add_text("pieces", line, pieces=True)


def add_pairs(train: Rows, dev: Rows, root: Path) -> Counter[tuple[str, str]]:
    """Pairs of wrong and right sentences; returns the real edits of training rows."""
    real = corpora.dataset("typos").load(root)
    for rows, chosen in ((train, real.train), (dev, real.dev)):
        for row in chosen:
            rows.add_pair("typos", row["source"], row["target"])
    macro = root / "csc/macro_correct"
    for row in loading.load("ecspell", PAIRS, root=root).train:
        train.add_pair("pairs", row["source"], row["target"])
    for row in loading.load("sample", PAIRS, root=root).train:
        train.add_pair("pairs", row["source"], row["target"])
    for name in ("gen_passage.tet.json", "gen_de3.json"):
        for row in json.loads((macro / name).read_text(encoding="utf-8")):
            train.add_pair("generated", row["original_text"], row["correct_text"])
    return observed_edits((row["source"], row["target"]) for row in real.train)


def add_posts(train: Rows, root: Path, traditional: Callable[[str], str]) -> None:
    """Posts, and native traditional sentences."""
    for folder, group in (("hate/cold", "posts"), ("hate/hatexplain", "english")):
        tables = sorted((root / folder).glob("*.csv"))
        held = {text for path in tables if path.stem != "train" for text in posts(path)}
        for text in posts(root / folder / "train.csv"):
            if text not in held:
                train.add_text("pieces" if group == "posts" else group, text, pieces=True)
                if group == "posts":
                    train.add_text(group, text)
                    if digest(text) % 5 == 0:
                        train.add_text("traditional", traditional(text))
    for line in (root / "ner/uner/zh_gsd-ud-train.iob2").read_text(encoding="utf-8").splitlines():
        if line.startswith("# text = "):
            train.add_text("traditional", line[9:])


def main() -> None:
    """Prepare the folder."""
    import opencc  # here, since other tools use what stands above

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--source", required=True, help="encoder to begin with")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--pieces", type=int, default=9000)
    parser.add_argument("--only", help="names of zh_text, for a trial")
    arguments = parser.parse_args()
    root, out = arguments.data_root, arguments.out
    out.mkdir(parents=True, exist_ok=True)
    simple, traditional = opencc.OpenCC("t2s").convert, opencc.OpenCC("s2tw").convert
    only = arguments.only.split(",") if arguments.only else None
    paths = {p.name.removesuffix(SUFFIX): p for p in sorted((root / "zh_text").glob(f"*{SUFFIX}"))}
    texts = {n: read_packed(path) for n, path in paths.items() if not only or n in only}
    counts: Counter[str] = Counter()
    for name, text in texts.items():
        counts.update("".join(text))
        if GROUPS.get(name) == "everyday":
            counts.update(traditional(simple("\n".join(text))))
    model, tokenizer = load_text_encoder(arguments.source, AutoModelForMaskedLM)
    pruning.keep_layers(model, arguments.layers)
    tokenizer = pruning.keep_pieces(model, tokenizer, arguments.pieces)
    known = tokenizer.get_vocab()
    new = sorted(c for c, n in counts.items() if is_han(c) and n >= RARE and c not in known)
    tokenizer = pruning.add_characters(model, tokenizer, new)
    print(f"{len(tokenizer)} pieces, {len(new)} of them new characters", file=sys.stderr)

    tests = test_sentences(root)
    train, dev = Rows(tokenizer, tests), Rows(tokenizer, tests)
    for name, text in texts.items():
        add_corpus(train, dev, name, text, simple, traditional)
        print(name, len(train.right), len(dev.right), file=sys.stderr, flush=True)
    edits = add_pairs(train, dev, root)
    add_posts(train, root, traditional)
    tokens = {"train": train.save(out, "train"), "dev": dev.save(out, "dev")}

    tied = set(model.all_tied_weights_keys)
    state = {name: value for name, value in model.state_dict().items() if name not in tied}
    model.config.save_pretrained(out)
    tokenizer.save_pretrained(out)
    save_compressed(state, out / "weights.safetensors", metadata={"source": arguments.source})
    characters = {token: index for token, index in tokenizer.get_vocab().items() if len(token) == 1}
    variants = {c: simple(c) for c in characters if is_han(c) and simple(c) != c}
    record = {
        "groups": {"train": train.groups, "dev": dev.groups},
        "tokens": tokens,
        "dropped": dict(train.dropped),
        "edits": [[right, wrong, count] for (right, wrong), count in sorted(edits.items())],
        "variants": variants,
    }
    (out / "record.json").write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    corpus = Corpus.read(out, "train")
    save_tables(made_tables(out, root / "csc/plome", corpus, train.ids), out / "tables.npz")
    print(json.dumps({key: record[key] for key in ("tokens", "dropped")}), file=sys.stderr)


if __name__ == "__main__":
    main()
