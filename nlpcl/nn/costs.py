"""What each part of a model costs: its parameters, and its fraction of the inference time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from nlpcl.core.tables import Cell, Table
from nlpcl.nn.vocabulary import ScoresPlaces


@dataclass
class Timing:
    """Seconds of forward passes.

    Args:
        model: of the whole model.
        modules: of each module, by its name.
        calls: how often each module ran.
    """

    model: float = 0.0
    modules: dict[str, float] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def percent(self, name: str) -> float:
        """Percentage of the model's time that is spent in a module."""
        return 100 * self.modules.get(name, 0.0) / self.model if self.model else 0.0


def parameter_count(module: nn.Module) -> int:
    """Number of parameters, trainable or frozen; a shared one counts once."""
    return sum(weight.numel() for weight in module.parameters())


@contextlib.contextmanager
def timed(model: nn.Module, named: Mapping[str, nn.Module]) -> Iterator[Timing]:
    """Measure how long the model and its modules run within the block.

    The first forward pass is left out where there are others: it also sets things up.
    """
    total, first = Timing(), Timing()
    passes = 0
    device = next(model.parameters()).device

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    def watch(module: nn.Module, keep: Callable[[float], None]) -> list[Any]:
        begun: list[float] = []
        return [
            module.register_forward_pre_hook(lambda *_: begun.append(now())),
            module.register_forward_hook(lambda *_: keep(now() - begun.pop())),
        ]

    def keep_model(seconds: float) -> None:
        nonlocal passes
        (total if passes else first).model += seconds
        passes += 1

    def keep_module(name: str) -> Callable[[float], None]:
        def keep(seconds: float) -> None:
            place = total if passes else first
            place.modules[name] = place.modules.get(name, 0.0) + seconds
            total.calls[name] = total.calls.get(name, 0) + 1

        return keep

    handles = watch(model, keep_model)
    for name, module in named.items():
        handles += watch(module, keep_module(name))
    try:
        with scores_timed(model, now, keep_model):
            yield total
    finally:
        for handle in handles:
            handle.remove()
        if passes < 2:
            total.model, total.modules = first.model, first.modules


@contextlib.contextmanager
def scores_timed(
    model: nn.Module, now: Callable[[], float], keep: Callable[[float], None]
) -> Iterator[None]:
    """Measure the passes, too, of a model that is asked for its scores at some places alone.

    Args:
        model: any.
        now: the time in seconds.
        keep: is called with the seconds of a pass.
    """
    if not isinstance(model, ScoresPlaces):
        yield
        return
    scores_at = model.scores_at

    def measured(input_ids: Tensor, attention_mask: Tensor, places: Tensor) -> Iterator[Tensor]:
        begun = now()
        pieces = scores_at(input_ids, attention_mask, places)
        seconds = now() - begun
        while True:
            begun = now()
            piece = next(pieces, None)
            seconds += now() - begun
            if piece is None:
                break
            yield piece
        keep(seconds)

    model.scores_at = measured
    try:
        yield
    finally:
        del model.scores_at  # the class's own is there again


def parts_of(model: nn.Module) -> dict[str, nn.Module]:
    """The parts of a model by name; those of an encoder inside it one by one."""
    found: dict[str, nn.Module] = {}
    for name, module in model.named_children():
        if isinstance(module, PreTrainedModel):
            found |= {f"{name}.{part}": child for part, child in module.named_children()}
        else:
            found[name] = module
    return found


def cost_table(model: nn.Module, timing: Timing) -> Table:
    """One row per part: parameters, and percentage of the measured forward passes.

    The time of a part whose weights are read without calling it is not seen, and stays empty.
    """
    rows: list[list[Cell]] = []
    for name, module in parts_of(model).items():
        percent = timing.percent(name) if name in timing.calls else None
        size = parameter_count(module)
        if size or percent:
            rows.append([name, size, percent])
    note = "Time: percentage of the forward passes on the test set."
    columns = ["part", "parameters", "time (%)"]
    return Table("costs", columns, rows, title="Parts of the model", note=note, digits=1)


def mean_costs(tables: Sequence[Mapping[str, Any]]) -> Table:
    """The table of a study: the weights of its first model, and the models' mean times.

    Args:
        tables: of the folds, in their JSON form; one at least.
    """
    rows: list[list[Cell]] = []
    for at, (name, size, _) in enumerate(tables[0]["rows"]):
        percentages = [table["rows"][at][2] for table in tables if len(table["rows"]) > at]
        known = [percent for percent in percentages if percent is not None]
        rows.append([name, size, sum(known) / len(known) if known else None])
    return Table.from_dict({**tables[0], "rows": rows})
