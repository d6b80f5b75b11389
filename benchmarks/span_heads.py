"""What span heads and regularisers cost, beside the bare encoder on the same batches.

    python benchmarks/span_heads.py [--lengths 64,256,512] [--types 10] [--tokens 2048]
        [--threads 1] [--cpu-time] [--regularised asrm,sdcl,globalpointer]

Random tokens, ``--tokens`` of them a batch; all sides take turns on each batch, and the ratios are
of medians. *Bare* is the encoder's class of transformers by itself: an update with the mean square
of its states as loss, and its forward pass. *Update* is forward, backward, clipping and step;
*prediction* is the forward pass and the decoding of candidates. The memory is what a process of one
side alone needs at most during its updates, without what it needs before.

``--regularised`` compares updates with R-Drop and with VAT to the plain update of models, on rows
of their samples.
"""

from __future__ import annotations

import argparse
import copy
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from nlpcl import zoo
from nlpcl.core.memory import return_freed
from nlpcl.core.splits import Splits
from nlpcl.core.tables import Cell, Table
from nlpcl.data import loading as data
from nlpcl.nn.devices import choose_machine
from nlpcl.nn.model import weighted_sum
from nlpcl.runs.build import build
from nlpcl.tasks.entities.decoding import candidates
from nlpcl.text.encoders import load_text_encoder
from nlpcl.training.adversarial import VAT
from nlpcl.training.regularisers import RDrop, Regularisers
from nlpcl.training.updates import Update
from nlpcl.zoo.globalpointer.model import GlobalPointer

now = time.perf_counter
WARM_UP = 2
"""Turns at the start that do not count."""
ENTITIES = 3
"""Of each row."""


def sides(types: int) -> dict[str, Any]:
    """The bare encoder, and it with each head."""
    from transformers import AutoModelForMaskedLM

    backbone, _ = load_text_encoder("builtin", AutoModelForMaskedLM)
    names = [f"T{number}" for number in range(types)]
    made: dict[str, Any] = {"bare": copy.deepcopy(backbone.base_model)}
    for head in ("global", "efficient"):
        made[head] = GlobalPointer.build(copy.deepcopy(backbone), {"head": head}, types=names)
    return made


def batch_of(length: int, tokens: int, types: int, seed: int) -> dict[str, torch.Tensor]:
    """Random tokens and entities."""
    generator = torch.Generator().manual_seed(seed)
    rows = max(1, tokens // length)
    first = torch.randint(1, length - 8, (rows, ENTITIES), generator=generator)
    last = first + torch.randint(0, 6, (rows, ENTITIES), generator=generator)
    kind = torch.randint(0, types, (rows, ENTITIES), generator=generator)
    inner = torch.ones(rows, length, dtype=torch.bool)
    inner[:, [0, -1]] = False
    return {
        "input_ids": torch.randint(10, 18_000, (rows, length), generator=generator),
        "attention_mask": torch.ones(rows, length, dtype=torch.long),
        "starts": inner,
        "ends": inner,
        "labels": torch.stack([kind, first, last], -1),
    }


def loss_of(name: str, model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """The model's own, or the mean square of the bare encoder's states."""
    if name != "bare":
        return model(**batch).loss
    states = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])[0]
    return states.square().mean()


def predict(name: str, model: Any, batch: dict[str, torch.Tensor]) -> None:
    """The forward pass, and for a head its candidates."""
    rows = {key: value for key, value in batch.items() if key != "labels"}
    with torch.inference_mode():
        if name == "bare":
            model(input_ids=rows["input_ids"], attention_mask=rows["attention_mask"])
        else:
            length = rows["input_ids"].shape[1]
            candidates(model(**rows).logits, [length] * len(rows["input_ids"]))


def stepped(model: Any, loss: Callable[[], torch.Tensor], optimizer: Any) -> None:
    """One update."""
    loss().backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


def optimizer_of(model: Any) -> torch.optim.Optimizer:
    """Fused, and too slow a rate to change what is measured."""
    return torch.optim.AdamW(model.parameters(), 1e-6, fused=True)


def medians(turns: int, actions: dict[str, Callable[[int], None]]) -> dict[str, float]:
    """Median seconds of actions that take turns; an action gets the number of the turn."""
    times: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(turns + WARM_UP):
        for name, action in actions.items():
            begun = now()
            action(turn)
            times[name].append(now() - begun)
    return {name: statistics.median(taken[WARM_UP:]) for name, taken in times.items()}


