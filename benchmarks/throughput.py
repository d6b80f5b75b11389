"""How fast nlpcl trains and predicts, beside its own bare model and beside plain transformers.

    python benchmarks/throughput.py [--model sdcl] [--rows 640] [--precision fp32] [--threads 1]

All sides get the same weights and the same padded batches, and take turns; a ratio is of the
medians of a repetition, and the brackets hold the smallest and the largest of the repetitions.

- *Overhead*: an update inside ``nlpcl.training.trainer.train`` (collating, logging, clipping and
  display included; saving and dev scores are not) over the same update in a bare loop.
- *Update* (correctors): another loss's time over that of nlpcl's, each with forward, backward,
  clipping and optimiser step, turn by turn on each batch. More than 1: nlpcl is faster.
  *Plain* is the encoder's class of transformers, one pass for the sentences as written and one for
  the correct ones, with its own loss, so scores at all positions. *Note* is the code of the reading
  note on SDCL as published there, always in fp32: two passes, scores at all positions from states
  times embeddings, negatives from the whole batch. nlpcl encodes a sentence without errors once,
  its own teacher, so the ratio depends on their share: 38 % in the sample, 0 with `--errors-only`.
- *Prediction*: from texts to answers over the forward pass alone, of the plain class for correctors
  (scores at all positions), else of nlpcl's model. Less is better.

Without instructions for bf16 a processor is slower in it than in fp32; measure fp32 there.
"""

from __future__ import annotations

import argparse
import copy
import statistics
import tempfile
import time
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor
from torch.nn import functional

from nlpcl import tasks, zoo
from nlpcl.core.progress import Silent
from nlpcl.core.splits import Splits
from nlpcl.core.tables import Table
from nlpcl.data import loading as data
from nlpcl.nn.devices import arithmetic, choose_machine
from nlpcl.nn.model import IGNORE
from nlpcl.nn.vocabulary import ScoresPlaces
from nlpcl.runs.build import build
from nlpcl.runs.run import Run
from nlpcl.tasks.correction import task as correction
from nlpcl.tasks.protocol import new_notes
from nlpcl.training import inference
from nlpcl.training.batches import LengthBatches
from nlpcl.training.inference import batches_by_length
from nlpcl.training.trainer import train
from nlpcl.zoo.masked_lm import masked_lm_head

now = time.perf_counter
WARM_UP = 3
"""Updates at the start of each repetition that do not count."""


