"""The model trains on the sample and corrects; run me with pytest."""

import math
from pathlib import Path

import nlpcl
from nlpcl import zoo


def test_it_trains_and_corrects(tmp_path):
    config = zoo.entry(str(Path(__file__).parent)).config_class
    run = nlpcl.fit(config(backbone="scratch", train_fraction=0.1, epochs=1), out=tmp_path / "run")
    assert math.isfinite(run.history[0]["loss_detection"])
    assert run.metrics["n"] == 60
    (row,) = run.predict(["我每天都吃旱饭"])
    assert len(row["target"]) == 7
