"""The built-in corrector beside those of pycorrector that work without a model hub.

python benchmarks/correctors.py --data-root DIR --lm FILE.arpa [--data sighan15] [--rows 500]

All get the same sentences, one after another as they come, on one thread. Needs
``pip install pycorrector kenlm`` and a language model of characters for pycorrector's Corrector,
whose own has to be downloaded: ``python tools/make_character_lm.py`` makes one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import torch
from rich.console import Console

from nlpcl import tasks
from nlpcl.core.tables import Table
from nlpcl.data import loading as data
from nlpcl.data.pairs import PAIRS
from nlpcl.metrics.spelling import spelling_scores
from nlpcl.nn.devices import choose_machine
from nlpcl.runs.opening import open_builtin

Correct = Callable[[list[str]], list[str]]


def ours(**options: Any) -> Correct:
    """The built-in corrector with options of ``nlpcl predict spelling``."""
    corrector = open_builtin(tasks.spec("correction"), choose_machine("cpu", "fp32"))
    return lambda texts: [row["target"] for row in corrector.stream(texts, **options)]


def theirs(name: str, **options: Any) -> Correct:
    """A corrector of pycorrector."""
    import pycorrector

    corrector = getattr(pycorrector, name)(**options)
    return lambda texts: [corrector.correct(text)["target"] for text in texts]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--lm", required=True, help="of characters, ARPA or KenLM")
    parser.add_argument("--data", default="sighan15,cscd,typos")
    parser.add_argument("--rows", type=int, default=500, help="first rows of each test set")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    correctors: dict[str, Correct] = {
        "nlpcl, built in": ours(),
        "nlpcl, --threshold 0.5": ours(threshold=0.5),
        "nlpcl, --lm FILE": ours(lm=arguments.lm),
        "pycorrector Corrector": theirs("Corrector", language_model_path=arguments.lm),
        "pycorrector ProperCorrector": theirs("ProperCorrector"),
    }
    for correct in correctors.values():
        correct(["今天天气很好。"])  # what is read at the first sentence
    rows = []
    for name in arguments.data.split(","):
        tests = data.load(name, schema=PAIRS, root=arguments.data_root).test
        examples = next(iter(tests.values()))[: arguments.rows]
        sources = [example["source"] for example in examples]
        targets = [example["target"] for example in examples]
        for who, correct in correctors.items():
            begun = time.perf_counter()
            found = correct(sources)
            speed = len(sources) / (time.perf_counter() - begun)
            scores = spelling_scores(sources, targets, found)
            strict, lenient = (scores.scores[c]["correction"].f1 for c in ("strict", "lenient"))
            rows.append([name, who, strict, lenient, scores.clean_intact, speed])
    columns = ["test", "corrector", "strict F1", "lenient F1", "clean intact (%)", "sentences/s"]
    title = f"Sentence correction without tuning, {arguments.rows} sentences a set, one thread"
    Console(width=110).print(Table("correctors", columns, rows, title=title).as_rich())


if __name__ == "__main__":
    main()
