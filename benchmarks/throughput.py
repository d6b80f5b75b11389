"""How much slower nlpcl trains and predicts than the bare model on the same padded batches.

    python benchmarks/throughput.py [--model sdcl] [--backbone builtin] [--rows 640]

Training: the time between updates inside ``nlpcl.training.trainer.train`` (collating, logging,
clipping and display included; saving and dev scores at the end of an epoch are not) against
forward, backward, clipping and optimiser step in a bare loop. Prediction: from texts to answers
against the bare forward pass. Both sides take turns; the median of the repetitions counts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from nlpcl import tasks, zoo
from nlpcl.core.progress import Silent
from nlpcl.core.splits import Splits
from nlpcl.core.tables import Table
from nlpcl.data import loading as data
from nlpcl.nn.devices import arithmetic, choose_machine
from nlpcl.runs.build import build
from nlpcl.runs.run import Run
from nlpcl.tasks.protocol import new_notes
from nlpcl.training.batches import LengthBatches
from nlpcl.training.inference import batches_by_length
from nlpcl.training.trainer import train

WARM_UP = 3
"""Updates at the start of each repetition that do not count."""


class Clock(Silent):
    """Notes the time after every update."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def step(self, step: int, epoch: float, values: Any) -> None:
        self.times.append(time.perf_counter())

    def median(self) -> float:
        """Seconds an update."""
        steps = [after - before for before, after in zip(self.times, self.times[1:], strict=False)]
        return statistics.median(steps[WARM_UP:])


def through_trainer(model: Any, task: Any, rows: list[Any], config: Any, precision: str) -> float:
    """Seconds an update in nlpcl's own training."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        train(
            model,
            rows,
            task.collate,
            lambda _: {"loss": 0.0, "selection": 0.0},
            config,
            Path(folder),
            precision=precision,
            display=clock,
        )
    return clock.median()


def bare_training(model: Any, task: Any, rows: list[Any], config: Any, precision: str) -> float:
    """Seconds an update in a bare loop over the same batches, collated beforehand."""
    order = LengthBatches([len(r["input_ids"]) for r in rows], config.batch_size, 1, config.seed)
    batches = [task.collate([rows[index] for index in indices]) for indices in order]
    # Fused, as transformers takes it: the plain one is slower and would flatter the ratio.
    optimizer = torch.optim.AdamW(
        model.parameters(), config.lr, weight_decay=config.weight_decay, fused=True
    )
    dtype = {"bf16": torch.bfloat16}.get(precision)
    clock = Clock()
    model.train()
    for batch in batches:
        with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
            loss = model(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        clock.step(0, 0.0, {})
    return clock.median()


def through_task(model: Any, task: Any, texts: list[str], precision: str) -> float:
    """Seconds from texts to answers."""
    begun = time.perf_counter()
    options = tasks.spec(task.config.task).prediction.options(chunk_size=len(texts))
    for _ in task.stream(model, texts, precision=precision, options=options, notes=new_notes()):
        pass
    return time.perf_counter() - begun


def bare_forward(model: Any, task: Any, texts: list[str], precision: str) -> float:
    """Seconds of the forward pass alone, on the batches that prediction uses."""
    features = task.encode([{"text": text, "source": text, "target": text} for text in texts])
    lengths = [len(feature["input_ids"]) for feature in features]
    batches = [
        task.collate([{"input_ids": features[row]["input_ids"]} for row in rows])
        for rows in batches_by_length(lengths, 4096)
    ]
    model.eval()
    with arithmetic(torch.device("cpu"), precision):
        begun = time.perf_counter()
        for batch in batches:
            model(**batch)
        return time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="sdcl", help="sdcl, asrm or dcl")
    parser.add_argument("--backbone", default="builtin")
    parser.add_argument("--run", help="trained run for the prediction side")
    parser.add_argument("--rows", type=int, default=640, help="rows a repetition")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=0, help="0 leaves it to torch")
    parser.add_argument("--repetitions", type=int, default=5)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    machine = choose_machine("cpu", arguments.precision)
    precision = machine.precision
    entry = zoo.entry(arguments.model)
    config = entry.config_class(
        backbone=arguments.backbone, batch_size=arguments.batch_size, epochs=1, device="cpu"
    )
    examples = data.load("sample", entry.task.schema).train
    splits = Splits("sample", train=examples)
    model, task, _ = build(entry, config, splits, machine)
    # A corrector leaves nearly all text alone; a fresh encoder would change every character.
    predictor, predictor_task = (model, task)
    if arguments.run:
        run = Run(arguments.run, device="cpu")
        predictor, predictor_task = run.model, run.task
    examples = [examples[index % len(examples)] for index in range(arguments.rows)]
    rows = task.encode(examples)
    texts = [example["source" if "source" in example else "text"] for example in examples]
    measured: dict[str, tuple[list[float], list[float]]] = {
        "train (s an update)": ([], []),
        "predict (s for all texts)": ([], []),
    }
    bare_forward(predictor, predictor_task, texts, precision)
    for _ in range(arguments.repetitions):
        ours, bare = measured["train (s an update)"]
        ours.append(through_trainer(model, task, rows, config, precision))
        bare.append(bare_training(model, task, rows, config, precision))
        ours, bare = measured["predict (s for all texts)"]
        ours.append(through_task(predictor, predictor_task, texts, precision))
        bare.append(bare_forward(predictor, predictor_task, texts, precision))
    columns = ["what", "nlpcl", "bare", "ratio", "smallest", "largest"]
    lines = []
    for name, (ours, bare) in measured.items():
        ratios = [a / b for a, b in zip(ours, bare, strict=True)]
        lines.append(
            [
                name,
                statistics.median(ours),
                statistics.median(bare),
                statistics.median(ratios),
                min(ratios),
                max(ratios),
            ]
        )
    title = (
        f"{arguments.model}, {arguments.backbone}, {len(rows)} rows, batch {config.batch_size}, "
        f"{precision}, {torch.get_num_threads()} threads, {arguments.repetitions} repetitions"
    )
    Console().print(Table("throughput", columns, lines, title=title, digits=3).as_rich())


if __name__ == "__main__":
    main()
