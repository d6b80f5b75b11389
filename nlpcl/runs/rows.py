"""Loading of the rows that a configuration names."""

from __future__ import annotations

import os

from nlpcl import tasks
from nlpcl.core.config import RunConfig
from nlpcl.core.splits import Splits
from nlpcl.data import loading


def load_splits(config: RunConfig, *, as_test: bool = False) -> Splits:
    """Load and split the data; with ``as_test``, nothing of a single file is held out."""
    splits = loading.load(
        config.data,
        tasks.spec(config.task).schema,
        root=config.data_root,
        columns=config.columns(),
        dev_fraction=config.dev_fraction,
        seed=config.seed,
        keep_overlap=config.keep_overlap,
        as_test=as_test,
        options=config.data_options(),
    )
    splits.keep(config.train_fraction)
    return splits


def load_unsplit(config: RunConfig) -> Splits:
    """Load every row of the corpora into ``train``, for a protocol to split."""
    named = [part.strip() for part in config.data.split(",")]
    joined = Splits(config.data)
    for part in [config.data] if os.path.exists(config.data) else named:
        splits, _ = loading.load_as_is(
            part,
            tasks.spec(config.task).schema,
            root=config.data_root,
            columns=config.columns(),
            options=config.data_options(),
        )
        joined.train += [*splits.train, *splits.dev, *(r for t in splits.test.values() for r in t)]
        joined.problems += splits.problems
        joined.notes += splits.notes
    return joined
