"""What a training changes in its process, put back when it ends.

Without it a training would see what an earlier one has left: its precision, its number of threads,
its random state.
"""

from __future__ import annotations

import contextlib
import random
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from accelerate.state import AcceleratorState, GradientState
from transformers.utils import logging as transformers_logging

RandomState = tuple[Any, ...]


def random_state() -> RandomState:
    """The states of all generators that a model may draw from: python, numpy, torch, every GPU."""
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return random.getstate(), np.random.get_state(), torch.get_rng_state(), gpus


def set_random_state(state: RandomState) -> None:
    """Put back what :func:`random_state` has returned."""
    python, numpy, processor, gpus = state
    random.setstate(python)
    np.random.set_state(numpy)
    torch.set_rng_state(processor)
    if gpus:
        torch.cuda.set_rng_state_all(gpus)


@contextlib.contextmanager
def process_kept() -> Iterator[None]:
    """Put back what a training changes.

    That is the number of threads, the random states, transformers' messages and progress bars, and
    what accelerate shares among all its users.
    """
    threads, state = torch.get_num_threads(), random_state()
    verbosity = transformers_logging.get_verbosity()
    has_bars = transformers_logging.is_progress_bar_enabled()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        set_random_state(state)
        transformers_logging.set_verbosity(verbosity)
        if has_bars:
            with warnings.catch_warnings():
                # Of bars that a variable of the environment forbids.
                warnings.simplefilter("ignore")
                transformers_logging.enable_progress_bar()
        # Otherwise the next Accelerator of the process would have this one's precision.
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()


@contextlib.contextmanager
def forward_kept(model: torch.nn.Module) -> Iterator[None]:
    """The model without accelerate's autocast around its ``forward`` afterwards."""
    try:
        yield
    finally:
        # accelerate wraps the method in an attribute of this one object, and notes that it has.
        for name in ("forward", "_original_forward", "_is_accelerate_prepared"):
            model.__dict__.pop(name, None)
