"""How long whole commands take to answer, beside an interpreter that does nothing.

    python benchmarks/startup.py [--repetitions 5]

Every command runs in a process of its own, the commands taking turns; the first round warms the
file cache and does not count.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from rich.console import Console

from nlpcl.core.tables import Table

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "nlpcl --version": ["-m", "nlpcl", "--version"],
    "nlpcl --help": ["-m", "nlpcl", "--help"],
    "nlpcl models": ["-m", "nlpcl", "models"],
    "nlpcl train sdcl --help": ["-m", "nlpcl", "train", "sdcl", "--help"],
    "nlpcl predict spelling --help": ["-m", "nlpcl", "predict", "spelling", "--help"],
}


def seconds(arguments: list[str]) -> float:
    """From the start of the process to its end; it must succeed."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repetitions", type=int, default=5)
    repetitions = parser.parse_args().repetitions
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for repetition in range(repetitions + 1):
        for name, arguments in COMMANDS.items():
            taken = seconds(arguments)
            if repetition:
                times[name].append(taken)
    rows = [
        [name, statistics.median(taken), min(taken), max(taken)] for name, taken in times.items()
    ]
    title = f"Seconds a command, {repetitions} repetitions"
    columns = ["command", "median", "smallest", "largest"]
    Console().print(Table("startup", columns, rows, title=title).as_rich())


if __name__ == "__main__":
    main()
