"""Progress of training: a live display on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Mapping
from typing import IO, Any, cast

from rich.console import Console, Group
from rich.file_proxy import FileProxy
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from nlpcl.core.characters import visible


class Stderr(io.TextIOBase):
    """Standard error, where what cannot be written is lost and stops nothing.

    The terminal may have been closed: the training that it showed still has its state to save.
    """

    @property
    def stream(self) -> IO[str]:
        """What is standard error by now, also while rich has put something before it."""
        stream: Any = sys.stderr
        return stream.rich_proxied_file if isinstance(stream, FileProxy) else stream

    def write(self, text: str) -> int:
        """Write to it."""
        with contextlib.suppress(OSError):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush it."""
        with contextlib.suppress(OSError):
            self.stream.flush()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self.stream.isatty()


console = Console(file=cast(IO[str], Stderr()), highlight=False)


def say(text: str) -> None:
    """Print a line on stderr, without markup; stdout is reserved for results."""
    console.print(visible(text), markup=False, soft_wrap=True)


def clock(seconds: float) -> str:
    """Format seconds: ``75`` → ``1:15``."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def numbers(values: Mapping[str, float]) -> str:
    """Format values with four significant digits: ``{"loss": 1.25}`` → ``loss 1.25``."""
    return "  ".join(f"{name} {value:.4g}" for name, value in values.items())


class Silent:
    """No display; the base class of the others."""

    def begin(self, steps: int, epochs: int, done: int) -> None:
        """Called when training starts: total updates, epochs, updates done before a resume."""

    def step(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Called after an update: number, epoch as a fraction, loss parts, learning rate."""

    def epoch(self, number: int, values: Mapping[str, float], best: bool) -> None:
        """Called after an epoch: its number, dev scores, whether they are the best so far."""

    def end(self) -> None:
        """Called when training stops, for whatever reason."""


class Lines(Silent):
    """A line every few seconds and one per epoch."""

    EVERY = 10.0

    def begin(self, steps: int, epochs: int, done: int) -> None:
        self.steps, self.epochs, self.done = steps, epochs, done
        self.started = self.shown = time.monotonic()

    def rate(self, step: int) -> tuple[float, float]:
        """Updates per second, and seconds left."""
        speed = (step - self.done) / max(time.monotonic() - self.started, 1e-9)
        return speed, (self.steps - step) / max(speed, 1e-9)

    def step(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        if time.monotonic() - self.shown >= self.EVERY:
            self.shown = time.monotonic()
            speed, left = self.rate(step)
            say(
                f"step {step}/{self.steps}  epoch {epoch:.2f}/{self.epochs}  {numbers(values)}  "
                f"{speed:.1f} steps/s  {clock(left)} left"
            )

    def epoch(self, number: int, values: Mapping[str, float], best: bool) -> None:
        say(f"epoch {number}/{self.epochs}  {numbers(values)}{'  best' if best else ''}")


class Display(Lines):
    """A live panel with the epochs so far and the current step."""

    ROWS = 12
    live: Live | None = None

    def begin(self, steps: int, epochs: int, done: int) -> None:
        super().begin(steps, epochs, done)
        self.rows: list[tuple[int, dict[str, float], bool]] = []
        self.current: dict[str, float] = {}
        self.at = (done, 0.0)
        self.live = Live(console=console, get_renderable=self.render, refresh_per_second=4)
        self.live.start()

    def render(self) -> Group:
        """Render the panel."""
        step, epoch = self.at
        speed, left = self.rate(step)
        bar = ProgressBar(total=self.steps, completed=step, width=40)
        line = Text(
            f"step {step}/{self.steps}  epoch {epoch:.2f}/{self.epochs}  {speed:.1f} steps/s  "
            f"{clock(left)} left"
        )
        current = Text(numbers(self.current))
        return Group(*([self.epochs_so_far()] if self.rows else []), bar, line, current)

    def epochs_so_far(self) -> Table:
        """Render one row per epoch; the best are marked."""
        table = Table()
        columns = list(dict.fromkeys(name for _, values, _ in self.rows for name in values))
        table.add_column("epoch", justify="right")
        for name in columns:
            table.add_column(name, justify="right")
        for number, values, best in self.rows[-self.ROWS :]:
            cells = [f"{values[name]:.4g}" if name in values else "-" for name in columns]
            table.add_row(f"{number}{'*' if best else ''}", *cells, style="bold" if best else "")
        return table

    def step(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        self.at, self.current = (step, epoch), dict(values)

    def epoch(self, number: int, values: Mapping[str, float], best: bool) -> None:
        self.rows.append((number, dict(values), best))

    def end(self) -> None:
        if self.live is not None:
            self.live.stop()


def choose(quiet: bool) -> Silent:
    """Choose the display that suits the terminal."""
    if quiet:
        return Silent()
    return Display() if sys.stderr.isatty() and not console.is_dumb_terminal else Lines()
