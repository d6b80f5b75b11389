"""Provenance of results: settings, data, versions, machine and time."""

from __future__ import annotations

import dataclasses
import datetime
import importlib.metadata
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlpcl import zoo
from nlpcl.core import progress
from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Splits
from nlpcl.core.version import __version__
from nlpcl.nn.devices import Machine
from nlpcl.nn.model import ZooModel
from nlpcl.runs.ablation.identity import code_identity
from nlpcl.runs.checksums import FILES
from nlpcl.runs.folder import FORMAT, read_record
from nlpcl.training.records import newest_checkpoint


def start_record(
    entry: zoo.Entry,
    config: RunConfig,
    splits: Splits,
    model: ZooModel,
    machine: Machine,
    folder: Path,
    resume: bool,
) -> dict[str, Any]:
    """Create the record in ``run.json`` for the time of training."""
    record = common_record(entry, config, splits, folder, resume)
    if resume and newest_checkpoint(folder / "checkpoints") is None:
        progress.say("No whole checkpoint yet: starting from the beginning.")
    weights = sum(weight.numel() for weight in model.parameters())
    heard = sorted({row["speaker"] for row in [*splits.train, *splits.dev] if row.get("speaker")})
    speakers = {"speakers": heard} if heard else {}
    where = {"device": str(machine.device), "precision": machine.precision}
    return record | where | {"parameters": weights} | speakers | kept_model(folder, resume)


def kept_model(folder: Path, resume: bool) -> dict[str, Any]:
    """What is known of the model that an interruption kept, until another one is saved."""
    previous = read_record(folder) if resume else {}
    return {key: previous[key] for key in ("progress", FILES) if key in previous}


def study_record(
    entry: zoo.Entry,
    config: RunConfig,
    clips: Splits,
    leaks: Mapping[str, Any],
    folder: Path,
    resume: bool,
) -> dict[str, Any]:
    """Create the record in ``run.json`` while the folds of a protocol are trained."""
    return common_record(entry, config, clips, folder, resume) | {"leaks": leaks}


def common_record(
    entry: zoo.Entry, config: RunConfig, splits: Splits, folder: Path, resume: bool
) -> dict[str, Any]:
    """Record settings, data, versions and time; a resumed run keeps its start time.

    Raises:
        UserError: the data of a resumed run are not what they were.
    """
    described = {
        "name": splits.name,
        "sizes": splits.sizes(),
        "fingerprint": splits.fingerprint(),
        "protocol": splits.protocol,
        "notes": splits.notes,
        "problems": listed_problems(splits),
    }
    started = now().isoformat()
    if resume:
        previous = read_record(folder)
        if previous.get("data", {}).get("fingerprint") != described["fingerprint"]:
            raise UserError(
                "the data changed since this run began",
                folder,
                "Restore them, or start a new run.",
            )
        started = previous.get("started", started)
    return {
        "format": FORMAT,
        "model": entry.name,
        "task": config.task,
        "state": "running",
        "config": config.as_dict(),
        "seed": config.seed,
        "data": described,
        "versions": versions(),
        "commit": commit(),
        "code": code_identity(entry, exact=True),
        "started": started,
    }


def listed_problems(splits: Splits) -> list[dict[str, Any]]:
    """The rows that were skipped or doubtful, for ``run.json``."""
    return [dataclasses.asdict(problem) for problem in splits.problems]


def now() -> datetime.datetime:
    """Current time in UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)


def versions() -> dict[str, str]:
    """Versions of nlpcl, Python and the libraries that results depend on."""
    packages: Sequence[str] = ("torch", "transformers", "accelerate", "tokenizers", "datasets")
    return {
        "nlpcl": __version__,
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in packages},
    }


def commit() -> str | None:
    """Git commit of the working folder, with ``+`` if there are changes; None without git."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return described.stdout.strip() or None
