"""A training leaves nothing in its process that a later one, or the caller, would see."""

from __future__ import annotations

import itertools
import json
import logging
import os
import random
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

# One thread where several would be taken: two are slow beside other work.
SETTINGS: dict[str, dict[str, Any]] = {
    "bf16": {"model": "sdcl", "precision": "bf16"},
    "one thread": {"model": "sdcl", "threads": 1, "seed": 1},
    "accumulated": {"model": "sdcl", "negatives": "batch", "grad_accumulation": 3},
    "distilled": {"model": "distill", "precision": "bf16"},
    "classes": {"model": "dcl", "data": "./classes.csv"},
}

SEQUENCES = """
import hashlib, json, os, random, sys
import numpy, torch
import nlpcl, nlpcl.runs.fit, nlpcl.tasks.correction.task, nlpcl.tasks.masked_lm.task
from nlpcl import zoo

settings, sequences, out = (json.loads(text) for text in sys.argv[1:4])

def digest(folder):
    files = [*folder.glob("model/*.safetensors"), *folder.glob("*.csv"), folder / "report.json"]
    files += folder.glob("predictions.jsonl")
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(files))).hexdigest()

def digests(number, names):
    for place, name in enumerate(names):
        random.seed(number + place), numpy.random.seed(number + place)
        torch.manual_seed(number + place)
        values = dict(settings[name])
        config = zoo.entry(values.pop("model")).config_class(**values)
        yield digest(nlpcl.fit(config, out=f"{out}/{number}-{place}").folder)

for number, names in enumerate(sequences):
    # A child knows the imports alone.
    child = os.fork()
    if not child:
        with open(f"{out}/{number}.json", "w") as stream:
            json.dump(list(digests(number, names)), stream)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{names} failed")
"""
"""Sequences of trainings, each in a process of its own, to what each training has written."""


def state_of_the_process() -> dict[str, Any]:
    """All that one training could leave for the next."""
    from accelerate.state import AcceleratorState, GradientState, PartialState
    from transformers.utils import logging as transformers_logging

    loggers = logging.root.manager.loggerDict
    return {
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "path": list(sys.path),
        "random": random.getstate(),
        "numpy": str(np.random.get_state()),
        "torch": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")),
        "products": torch.get_float32_matmul_precision(),
        "onednn": torch.backends.mkldnn.enabled,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "warnings": list(warnings.filters),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "verbosity": transformers_logging.get_verbosity(),
        "bars": transformers_logging.is_progress_bar_enabled(),
        "levels": {
            name: (one.level, one.disabled, one.propagate, tuple(one.handlers), tuple(one.filters))
            for name, one in loggers.items()
            if isinstance(one, logging.Logger)
        },
        "accelerate": [
            dict(kind._shared_state) for kind in (AcceleratorState, GradientState, PartialState)
        ],
    }


@pytest.fixture
def quick(settings):
    """Settings of a training of two updates."""
    return settings | {"epochs": 1, "batch_size": 12}


@pytest.mark.parametrize("name", ["bf16", "one thread", "accumulated"])
def test_the_process_is_left_as_it_was(name, quick, finished_run, tmp_path, monkeypatch):
    from transformers.utils import logging as transformers_logging

    import nlpcl
    from nlpcl.zoo.sdcl.config import Config

    # The run before has imported all there is to import.
    nlpcl.load(finished_run)
    monkeypatch.setattr(transformers_logging, "_tqdm_active", True)
    monkeypatch.setattr(transformers_logging, "_default_log_level", logging.INFO)
    torch.set_num_threads(2)
    before = state_of_the_process()
    options = {key: value for key, value in SETTINGS[name].items() if key != "model"}
    nlpcl.fit(Config(**quick | {"threads": 1} | options), out=tmp_path / "run")
    after = state_of_the_process()
    for key, value in before.items():
        assert after[key] == value, key


