"""Graceful handling of Ctrl-C and of the signals that mean the same."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Generator
from types import FrameType
from typing import Protocol

STOPS = [one for one in signal.Signals if one.name in {"SIGTERM", "SIGHUP"}]
"""What schedulers, ``kill`` and a closed terminal send to end a process."""

Handler = Callable[[int, FrameType | None], object] | int | None


class Interruptible(Protocol):
    """An object that checks ``interrupted`` regularly."""

    interrupted: bool


def stop_at_once(number: int, frame: FrameType | None) -> None:
    """Handle a signal as Python handles Ctrl-C."""
    raise KeyboardInterrupt


@contextlib.contextmanager
def handled(numbers: list[signal.Signals], handler: Handler) -> Generator[None]:
    """Handle signals within a block; do nothing outside the main thread, where none can be.

    A signal that was ignored from the beginning, as SIGHUP is under ``nohup``, stays so.
    """
    previous: dict[signal.Signals, Handler] = {}
    with contextlib.suppress(ValueError):
        for number in numbers:
            if signal.getsignal(number) != signal.SIG_IGN:
                previous[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, usual in previous.items():
            signal.signal(number, usual)


class FirstInterrupt:
    """Set ``interrupted`` at the first signal; stop at once at the second of the same kind.

    Of that kind: a scheduler may signal a whole group of processes, of which one passes Ctrl-C on
    to the others; these are to stop gently all the same.

    Args:
        target: told of the first one.
    """

    def __init__(self, target: Interruptible) -> None:
        self.target = target
        self.received: set[int] = set()
        self._block = handled([signal.SIGINT, *STOPS], self._handle)

    def __enter__(self) -> None:
        self._block.__enter__()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if number in self.received:
            raise KeyboardInterrupt
        self.received.add(number)
        self.target.interrupted = True

    def __exit__(self, *_: object) -> None:
        self._block.__exit__(None, None, None)
