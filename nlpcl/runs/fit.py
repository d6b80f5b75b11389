"""Training: from settings to a finished run folder."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from nlpcl import zoo
from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.locks import refuse_other_writer, refuse_ranks
from nlpcl.core.needs import changed, refuse_without_effect
from nlpcl.nn.devices import choose_machine
from nlpcl.runs.evaluation import check_tests
from nlpcl.runs.folder import refuse_taken
from nlpcl.runs.rows import check_rows, load_splits, refuse_idle
from nlpcl.runs.run import Run
from nlpcl.runs.single import fit_splits, refuse_finished
from nlpcl.training.process import process_kept


@process_kept()
def fit(
    config: RunConfig,
    *,
    out: str | Path | None = None,
    quiet: bool = True,
    resume: bool = False,
    baseline: bool = True,
) -> Run:
    """Train a model, evaluate it on the test sets, and write a run folder.

    The process is left as it was: number of threads, random states, messages of transformers.

    Args:
        config: a model's ``Config``.
        out: the run folder; ``runs/<model>-<time>`` by default.
        quiet: no progress display.
        resume: go on with the run in ``out``.
        baseline: also fit the task's plain baseline, if it has one, and report it beside the model.

    Returns:
        The finished run.

    Raises:
        UserError: a mistake in the settings, the data or the encoder.
        KeyboardInterrupt: stopped by Ctrl-C; the run can be resumed.
    """
    refuse_ranks()
    config.check()
    if out is not None and not resume:
        refuse_taken(Path(out))
    if not resume:  # an older run keeps its settings
        refuse_without_effect(config, changed(config))
    entry = entry_of(config)
    machine = choose_machine(config.device, config.precision)
    if config.threads:
        torch.set_num_threads(config.threads)
    if config.folds:
        from nlpcl.runs.folds import cross_validate

        return cross_validate(
            entry, config, machine, out=out, quiet=quiet, resume=resume, baseline=baseline
        )
    splits = load_splits(config)
    if not splits.train or not splits.dev:
        raise UserError(
            f"has {len(splits.train)} training and {len(splits.dev)} dev rows",
            f"--data {config.data}",
            "It is for testing only (nlpcl eval), or too small to hold a dev set out.",
        )
    if not resume:
        refuse_idle(config, splits)
    check_rows(config, splits, quiet=quiet)
    check_tests(config, splits)
    return fit_splits(
        entry, config, splits, machine, out=out, quiet=quiet, resume=resume, baseline=baseline
    )


def resume(
    folder: str | Path,
    *,
    model: str | None = None,
    quiet: bool = True,
    entry: zoo.Entry | None = None,
    baseline: bool = True,
) -> Run:
    """Resume an interrupted run with its original settings.

    Args:
        folder: the run folder.
        model: the model it is expected to be of, if any.
        quiet: no progress display.
        entry: the code of its model; by default the run's own copy of it, or the zoo's.
        baseline: see :func:`fit`.

    Raises:
        UserError: it is finished or of another model, or another process works on it.
    """
    run = Run(folder, entry=entry)
    refuse_other_writer(run.folder)
    if model is not None and run.record["model"] != model:
        raise UserError(
            f"is a run of {run.record['model']}, not of {model}",
            f"--resume {folder}",
            f"Use: nlpcl train {run.record['model']} --resume {folder}",
        )
    refuse_finished(run.folder)
    return fit(run.config, out=folder, quiet=quiet, resume=True, baseline=baseline)


def entry_of(config: RunConfig) -> zoo.Entry:
    """Return the model of the zoo whose ``Config`` this is."""
    module = sys.modules[type(config).__module__]
    package = module.__name__.rpartition(".")[0]
    if package.startswith(zoo.__name__ + "."):
        return zoo.entry(package.rpartition(".")[2].replace("_", "-"))
    if not getattr(module, "__file__", None):
        raise UserError("belongs to no model folder", type(config).__name__)
    return zoo.own_entry(Path(str(module.__file__)).parent)
