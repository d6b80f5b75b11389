"""What a run has learnt: the rows that it was trained or selected on are no test of it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.needs import parts
from nlpcl.core.splits import Splits
from nlpcl.data.holdout import all_keys, without
from nlpcl.runs.rows import load_data, load_splits, study_rows
from nlpcl.runs.run import Run

KEEP = "--keep-overlap"


@dataclass(frozen=True)
class Learnt:
    """What some runs have learnt.

    Args:
        keys: of texts or clips, see :func:`nlpcl.data.holdout.row_keys`.
        doubts: sentences on runs of which that cannot be told, or not for sure.
    """

    keys: Collection[str]
    doubts: Sequence[str]


def learnt(runs: Iterable[Run]) -> Learnt:
    """The texts or clips that a run was trained or selected on."""
    keys: set[str] = set()
    doubts: list[str] = []
    for run in runs:
        try:
            splits = load_data(run.config)
            known = [*splits.train, *splits.dev]
            if run.is_study:
                rows, is_new = study_rows(
                    splits.train, run.predictions, run.record.get("model_fold", "")
                )
                known = [row for row, new in zip(rows, is_new, strict=True) if not new]
        except UserError as error:
            doubts.append(f"What {run.name} has learnt cannot be told ({error.what}).")
            continue
        keys |= all_keys(known)
        was = run.record.get("data", {}).get("fingerprint")
        if was is not None and was != splits.fingerprint():
            doubts.append(f"The data of {run.name} have changed since it was trained.")
    return Learnt(keys, doubts)


def load_new(run: Run, config: RunConfig, *, keep: bool) -> Splits:
    """Test rows of other data, without those that the run has learnt.

    Its own data are split as they were for the training.

    Args:
        run: what is tested.
        config: its settings, with the other data.
        keep: leave nothing out; the protocol says how many rows the run has learnt.

    Raises:
        UserError: nothing is left.
    """
    is_own = not run.is_study and is_same(config.data, run.config.data)
    splits = load_splits(config, as_test=not is_own, for_test=True)
    found = learnt([run])
    splits.notes += found.doubts
    if is_own and config.keep_overlap:
        return splits  # as the training has it, which its protocol says
    for name, rows in splits.test.items():
        new = without(rows, found.keys)
        number = len(rows) - len(new)
        if not number:
            continue
        if not new and not keep:
            what = f"the run was trained or selected on all {number} rows of {name}"
            how = f"Give rows that it has not seen, or {KEEP} to score these."
            raise UserError(what, f"--data {config.data}", how)
        done = "scored although the run" if keep else "LEFT OUT, since the run"
        clause = f"{number} of {len(rows)} rows of {name} {done} was trained or selected on them"
        splits.protocol = f"{splits.protocol}; {clause}" if splits.protocol else clause
        splits.test[name] = rows if keep else new
    return splits


def is_same(data: str, other: str) -> bool:
    """Whether two values of ``--data`` stand for the same corpora, files and folders, in order."""
    one, two = parts(data), parts(other)
    return len(one) == len(two) and all(map(is_same_part, one, two))


def is_same_part(one: str, other: str) -> bool:
    """:func:`is_same` for one corpus, file or folder."""
    both_are_there = os.path.exists(one) and os.path.exists(other)
    return one == other or (both_are_there and os.path.samefile(one, other))