class Clock(Silent):
    """Notes the time after every update."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def step(self, step: int, epoch: float, values: Any) -> None:
        self.times.append(now())

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


def optimizer_of(model: Any, config: Any) -> torch.optim.Optimizer:
    """Fused, as transformers takes it: the plain one is slower and would flatter the ratio."""
    return torch.optim.AdamW(
        model.parameters(), config.lr, weight_decay=config.weight_decay, fused=True
    )


def update(model: Any, loss: Any, optimizer: Any, config: Any, precision: str) -> None:
    """One bare update: forward, backward, clipping, step."""
    dtype = {"bf16": torch.bfloat16}.get(precision)
    with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
        value = loss()
    value.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
    optimizer.step()
    optimizer.zero_grad()


def batches_of(task: Any, rows: list[Any], config: Any) -> list[Any]:
    """The batches of an epoch, collated beforehand."""
    order = LengthBatches([len(r["input_ids"]) for r in rows], config.batch_size, 1, config.seed)
    return [task.collate([rows[index] for index in indices]) for indices in order]


def bare_training(model: Any, batches: list[Any], config: Any, precision: str) -> float:
    """Seconds an update in a bare loop over the same batches."""
    optimizer = optimizer_of(model, config)
    clock = Clock()
    model.train()
    for batch in batches:
        update(model, lambda batch=batch: model(**batch).loss, optimizer, config, precision)
        clock.step(0, 0.0, {})
    return clock.median()


def plain_loss(encoder: Any, batch: dict[str, Tensor]) -> Tensor:
    """Two passes through the plain class and its own losses."""
    mask, labels = batch["attention_mask"], batch["labels"]
    right = torch.where(labels != IGNORE, labels, batch["input_ids"])
    first = encoder(input_ids=batch["input_ids"], attention_mask=mask, labels=labels).loss
    return first + encoder(input_ids=right, attention_mask=mask, labels=labels).loss


def note_pass(encoder: Any, ids: Tensor, mask: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """``SDCLModel.forward`` of the note: states, and the loss at all tokens but pads."""
    words = encoder.get_input_embeddings()(ids)
    states = encoder.base_model(input_ids=ids, attention_mask=mask)[0]
    logits = masked_lm_head(encoder)(states * words)
    labels = right.masked_fill(mask == 0, IGNORE)
    return states, functional.cross_entropy(logits.flatten(0, 1), labels.flatten())


def note_loss(encoder: Any, batch: dict[str, Tensor]) -> Tensor:
    """``SDCLModel.compute_loss`` of the note, with its weights 1 and 0.5 and temperature 0.9.

    A batch without errors, where the note's is not a number, does without the contrast.
    """
    ids, mask, labels = batch["input_ids"], batch["attention_mask"], batch["labels"]
    right = torch.where(labels != IGNORE, labels, ids)
    student, loss_x = note_pass(encoder, ids, mask, right)
    teacher, loss_y = note_pass(encoder, right, mask, right)
    wrong = ids != right
    if not wrong.any():
        return loss_x + loss_y
    anchors, negatives = student[wrong], student[~wrong & mask.bool()]
    positive = functional.cosine_similarity(anchors, teacher[wrong])
    negative = functional.cosine_similarity(anchors.unsqueeze(1), negatives.unsqueeze(0), dim=-1)
    sims = torch.cat([positive.unsqueeze(1), negative], 1) / 0.9
    contrast = functional.cross_entropy(sims, torch.zeros(len(sims), dtype=torch.long))
    return loss_x + loss_y + 0.5 * contrast


def updates_in_turn(
    model: Any, batches: list[Any], config: Any, precision: str
) -> dict[str, float]:
    """Median seconds an update with nlpcl's loss, the plain one and the note's, turn by turn."""
    encoders = {name: copy.deepcopy(model.backbone) for name in ("plain", "note")}
    ours = copy.deepcopy(model)
    sides: dict[str, tuple[Any, Any, str]] = {
        "nlpcl": (ours, lambda batch: ours(**batch).loss, precision),
        "plain": (encoders["plain"], lambda b: plain_loss(encoders["plain"], b), precision),
        "note": (encoders["note"], lambda b: note_loss(encoders["note"], b), "fp32"),
    }
    optimizers = {name: optimizer_of(side[0], config) for name, side in sides.items()}
    times: dict[str, list[float]] = {name: [] for name in sides}
    for batch in batches:
        for name, (module, loss, kind) in sides.items():
            module.train()
            begun = now()
            update(module, partial(loss, batch), optimizers[name], config, kind)
            times[name].append(now() - begun)
    return {name: statistics.median(taken[WARM_UP:]) for name, taken in times.items()}


def through_task(model: Any, task: Any, texts: list[str], precision: str) -> float:
    """Seconds from texts to answers."""
    begun = now()
    options = tasks.spec(task.config.task).prediction.options(chunk_size=len(texts))
    for _ in task.stream(model, texts, precision=precision, options=options, notes=new_notes()):
        pass
    return now() - begun


def bare_forward(model: Any, task: Any, texts: list[str], precision: str) -> float:
    """Seconds of the forward pass alone, on the batches that prediction uses.

    A corrector's is that of its encoder's plain class, with scores at all positions.
    """
    plain, tokens = (
        (model.backbone, correction.TOKENS)
        if isinstance(model, ScoresPlaces)
        else (model, inference.TOKENS)
    )
    features = task.encode([{"text": text, "source": text, "target": text} for text in texts])
    lengths = [len(feature["input_ids"]) for feature in features]
    batches = [
        task.collate([{"input_ids": features[row]["input_ids"]} for row in rows])
        for rows in batches_by_length(lengths, tokens)
    ]
    model.eval()
    with arithmetic(torch.device("cpu"), precision):
        begun = now()
        for batch in batches:
            plain(**batch)
        return now() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="sdcl", help="sdcl, asrm or dcl")
    parser.add_argument("--backbone", default="builtin")
    parser.add_argument("--run", help="trained run for the prediction side")
    parser.add_argument("--rows", type=int, default=640, help="rows a repetition")
    parser.add_argument(
        "--errors-only", action="store_true", help="without the pairs that hold no error"
    )
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=0, help="0 leaves it to torch")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument(
        "--cpu-time", action="store_true", help="of the process, where other work goes on beside"
    )
    arguments = parser.parse_args()
    if arguments.cpu_time:
        global now
        now = time.process_time
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    machine = choose_machine("cpu", arguments.precision)
    precision = machine.precision
    entry = zoo.entry(arguments.model)
    config = entry.config_class(
        backbone=arguments.backbone, batch_size=arguments.batch_size, epochs=1, device="cpu"
    )
    examples = data.load("sample", entry.task.schema).train
    if arguments.errors_only:
        examples = [example for example in examples if example["source"] != example["target"]]
    splits = Splits("sample", train=examples)
    model, task, _ = build(entry, config, splits, machine)
    # A corrector leaves nearly all text alone; a fresh encoder would change every character.
    predictor, predictor_task = (model, task)
    if arguments.run:
        run = Run(arguments.run, device="cpu")
        predictor, predictor_task = run.model, run.task
    examples = [examples[index % len(examples)] for index in range(arguments.rows)]
    rows = task.encode(examples)
    batches = batches_of(task, rows, config)
    texts = [example["source" if "source" in example else "text"] for example in examples]
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    bare_forward(predictor, predictor_task, texts, precision)
    for _ in range(arguments.repetitions):
        trained = through_trainer(model, task, rows, config, precision)
        bare = bare_training(model, batches, config, precision)
        pairs["overhead: nlpcl's update / bare loop (s)"].append((trained, bare))
        if isinstance(model, ScoresPlaces):
            taken = updates_in_turn(model, batches, config, precision)
            label = f"update: plain class, two passes, {precision} / nlpcl (s)"
            pairs[label].append((taken["plain"], taken["nlpcl"]))
            label = f"update: note's loss, fp32 / nlpcl, {precision} (s)"
            pairs[label].append((taken["note"], taken["nlpcl"]))
        answered = through_task(predictor, predictor_task, texts, precision)
        bare = bare_forward(predictor, predictor_task, texts, precision)
        pairs["prediction: nlpcl / bare forward pass (s, all texts)"].append((answered, bare))
    columns = ["what", "first", "second", "ratio", "smallest", "largest"]
    lines = []
    for name, measured in pairs.items():
        ratios = [a / b for a, b in measured]
        medians = [statistics.median(side) for side in zip(*measured, strict=True)]
        lines.append([name, *medians, statistics.median(ratios), min(ratios), max(ratios)])
    title = (
        f"{arguments.model}, {arguments.backbone}, {len(rows)} rows, batch {config.batch_size}, "
        f"{precision}, {torch.get_num_threads()} threads, {arguments.repetitions} repetitions, "
        f"{'CPU' if arguments.cpu_time else 'wall-clock'} seconds"
    )
    Console().print(Table("throughput", columns, lines, title=title, digits=3).as_rich())


if __name__ == "__main__":
    main()