def head_rows(length: int, arguments: Any) -> list[list[Cell]]:
    """Update, prediction and memory of each head at a length."""
    made = sides(arguments.types)
    # Untrained scores would make every span a candidate; trained ones are far below 0.
    for name in ("global", "efficient"):
        bias = made[name].head.projection.bias
        torch.nn.init.zeros_(bias)
    batches = [
        batch_of(length, arguments.tokens, arguments.types, seed)
        for seed in range(arguments.turns + WARM_UP)
    ]

    def updates() -> Iterator[tuple[str, Callable[[int], None]]]:
        for name, model in made.items():
            optimizer = optimizer_of(model.train())

            def act(turn: int, name: str = name, model: Any = model, one: Any = optimizer) -> None:
                stepped(model, partial(loss_of, name, model, batches[turn]), one)

            yield name, act

    taken = medians(arguments.turns, dict(updates()))
    for model in made.values():
        model.eval()
    answered = medians(
        arguments.turns,
        {
            name: lambda turn, name=name, model=model: predict(name, model, batches[turn])
            for name, model in made.items()
        },
    )
    memory = {name: peak(name, length, arguments) for name in made}
    return [
        [
            length,
            name,
            1000 * taken[name],
            taken[name] / taken["bare"],
            1000 * answered[name],
            answered[name] / answered["bare"],
            memory[name],
        ]
        for name in made
    ]


def peak(name: str, length: int, arguments: Any) -> float:
    """MiB that updates need, in a process of their own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(peak_here, name, length, arguments.tokens, arguments.types).result()


def peak_here(name: str, length: int, tokens: int, types: int) -> float:
    """The same in this process (Linux)."""
    model = sides(types)[name].train()
    optimizer = optimizer_of(model)
    return_freed()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    for seed in range(3):
        batch = batch_of(length, tokens, types, seed)
        stepped(model, partial(loss_of, name, model, batch), optimizer)
    return resident("VmHWM") - before


def resident(name: str) -> float:
    """MiB of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024


def regularised_row(name: str, arguments: Any) -> list[Cell]:
    """Updates of a model with R-Drop and with VAT over its plain update."""
    entry = zoo.entry(name)
    config = entry.config_class(batch_size=16, epochs=1, device="cpu", precision="fp32")
    examples = data.load("sample", entry.task.schema).train
    splits = Splits("sample", train=examples)
    model, task, _ = build(entry, config, splits, choose_machine("cpu", "fp32"))
    features = task.encode(examples[: 16 * (arguments.turns + WARM_UP)])
    features.sort(key=lambda feature: len(feature["input_ids"]))
    batches = [task.collate(features[at : at + 16]) for at in range(0, len(features), 16)]
    terms = {"plain": Regularisers(), "rdrop": Regularisers(rdrop=RDrop(1.0))}
    terms["vat"] = Regularisers(vat=VAT(0.5))
    model.train()
    optimizer = optimizer_of(model)

    def act(turn: int, regularisers: Regularisers) -> None:
        batch = batches[turn % len(batches)]

        def loss() -> torch.Tensor:
            return weighted_sum(Update(model, [batch], regularisers).next_parts(run))

        stepped(model, loss, optimizer)

    def run(rows: Any) -> Any:
        return model(**rows)

    def all_batches(_: int, regularisers: Regularisers) -> None:
        for at in range(len(batches)):
            act(at, regularisers)

    # A turn is all batches: they differ in length.
    taken = medians(3, {key: partial(all_batches, regularisers=one) for key, one in terms.items()})
    return [name, *(taken[key] / taken["plain"] for key in ("rdrop", "vat"))]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--lengths", default="64,256,512", help="tokens of a row")
    parser.add_argument("--types", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=2048, help="of a batch")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--threads", type=int, default=0, help="0 leaves it to torch")
    parser.add_argument("--regularised", default="", help="models, comma-separated")
    parser.add_argument(
        "--cpu-time", action="store_true", help="of the process, where other work goes on beside"
    )
    arguments = parser.parse_args()
    if arguments.cpu_time:
        global now
        now = time.process_time
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    kind = "CPU" if arguments.cpu_time else "wall-clock"
    told = f"fp32, {torch.get_num_threads()} threads, {kind} time"
    console = Console()
    if arguments.lengths:
        rows = [
            row
            for length in arguments.lengths.split(",")
            for row in head_rows(int(length), arguments)
        ]
        columns = ["tokens", "head", "update (ms)", "/ bare", "prediction (ms)", "/ bare", "MiB"]
        title = f"Span heads, {arguments.types} types, {arguments.tokens} tokens a batch, {told}"
        console.print(Table("heads", columns, rows, title=title, digits=2).as_rich())
    if arguments.regularised:
        found = [regularised_row(name, arguments) for name in arguments.regularised.split(",")]
        columns = ["model", "R-Drop / plain", "VAT / plain"]
        console.print(Table("regularised", columns, found, title=f"Updates, {told}").as_rich())


if __name__ == "__main__":
    main()
