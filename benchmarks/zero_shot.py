"""What the built-in corrector does without fine-tuning, at several thresholds.

python benchmarks/zero_shot.py --data-root DIR [--data sighan15,cscd,typos] [--rows 2000]
"""

from __future__ import annotations

import argparse

from rich.console import Console

from nlpcl import tasks
from nlpcl.core.tables import Table
from nlpcl.data import loading as data
from nlpcl.data.pairs import PAIRS
from nlpcl.metrics.spelling import spelling_scores
from nlpcl.nn.devices import choose_machine
from nlpcl.runs.opening import open_builtin
from nlpcl.tasks.correction.edits import Edit, apply_edits

THRESHOLDS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="sighan15,cscd,typos")
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--rows", type=int, default=2000, help="first rows of each test set")
    arguments = parser.parse_args()
    corrector = open_builtin(tasks.spec("correction"), choose_machine("cpu", "auto"))
    rows = []
    for name in arguments.data.split(","):
        tests = data.load(name, schema=PAIRS, root=arguments.data_root).test
        examples = next(iter(tests.values()))[: arguments.rows]
        sources = [example["source"] for example in examples]
        targets = [example["target"] for example in examples]
        found = list(corrector.stream(sources, threshold=0.0))
        for threshold in THRESHOLDS:
            predictions = [
                apply_edits(
                    row["source"],
                    [Edit(**edit) for edit in row["edits"] if edit["probability"] >= threshold],
                )
                for row in found
            ]
            scores = spelling_scores(sources, targets, predictions)
            strict, lenient = (scores.scores[c]["correction"].f1 for c in ("strict", "lenient"))
            rows.append([name, len(sources), threshold, strict, lenient, scores.clean_intact])
    columns = ["test", "n", "threshold", "strict F1", "lenient F1", "clean intact (%)"]
    title = "Built-in corrector without fine-tuning: sentence correction"
    Console().print(Table("zero_shot", columns, rows, title=title).as_rich())


if __name__ == "__main__":
    main()
