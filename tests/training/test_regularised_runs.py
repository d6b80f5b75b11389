"""Regularisers through ``train``: history, resuming to the last bit, refusals before any folder."""

from __future__ import annotations

import csv
import itertools
import os
import signal

import pytest

import nlpcl
from nlpcl.core.errors import UserError
from nlpcl.zoo.sdcl.config import Config

EVERY = {
    "rdrop": 0.5,
    "rdrop_delay": 0.5,
    "vat": 0.5,
    "fgm": 0.5,
    "pgd": 0.5,
    "pgd_steps": 2,
    "ema": 0.9,
}
MIDDLE = 5
"""An update in the middle of the second of two epochs of three."""


@pytest.fixture(scope="module")
def everything(settings):
    """A coupled term and accumulated batches too; one thread, as a fork has."""
    return settings | EVERY | {
        "threads": 1, "batch_size": 4, "grad_accumulation": 2, "negatives": "batch",
    }  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory, everything, flags, command_line):
    """The run of it without an interruption."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    result = command_line(["train", "sdcl", *flags(everything), "--out", folder, "--quiet"])
    assert result.code == 0, result.err
    return folder


def rows(folder):
    with (folder / "history.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_term_is_a_part_of_the_history(whole):
    terms = {"x": 1, "y": 1, "c": 0.5, "vat": 1, "fgm": 1, "pgd": 1}
    for row in rows(whole):
        weighed = {name: weight * float(row[f"loss_{name}"]) for name, weight in terms.items()}
        assert all(value > 0 for value in weighed.values())
        assert 0 < float(row["loss_rdrop"]) < 10
        # λ rises from 0 to 1/2 within the epoch.
        least = sum(weighed.values())
        assert least < float(row["loss"]) < least + 0.5 * float(row["loss_rdrop"]) + 0.2 * least
        assert float(row["loss_fgm"]) > weighed["x"]
    assert [float(row["rdrop_weight"]) for row in rows(whole)] == pytest.approx([1 / 12, 0.5])


def test_the_curves_have_them(whole):
    from nlpcl.analysis.figures.curves import curves

    panels = curves([nlpcl.load(whole)]).values["curves_by_panel"]
    drawn = {curve.name for curve in panels["parts of the loss"]}
    assert {"loss_rdrop", "loss_vat", "loss_fgm", "loss_pgd"} < drawn
    assert "λ of R-Drop" in panels


def test_a_resumed_run_ends_the_same_to_the_last_bit(
    whole, everything, flags, command_in_a_fork, run_main, tmp_path
):
    folder, left = tmp_path / "run", itertools.count(MIDDLE - 1, -1)

    def prepare():
        from nlpcl.zoo.sdcl.model import SDCL

        def set_progress(model, done):
            if next(left) == 0:
                os.kill(os.getpid(), signal.SIGTERM)

        SDCL.set_progress = set_progress

    stopped = command_in_a_fork(["train", "sdcl", *flags(everything), "--out", folder], prepare)
    assert stopped.code == 130, stopped
    assert run_main("train", "sdcl", "--resume", folder, "--quiet").code == 0
    for name in ("model/model.safetensors", "history.csv", "predictions.jsonl", "report.json"):
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name


def test_what_cannot_be_is_refused_before_there_is_a_folder(settings, tiny_encoder, tmp_path):
    plain = settings | {"backbone": str(tiny_encoder("bert", 0.0))}
    with pytest.raises(UserError, match="both passes of R-Drop are the same"):
        nlpcl.fit(Config(**plain, rdrop=1.0), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_flags_that_change_nothing_are_refused(run_main):
    line = run_main("train", "sdcl", "--rdrop-ramp", "2").error_line
    assert line.endswith("--rdrop-ramp: has no effect here. Set --rdrop above 0, or leave it out.")
    assert "--ema: 1.0 is not below 1" in run_main("train", "sdcl", "--ema", "1").error_line
