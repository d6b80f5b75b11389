"""What correctors do on test sets, at several thresholds: the built-in one, and runs.

python benchmarks/spelling.py --data-root DIR [--data sighan15,cscd,typos] [--rows 2000]
    [--checkpoint builtin] [--checkpoint RUN,RUN,RUN] [--lm FILE] [--traditional]

Runs that are joined by commas, of several seeds, make one row: their mean, with the standard
deviation over them. ``--traditional`` converts the sentences to the traditional script first, by
OpenCC (``pip install opencc-python-reimplemented``); those whose length changes are left out.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Iterator, Sequence
from statistics import mean, stdev

from rich.console import Console

from nlpcl import tasks
from nlpcl.core.tables import Table
from nlpcl.data import loading as data
from nlpcl.data.pairs import PAIRS
from nlpcl.metrics.spelling import spelling_scores
from nlpcl.nn.devices import choose_machine
from nlpcl.runs.opening import open_builtin, open_checkpoint
from nlpcl.runs.predictor import Predictor
from nlpcl.tasks.correction.edits import Edit, apply_edits

THRESHOLDS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95)
BUILTIN = "builtin"


def opened(name: str) -> Predictor:
    """The built-in corrector, or a run."""
    spec = tasks.spec("correction")
    if name == BUILTIN:
        return open_builtin(spec, choose_machine("cpu", "auto"))
    return open_checkpoint(name, spec, device="cpu", precision="auto")


def measured(
    corrector: Predictor, sources: Sequence[str], targets: Sequence[str], lm: str
) -> list[tuple[float, ...]]:
    """Strict and lenient F1, clean sentences intact and changes right, by threshold, in percent."""
    found = list(corrector.stream(sources, threshold=0.0, lm=lm))
    measures = []
    for threshold in THRESHOLDS:
        predictions = [
            apply_edits(
                row["source"],
                [Edit(**edit) for edit in row["edits"] if edit["probability"] >= threshold],
            )
            for row in found
        ]
        scores = spelling_scores(list(sources), list(targets), predictions)
        strict, lenient = (scores.scores[c]["correction"].f1 for c in ("strict", "lenient"))
        right = scores.scores["simple"]["char_correction"].precision  # of single characters
        intact = scores.clean_intact if scores.n_clean else math.nan
        measures.append((strict, lenient, intact, right))
    return measures


def traditional(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Sentences and corrections in the traditional script.

    The corrected sentence is converted as a whole, and each wrong character by itself.
    """
    from opencc import OpenCC

    converter = OpenCC("s2tw")
    for source, target in pairs:
        right = converter.convert(target)
        if len(right) == len(target):
            places = zip(source, target, right, strict=True)
            wrong = [new if old == was else converter.convert(old) for old, was, new in places]
            yield "".join(wrong), right


def spread(values: Sequence[float]) -> str:
    """``39.5 ± 1.1``; a dash for what is not defined."""
    if any(map(math.isnan, values)):
        return "-"
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", default="sighan15,cscd,typos")
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--rows", type=int, default=2000, help="first rows of each test set")
    parser.add_argument("--checkpoint", action="append", help="runs joined by commas, or builtin")
    parser.add_argument("--lm", default="none", help="language model of characters")
    parser.add_argument("--traditional", action="store_true", help="convert the sentences first")
    arguments = parser.parse_args()
    rows = []
    for group in arguments.checkpoint or [BUILTIN]:
        correctors = [opened(name) for name in group.split(",")]
        for name in arguments.data.split(","):
            tests = data.load(name, schema=PAIRS, root=arguments.data_root).test
            for test, whole in tests.items():
                pairs = [(one["source"], one["target"]) for one in whole[: arguments.rows]]
                if arguments.traditional:
                    pairs = list(traditional(pairs))
                sources, targets = zip(*pairs, strict=True)
                found = [measured(one, sources, targets, arguments.lm) for one in correctors]
                for threshold, scores in zip(THRESHOLDS, zip(*found, strict=True), strict=True):
                    values = [spread(column) for column in zip(*scores, strict=True)]
                    rows.append([group, test, len(sources), threshold, *values])
    columns = ["checkpoint", "test", "n", "threshold", "strict F1", "lenient F1", "clean intact"]
    columns += ["changes right"]
    note = f"Percent; language model: {arguments.lm}."
    title = "Sentence correction by threshold"
    Console(width=110).print(Table("spelling", columns, rows, title=title, note=note).as_rich())


if __name__ == "__main__":
    main()
