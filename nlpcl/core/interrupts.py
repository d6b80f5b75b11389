"""Graceful handling of Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Protocol


class Interruptible(Protocol):
    """An object that checks ``interrupted`` regularly."""

    interrupted: bool


class FirstInterrupt:
    """Set ``interrupted`` at the first Ctrl-C; stop at once at the second.

    Args:
        target: told of the first one.
    """

    def __init__(self, target: Interruptible) -> None:
        self.target = target
        self.previous: Callable[[int, FrameType | None], object] | int | None = None

    def __enter__(self) -> None:
        try:
            self.previous = signal.signal(signal.SIGINT, self._handle)
        except ValueError:  # not in the main thread: leave signals alone
            self.previous = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.target.interrupted:
            raise KeyboardInterrupt
        self.target.interrupted = True

    def __exit__(self, *_: object) -> None:
        if self.previous is not None:
            signal.signal(signal.SIGINT, self.previous)
