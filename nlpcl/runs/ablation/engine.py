"""Training of an ablation's cells, in parallel; a failure of one does not affect the others.

The folder of an ablation holds ``ablation.json`` (plan, cells, statistics), ``report.json`` (the
tables), and ``cells/VARIANT/seed-N/``, each a run folder with ``seed-N.json`` beside it.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from nlpcl.core import progress
from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.files import write_json
from nlpcl.core.interrupts import FirstInterrupt
from nlpcl.core.json_files import read_json
from nlpcl.runs.ablation.identity import code_identity
from nlpcl.runs.ablation.plan import Cell, Plan
from nlpcl.runs.ablation.reuse import note, other_code
from nlpcl.runs.ablation.worker import Job, work
from nlpcl.runs.shapes import CellNote

TICK = 0.2
"""Seconds between looks at Ctrl-C."""


def train_cells(plan: Plan, cells: Sequence[Cell], folder: Path, *, jobs: int, quiet: bool) -> None:
    """Train cells and record their outcomes beside the run folders.

    Raises:
        KeyboardInterrupt: stopped by Ctrl-C; the same command goes on.
    """
    if not quiet:
        number = len(plan.cells())
        done = number - len(cells)
        kept = f", {done} of them finished before" if done else ""
        progress.say(f"{number} trainings in {folder}{kept}.")
    code = code_identity(plan.entry)
    for cell in cells:
        others = other_code(folder, cell, code)
        if others and not quiet:
            progress.say(f"[{cell.title}] was trained by other code; retraining.")
        note(folder, cell, code, others)
    if cells:
        Pool(plan, folder, jobs, quiet).run(cells)


def check_data(plan: Plan, config: RunConfig, *, quiet: bool) -> None:
    """Read the data once before anything is trained, and say what they are.

    Args:
        plan: of the ablation.
        config: of the first cell that is to be trained.
        quiet: say nothing.

    Raises:
        UserError: they cannot be read, lack a split, or leave a setting without an effect.
    """
    from nlpcl.runs.rows import check_rows, load_data, refuse_equal_on, refuse_idle

    splits = load_data(config)
    refuse_equal_on(splits, plan.variants.values())
    refuse_idle(config, splits)
    check_rows(config, splits, quiet=quiet)
    sizes = {"training": len(splits.train), "dev": len(splits.dev), "test": len(splits.test)}
    for name, size in sizes.items():
        if not size and not config.folds:
            how = "An ablation needs rows to train on, to choose epochs by, and to compare on."
            raise UserError(f"has no {name} rows", f"--data {config.data}", how)


@dataclass
class Pool:
    """A pool of worker processes, one per cell.

    Args:
        plan: of the ablation.
        folder: of the ablation.
        jobs: processes at a time.
        quiet: no progress.
    """

    plan: Plan
    folder: Path
    jobs: int
    quiet: bool
    interrupted: bool = False
    running: dict[Any, tuple[Cell, Any]] = field(default_factory=dict)
    outcomes: dict[Any, dict[str, str]] = field(default_factory=dict)

    def run(self, cells: Sequence[Cell]) -> None:
        """Train all cells; at the first Ctrl-C each saves its state, at the second it does not."""
        # A fork server imports torch once for all cells; elsewhere forking is not safe.
        has_server = sys.platform == "linux"
        context: Any = multiprocessing.get_context("forkserver" if has_server else "spawn")
        if has_server:
            context.set_forkserver_preload(["nlpcl.runs.fit"])
        waiting, is_told = list(cells), False
        with FirstInterrupt(self):
            try:
                while self.running or (waiting and not self.interrupted):
                    while waiting and len(self.running) < self.jobs and not self.interrupted:
                        self.start(context, waiting.pop(0))
                    for pipe in wait(list(self.running), TICK):
                        self.hear(pipe)
                    if self.interrupted and not is_told:
                        is_told = True
                        self.signal()
            except KeyboardInterrupt:
                self.signal()  # for the second time
            except BaseException:
                for _, process in self.running.values():
                    process.terminate()
                raise
        if self.interrupted:
            raise KeyboardInterrupt

    def start(self, context: Any, cell: Cell) -> None:
        """Start a worker for a cell."""
        reader, writer = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(self.job(cell), writer), daemon=True)
        process.start()
        writer.close()  # so that the end of the process is the end of the pipe
        self.running[reader] = cell, process
        self.say(cell, "begins")

    def job(self, cell: Cell) -> Job:
        """Return the message that tells a worker what to do."""
        entry = self.plan.entry
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        threads = max(1, (cores or os.cpu_count() or 1) // self.jobs)
        return {
            "model": str(entry.folder) if entry.own else entry.name,
            "config": cell.config.as_dict(),
            "folder": str(self.folder / cell.place),
            "record": str(self.folder / cell.record),
            "threads": threads if self.jobs > 1 else 0,
            "quiet": self.quiet,
            "environment": dict(os.environ),
        }

    def hear(self, pipe: Any) -> None:
        """Receive a worker's next message, or notice its end."""
        cell, process = self.running[pipe]
        try:
            kind, content = pipe.recv()
        except (EOFError, OSError):
            self.end(pipe, cell, process)
            return
        if kind == "line":
            self.say(cell, content)
        else:
            self.outcomes[pipe] = content

    def end(self, pipe: Any, cell: Cell, process: Any) -> None:
        """Record the outcome of a worker; without a last message it was killed or crashed."""
        process.join()
        del self.running[pipe]
        pipe.close()
        outcome = self.outcomes.pop(pipe, None)
        if outcome is None:
            reason = f"its process ended with exit code {process.exitcode}"
            if process.exitcode is not None and process.exitcode < 0:
                name = signal.Signals(-process.exitcode).name
                reason = f"its process was killed by {name} (out of memory?)"
            outcome = {"state": "failed", "reason": reason}
            file = self.folder / cell.record
            write_json(file, {**read_json(file, CellNote), **outcome})
        reason = f": {outcome['reason']}" if outcome["reason"] else ""
        self.say(cell, outcome["state"] + reason)

    def signal(self) -> None:
        """Forward Ctrl-C to the workers, which are in sessions of their own.

        Not only to those that seem alive: none does after a scheduler has ended the fork server.
        """
        for _, process in self.running.values():
            if hasattr(os, "setsid"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGINT)

    def say(self, cell: Cell, text: str) -> None:
        """Print a progress line of a cell, unless quiet."""
        if not self.quiet:
            progress.say(f"[{cell.title}] {text}")


def common_reason(reasons: Sequence[str]) -> str:
    """The reason if all failures have the same, else empty."""
    return reasons[0] if reasons and len(set(reasons)) == 1 else ""
