"""Run folders made by hand: what a training leaves behind, without the training."""

from __future__ import annotations

import csv
import json
import random
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.container import BarContainer, ErrorbarContainer

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

LABELS = ["angry", "neutral", "sad"]


def run_folder(folder, *, task="emotion", model=None, rows=None, history=None, report=None, **more):
    folder.mkdir(parents=True)
    model = model or {"emotion": "emotion-gru", "correction": "sdcl"}.get(task, "asrm")
    record = {
        "model": model,
        "task": task,
        "state": "finished",
        "config": {"data": "invented", "seed": 0, "epochs": 3},
        "data": {"name": "invented", "protocol": "invented protocol", "sizes": {"test": 9}},
        "parameters": 1234,
    }
    write(folder / "run.json", record | more)
    if rows is not None:
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / "predictions.jsonl").write_text(lines, encoding="utf-8")
    if history is not None:
        with (folder / "history.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(dict.fromkeys(k for row in history for k in row)))
            writer.writeheader()
            writer.writerows(history)
    write(folder / "report.json", report or {"metrics": {}, "tables": []})
    return folder


@pytest.fixture
def make_run(tmp_path):
    """``make_run("name", rows=..., ...)`` → the folder of a run without a model."""
    return lambda name="run", **more: run_folder(tmp_path / name, **more)


@pytest.fixture(scope="session", name="run_folder")
def _run_folder():
    """``run_folder(folder, rows=..., ...)``: such a run in a folder that a test chooses."""
    return run_folder


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def answer(number, gold, label, share=0.6, labels=LABELS, **more):
    rest = (1 - share) / (len(labels) - 1)
    shares = {name: share if name == label else rest for name in labels}
    row = {"test": "invented", "id": f"clip-{number}", "gold": gold, "label": label}
    return row | {"probabilities": shares} | more


@pytest.fixture(name="clip_rows")
def _clip_rows():
    return clip_rows()


@pytest.fixture(scope="session")
def report_parts():
    """Rows and history of a run whose report is written once; leave them as they are."""
    return {"rows": clip_rows(), "history": two_folds()}


def clip_rows():
    """60 answers of six speakers, every fourth one wrong."""
    drawn = random.Random(0)
    rows = []
    for number in range(60):
        gold = LABELS[number % 3]
        label = LABELS[(number + 1) % 3] if number % 4 == 0 else gold
        speaker = f"s{number % 6}"
        gender = "female" if number % 2 else "male"
        more = {"speaker": speaker, "gender": gender, "session": f"part-{number % 3}"}
        more["seconds"] = 0.5 + 0.1 * number
        rows.append(answer(number, gold, label, 0.4 + 0.5 * drawn.random(), **more))
    return rows


@pytest.fixture
def binary_rows():
    """40 answers to two classes."""
    drawn = random.Random(1)
    labels = ["hateful", "normal"]
    rows = []
    for number in range(40):
        gold, share = labels[number % 2], 0.5 + 0.5 * drawn.random()
        label = gold if number % 5 else labels[(number + 1) % 2]
        rows.append(answer(number, gold, label, share, labels, text=f"text number {number}"))
    return rows


@pytest.fixture(name="history")
def _history():
    return two_folds()


def two_folds():
    """Two folds over three epochs; the second one begins with a loss that is not a number."""
    rows = []
    for fold in (1, 2):
        for epoch in (1, 2, 3):
            rows.append(
                {
                    "fold": f"fold-{fold}",
                    "epoch": float(epoch),
                    "step": 4.0 * epoch,
                    "loss": "nan" if (fold, epoch) == (2, 1) else fold * 1.0 / epoch,
                    "loss_emotion": fold / epoch,
                    "loss_speaker": 1.0,
                    "dev_loss": 2.0 / epoch,
                    "dev_ua": 30.0 * epoch + 10 * fold,
                    "dev_selection": {1: 1.0, 2: 3.0, 3: 2.0}[epoch] if fold == 1 else epoch,
                    "learning_rate": 0.001 / epoch,
                    "grad_norm": 1.0,
                    "alpha": 0.1 * epoch,
                }
            )
    return rows


@pytest.fixture
def make_ablation(tmp_path):
    """``make_ablation(comparisons, cells)`` → the folder of an ablation."""

    def make(comparisons, cells, name="ablation"):
        folder = tmp_path / name
        folder.mkdir()
        record = {
            "model": "asrm",
            "task": "classification",
            "state": "finished",
            "baseline": "original",
            "seeds": [0, 1],
            "notes": [],
            "variants": {"original": {}, "span": {"variant": "span"}, "none": {"variant": "none"}},
            "cells": cells,
            "comparisons": comparisons,
        }
        write(folder / "ablation.json", record)
        return folder

    return make


def compared(variant, difference, low, high, **more):
    row = {"test": "invented", "metric": "macro_f1", "variant": variant, "baseline": "original"}
    row |= {"difference": difference, "low": low, "high": high, "p_holm": 0.03, "n": 80}
    return row | {"clusters": 80, "seeds": 2, "is_found": True} | more


@pytest.fixture(name="compared")
def _compared():
    """``compared("span", 1.0, 0.5, 1.5)``: one comparison as ``ablation.json`` has it."""
    return compared


@pytest.fixture(name="answer")
def _answer():
    """``answer(1, "sad", "angry", 0.7)``: a prediction row."""
    return answer


def mention(start, end, name, probability=None):
    more = {"score": 1.0, "probability": probability, "text": "x" * (end - start)}
    return {"start": start, "end": end, "type": name} | (more if probability else {})


@pytest.fixture(scope="session", name="mention")
def _mention():
    """``mention(0, 2, "LOC")``: a gold entity; with a probability a predicted one."""
    return mention


@pytest.fixture
def entity_run(tiny_encoder):
    """``entity_run(rows)`` → what figures ask of a run whose model is random, with great scores."""
    import torch

    from nlpcl import zoo
    from nlpcl.core.splits import Splits
    from nlpcl.nn.devices import choose_machine
    from nlpcl.runs.build import build

    def make(rows, *, name="run", dropout=0.1, thresholds=None, **options):
        entry, machine = zoo.entry("globalpointer"), choose_machine("cpu", "fp32")
        config = entry.config_class(backbone=str(tiny_encoder("bert", dropout)), **options)
        model, task, _ = build(entry, config, Splits("invented", train=rows), machine)
        with torch.no_grad():
            model.head.projection.weight.mul_(2.0)
        model.config.decision = {"slope": 1.0, "shift": 0.0, "thresholds": thresholds or {}}
        _, predictions = task.evaluate(model.eval(), rows, "fp32", "invented")
        return SimpleNamespace(
            name=name, model=model, task=task, spec=entry.task, has_model=True, is_study=False,
            examples=(rows, [True] * len(rows)), predictions=predictions, protocol="invented",
        )  # fmt: skip

    return make


class Drawn:
    """What lies in matplotlib's axes, as plain numbers and texts."""

    @staticmethod
    def lines(axes: Axes) -> dict[str, list[tuple[float, ...]]]:
        """The points of lines by their label; those without one are ``_child0``, ``_child1`` ..."""
        return {line.get_label(): [*map(tuple, line.get_xydata().tolist())] for line in axes.lines}

    @staticmethod
    def uprights(axes: Axes) -> list[float]:
        """Where vertical lines stand that cross the whole panel."""
        found = [line.get_xydata() for line in axes.lines]
        return [xy[0, 0] for xy in found if xy.tolist() == [[xy[0, 0], 0], [xy[0, 0], 1]]]

    @staticmethod
    def bars(axes: Axes) -> list[list[tuple[float, float]]]:
        """Middle and height of the upright bars of each set."""
        return [
            [(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in bars]
            for bars in axes.containers
            if isinstance(bars, BarContainer)
        ]

    @staticmethod
    def rows(axes: Axes) -> list[tuple[float, float]]:
        """Middle and length of lying bars."""
        return [(bar.get_y() + bar.get_height() / 2, bar.get_width()) for bar in axes.patches]

    @staticmethod
    def whiskers(axes: Axes) -> list[np.ndarray]:
        """Both ends ``(N, 2, 2)`` of the error bars of each set; unknown ones are left out."""
        return [
            np.array([ends for ends in bars[2][0].get_segments() if len(ends)])
            for bars in axes.containers
            if isinstance(bars, ErrorbarContainer)
        ]

    @staticmethod
    def middles(axes: Axes) -> list[list[tuple[float, ...]]]:
        """The points of each set of error bars that has any."""
        return [
            [*map(tuple, bars[0].get_xydata().tolist())]
            for bars in axes.containers
            if isinstance(bars, ErrorbarContainer) and bars[0] is not None
        ]

    @staticmethod
    def points(axes: Axes) -> list[np.ndarray]:
        """Coordinates ``(N, 2)`` of each scatter."""
        found = [one for one in axes.collections if isinstance(one, PathCollection)]
        return [np.asarray(one.get_offsets()) for one in found]

    @staticmethod
    def band(axes: Axes, number: int = 0) -> dict[float, tuple[float, float]]:
        """Lower and upper border of a filled band at each of its places."""
        corners = axes.collections[number].get_paths()[0].vertices
        return {
            float(x): (own.min(), own.max())
            for x in np.unique(corners[:, 0])
            for own in [corners[corners[:, 0] == x, 1]]
        }

    @staticmethod
    def title(axes: Axes) -> str:
        """The title, wherever the style puts it."""
        return axes.get_title() or axes.get_title(loc="left")

    @staticmethod
    def ticks(axis: object) -> list[str]:
        """The labels of an axis."""
        return [label.get_text() for label in axis.get_ticklabels()]

    @staticmethod
    def legend(legend: Legend) -> list[str]:
        """The names in a legend."""
        return [text.get_text() for text in legend.get_texts()]


@pytest.fixture(scope="session")
def drawn() -> type[Drawn]:
    """What lies in a picture: ``drawn.bars(axes)``."""
    return Drawn