def test_a_failed_training_too(quick, finished_run, tmp_path):
    import nlpcl
    from nlpcl.core.errors import UserError
    from nlpcl.zoo.sdcl.config import Config

    nlpcl.load(finished_run)
    torch.set_num_threads(2)
    before = state_of_the_process()
    with pytest.raises(UserError, match="not finite"):
        nlpcl.fit(
            Config(**quick | {"lr": 1e30, "max_grad_norm": 0.0, "threads": 1, "epochs": 4}),
            out=tmp_path / "run",
        )
    after = state_of_the_process()
    for key, value in before.items():
        assert after[key] == value, key


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
def test_a_trained_model_runs_in_the_precision_that_is_asked_for(
    precision, tiny_encoder, pairs, tmp_path
):
    """Accelerate's autocast is taken off: the object equals one made of its weights."""
    from nlpcl.core.progress import Silent
    from nlpcl.tasks import open_task
    from nlpcl.text.encoders import load_text_encoder
    from nlpcl.training.trainer import train
    from nlpcl.zoo.sdcl.config import Config
    from nlpcl.zoo.sdcl.model import SDCL

    config = Config(epochs=1, batch_size=4, lr=1e-3, device="cpu")
    backbone, tokenizer = load_text_encoder(str(tiny_encoder()), SDCL.auto_class)
    model = SDCL.build(backbone, config.model_options())
    fresh = SDCL.build(load_text_encoder(str(tiny_encoder()), SDCL.auto_class)[0], {})
    attributes = set(vars(model))
    task = open_task(config, tokenizer, model.config)
    rows = task.encode([{"source": wrong, "target": right} for wrong, right in pairs[:8]])
    train(
        model,
        rows,
        task.collate_training,
        lambda _: {"selection": 0.0},
        config,
        tmp_path,
        precision=precision,
        display=Silent(),
    )
    fresh.load_state_dict(model.state_dict())
    batch = task.collate(rows)
    found, wanted = (one.eval()(**batch).logits for one in (model, fresh))
    assert torch.equal(found, wanted)
    assert set(vars(model)) == attributes


@pytest.fixture
def digests(python, quick, tmp_path, pairs):
    """``digests(sequences)`` → for each sequence of settings a digest of each training."""
    rows = [f"{right},{'abc'[at % 3]}\n" for at, (_, right) in enumerate(pairs)]
    (tmp_path / "classes.csv").write_text("text,label\n" + "".join(rows), encoding="utf-8")

    def run(sequences):
        known = {name: {**quick, **values} for name, values in SETTINGS.items()}
        arguments = [known, sequences, str(tmp_path)]
        done = python(tmp_path, SEQUENCES, *map(json.dumps, arguments))
        assert done.code == 0, done.err
        files = [tmp_path / f"{number}.json" for number in range(len(sequences))]
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    return run


def check_sequences(digests, names, chains):
    """Every training of a chain against the same one in a fresh process."""
    found = digests([*([name] for name in names), *chains])
    fresh = {name: only for name, (only,) in zip(names, found, strict=False)}
    assert len(set(fresh.values())) == len(names)
    for chain, made in zip(chains, found[len(names) :], strict=True):
        for name, one in zip(chain, made, strict=True):
            assert one == fresh[name], f"{name} of {chain}"


def test_a_second_training_is_that_of_a_fresh_process(digests):
    names = ["bf16", "accumulated"]
    check_sequences(digests, names, [names])


@pytest.mark.slow
def test_every_pair_of_trainings_in_one_process(digests):
    """One chain in which each follows each, and itself."""
    names = ["bf16", "accumulated", "distilled", "classes"]
    chain = [names[0]]
    left = set(itertools.product(names, repeat=2))
    while left:
        # The last as late as possible, so that the chain does not end too soon.
        following = [name for name in names if (chain[-1], name) in left]
        if not following:
            chain += [names[0]]
            continue
        left.remove((chain[-1], following[-1]))
        chain.append(following[-1])
    check_sequences(digests, names, [chain])
