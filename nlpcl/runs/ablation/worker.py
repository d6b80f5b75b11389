"""Worker process of an ablation: one training, started or resumed, with its cost.

A process of its own keeps a crash from taking the others along, and measures its own memory.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import sys
import threading
import time
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

from nlpcl import zoo
from nlpcl.core.errors import UserError, first_line
from nlpcl.core.files import write_json
from nlpcl.core.interrupts import STOPS, stop_at_once
from nlpcl.core.json_files import read_json
from nlpcl.runs.folder import read_record
from nlpcl.runs.shapes import CellNote

Connection = Any
"""The writing end of a pipe; messages are ``("line", text)`` and ``("end", outcome)``."""
Job = dict[str, Any]
"""``model``, ``config``, ``folder``, ``record``, ``threads``, ``quiet``, ``environment``."""


class Lines(io.TextIOBase):
    """A text stream that sends whole lines, so that those of several processes do not mix."""

    def __init__(self, pipe: Connection) -> None:
        super().__init__()
        self.pipe, self.rest = pipe, ""

    def write(self, text: str) -> int:
        """Send the lines that ``text`` completes."""
        *lines, self.rest = (self.rest + text).replace("\r", "\n").split("\n")
        with contextlib.suppress(OSError):
            for line in filter(str.strip, lines):
                self.pipe.send(("line", line))
        return len(text)

    def isatty(self) -> bool:
        """Always False, so that there is no live display."""
        return False

    def writable(self) -> bool:
        """Always True, as required of a text stream."""
        return True


def work(job: Job, pipe: Connection) -> None:
    """Train one cell and send its outcome: ``{"state", "reason"}``."""
    apart_from_the_terminal()
    os.environ.clear()
    os.environ.update(job["environment"])
    sys.stdout = sys.stderr = Lines(pipe)
    start = time.monotonic()
    try:
        train(job)
        outcome = {"state": "finished", "reason": ""}
    except KeyboardInterrupt:
        outcome = {"state": "interrupted", "reason": ""}
    except UserError as error:
        outcome = {"state": "failed", "reason": str(error)}
    except MemoryError:
        outcome = {"state": "failed", "reason": "out of memory"}
    except Exception as error:
        # Any fault of one cell must leave the others alone; its last place helps to find it.
        outcome = {"state": "failed", "reason": f"{type(error).__name__}: {first_line(error)}"}
        print(place_of(error), file=sys.stderr)
    record = read_json(Path(job["record"]), CellNote)
    seconds = (record.get("seconds") or 0.0) + time.monotonic() - start
    peak = max(record.get("peak_memory_mb") or 0.0, peak_memory() or 0.0) or None
    cost = {"seconds": round(seconds, 1), "peak_memory_mb": peak}
    write_json(Path(job["record"]), record | outcome | cost)
    with contextlib.suppress(OSError):
        pipe.send(("end", outcome))


def train(job: Job) -> None:
    """Start a run, or resume one that an earlier process left."""
    import torch

    from nlpcl.runs.fit import fit

    if job["threads"]:
        torch.set_num_threads(min(job["threads"], torch.get_num_threads()))
    config = zoo.entry(job["model"]).config_class.from_dict(job["config"])
    folder = Path(job["folder"])
    # All variants of a seed have one baseline: it is fitted when they are compared.
    resume = can_go_on(folder)
    fit(config, out=folder, quiet=job["quiet"], resume=resume, baseline=False)


def can_go_on(folder: Path) -> bool:
    """Whether a folder holds a resumable run; anything less is deleted."""
    with contextlib.suppress(UserError):
        if read_record(folder).get("state") != "finished":
            return True
    shutil.rmtree(folder, ignore_errors=True)
    return False


def apart_from_the_terminal() -> None:
    """Receive Ctrl-C from the parent only, once, and end when the parent ends.

    A scheduler may send SIGTERM to parent and workers alike.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in STOPS:
        signal.signal(number, stop_at_once)
    if hasattr(os, "setsid"):
        with contextlib.suppress(OSError):
            os.setsid()
    parent = parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def peak_memory() -> float | None:
    """Peak memory of this process in MB, of the GPU if one was used."""
    import torch

    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return round(torch.cuda.max_memory_allocated() / 1e6, 1)
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6, 1)


def place_of(error: BaseException) -> str:
    """File and line that raised an error."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"raised in {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
