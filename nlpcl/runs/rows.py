"""The rows that a configuration names."""

from __future__ import annotations

import os
from typing import Any

from nlpcl.core.config import RunConfig
from nlpcl.core.splits import Splits
from nlpcl.data import loading as data


def load_splits(config: RunConfig, *, as_test: bool = False) -> Splits:
    """The data that a configuration names; ``as_test`` holds nothing of a single file out."""
    columns = getattr(config, "columns", dict)()
    splits = data.load(
        config.data,
        task=config.task,
        root=config.data_root,
        columns=columns,
        dev_fraction=config.dev_fraction,
        seed=config.seed,
        keep_overlap=config.keep_overlap,
        as_test=as_test,
    )
    splits.keep(config.train_fraction)
    return splits


def load_clips(config: Any) -> Splits:
    """Every clip of the corpora that a configuration names, unsplit, in ``train``."""
    named = [part.strip() for part in config.data.split(",")]
    joined = Splits(config.data)
    for part in [config.data] if os.path.exists(config.data) else named:
        splits, _ = data.load_as_is(
            part,
            task=config.task,
            root=config.data_root,
            columns=config.columns(),
            options=config.data_options(),
        )
        joined.train += [*splits.train, *splits.dev, *(r for t in splits.test.values() for r in t)]
        joined.problems += splits.problems
        joined.notes += splits.notes
    return joined
