"""How well encoders restore characters of Chinese text they have not seen.

    python benchmarks/masked_characters.py ENCODER [ENCODER ...] --data-root DIR

An ENCODER is ``builtin``, the folder of a finished run, or a Hugging Face folder; ``FOLDER:LAYERS``
cuts a folder to its first layers as ``nlpcl train mlm --layers`` does before it trains. In every
sentence of CSCD-NS test (its correct side) 15 % of the Han characters, at least one, are masked;
the positions are the same for all encoders. Sentences of training data are not among them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from transformers import AutoModelForMaskedLM

from nlpcl.core.tables import Table
from nlpcl.data import loading as data
from nlpcl.data.pairs import PAIRS
from nlpcl.nn.devices import arithmetic, choose_device, choose_precision
from nlpcl.runs.run import Run
from nlpcl.text import pruning
from nlpcl.text.characters import is_han
from nlpcl.text.encoders import CharacterIds, load_text_encoder
from nlpcl.training.inference import batches_by_length

LONGEST = 126
FRACTION = 0.15


def opened(name: str) -> tuple[Any, Any]:
    """An encoder with its head, and its tokenizer."""
    if (Path(name) / "run.json").is_file():
        run = Run(name, device="cpu")
        return run.model.backbone, run.processor
    folder, _, layers = name.partition(":")
    model, tokenizer = load_text_encoder(folder, AutoModelForMaskedLM)
    if layers:
        pruning.keep_layers(model, int(layers))
    return model, tokenizer


def masked(texts: list[str], seed: int = 0) -> list[list[int]]:
    """The masked positions of each text."""
    generator = np.random.default_rng(seed)
    chosen = []
    for text in texts:
        han = [at for at, character in enumerate(text) if is_han(character)]
        count = max(1, round(FRACTION * len(han)))
        chosen.append(sorted(generator.choice(han, size=count, replace=False).tolist()))
    return chosen


@torch.no_grad()
def hits(name: str, texts: list[str], places: list[list[int]]) -> list[int]:
    """How many masked characters of each text are restored."""
    model, tokenizer = opened(name)
    ids, device = CharacterIds(tokenizer), choose_device("auto")
    precision = choose_precision("auto", device)
    model.eval().to(device)
    rows = [[ids.start, *map(ids, text), ids.end] for text in texts]
    found = [0] * len(texts)
    with arithmetic(device, precision):
        for batch in batches_by_length([len(row) for row in rows], 4096):
            width = max(len(rows[row]) for row in batch)
            grid = torch.full((len(batch), width), ids.pad)
            for at, row in enumerate(batch):
                grid[at, : len(rows[row])] = torch.tensor(rows[row])
            mask = grid != ids.pad
            at = [(n, p + 1) for n, row in enumerate(batch) for p in places[row]]
            index = torch.tensor(at).T
            right = grid[index[0], index[1]].clone()
            grid[index[0], index[1]] = tokenizer.mask_token_id
            logits = model(input_ids=grid.to(device), attention_mask=mask.long().to(device)).logits
            correct = logits[index[0], index[1]].argmax(-1).cpu() == right
            for number, good in zip(index[0].tolist(), correct.tolist(), strict=True):
                found[batch[number]] += good
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("encoders", nargs="+")
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--rows", type=int, default=2000, help="first sentences of the test set")
    arguments = parser.parse_args()
    tests = data.load("cscd", schema=PAIRS, root=arguments.data_root).test
    texts = [row["target"][:LONGEST] for row in next(iter(tests.values()))]
    texts = [text for text in texts if any(map(is_han, text))][: arguments.rows]
    places = masked(texts)
    sizes = np.array([len(place) for place in places])
    generator = np.random.default_rng(0)
    samples = generator.integers(len(texts), size=(1000, len(texts)))
    table = []
    for name in arguments.encoders:
        good = np.array(hits(name, texts, places))
        spread = good[samples].sum(1) / sizes[samples].sum(1)
        low, high = np.percentile(100 * spread, [2.5, 97.5])
        table.append([name, 100 * good.sum() / sizes.sum(), low, high, int(sizes.sum())])
    columns = ["encoder", "restored (%)", "low", "high", "masked characters"]
    title = f"Masked characters restored in {len(texts)} sentences of CSCD-NS test"
    note = "low to high: 95 % interval, bootstrap over sentences"
    Console().print(Table("masked", columns, table, title=title, note=note).as_rich())


if __name__ == "__main__":
    main()
