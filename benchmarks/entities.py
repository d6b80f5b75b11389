"""What entity models find on test sets: the built-in one, and runs.

python benchmarks/entities.py --data-root DIR [--data uner-zh,uner-en,wnut17,weibo]
    [--checkpoint builtin] [--checkpoint RUN,RUN,RUN] [--map-types OLD=NEW,...] [--dev] [--join N]

Runs that are joined by commas, of several seeds, make one row: their mean, with the standard
deviation over them. A single model has the 95 % interval of its F1, from texts drawn with
replacement. Gold types that no model of the row knows stay and are missed: ``--map-types`` names
them as the models do, or leaves them out. ``--join 8`` makes one text of eight that follow one
another, as they stand in documents.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from statistics import mean, stdev

from rich.console import Console

from nlpcl import tasks
from nlpcl.core.splits import Example
from nlpcl.core.tables import Cell, Table
from nlpcl.data import loading as data
from nlpcl.data.classes import label_map
from nlpcl.runs.opening import open_checkpoint
from nlpcl.runs.predictor import Predictor

SPEC = tasks.spec("entities")
MEASURES = ("precision", "recall", "f1", "f1_macro", "f1_boundary")
MAPPED = (
    "person=PER,location=LOC,corporation=ORG,group=ORG,product=,creative-work=,"
    "PER.NAM=PER,LOC.NAM=LOC,GPE.NAM=LOC,ORG.NAM=ORG,PER.NOM=,LOC.NOM=,GPE.NOM=,ORG.NOM="
)
"""Types of WNUT17 and Weibo as people, places and organisations; others are left out."""


def cells(found: Sequence[Mapping[str, float]]) -> list[Cell]:
    """Each measure as ``74.1 ± 0.4`` of several runs; of one, the F1 with its interval."""
    listed: list[Cell] = []
    for name in MEASURES:
        values = [one[name] for one in found]
        told = f"{mean(values):.1f}"
        if len(values) > 1:
            told += f" ± {stdev(values):.1f}"
        elif f"{name}_low" in found[0] and name == "f1":
            told += f" ({found[0]['f1_low']:.1f}-{found[0]['f1_high']:.1f})"
        listed.append(told)
    return listed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", default="uner-zh,uner-zh-simplified,uner-en,wnut17,weibo")
    parser.add_argument("--data-root", required=True)
    parser.add_argument("--checkpoint", action="append", help="runs joined by commas, or builtin")
    parser.add_argument("--map-types", default=MAPPED, help="names of gold types, OLD=NEW")
    parser.add_argument("--dev", action="store_true", help="on dev sets instead of test sets")
    parser.add_argument("--join", type=int, default=1, help="texts that are made one")
    arguments = parser.parse_args()
    options = {"map_types": label_map(arguments.map_types, "--map-types")}
    rows: list[list[Cell]] = []
    for group in arguments.checkpoint or ["builtin"]:
        opened = [
            open_checkpoint(name, SPEC, device="cpu", precision="auto") for name in group.split(",")
        ]
        for name in arguments.data.split(","):
            splits = data.load(name, SPEC.schema, root=arguments.data_root, options=options)
            tests = {name: splits.dev} if arguments.dev else splits.test
            for test, rows_of in tests.items():
                texts = joined(rows_of, arguments.join)
                found = [scores(one, texts) for one in opened]
                rows.append([group, test, len(texts), *cells(found)])
    columns = ["checkpoint", "dev" if arguments.dev else "test", "texts"]
    columns += ["precision", "recall", "F1", "macro-F1", "boundary F1"]
    title = "Entities, exact boundary and type"
    Console(width=120).print(
        Table("entities", columns, rows, title=title, note="Percent.").as_rich()
    )


def joined(texts: Sequence[Example], number: int) -> list[Example]:
    """Texts made one behind the other, with blanks between; entities move along."""
    made: list[Example] = []
    for at in range(0, len(texts), number):
        group, begin = texts[at : at + number], 0
        entities: list[dict[str, object]] = []
        for text in group:
            for one in text["entities"]:
                moved = {"start": one["start"] + begin, "end": one["end"] + begin}
                entities.append({**one, **moved})
            begin += len(text["text"]) + 1
        whole = " ".join(text["text"] for text in group)
        made.append({**group[0], "text": whole, "entities": entities})
    return made


def scores(model: Predictor, texts: Sequence[Example]) -> Mapping[str, float]:
    """Measures of a model on a test set."""
    report, _ = model.task.evaluate(model.model, list(texts), model.precision, "")
    return report.metrics


if __name__ == "__main__":
    main()
