"""What a person sees while a model trains."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from nlpcl.core import progress


@pytest.fixture
def seen(monkeypatch):
    """A function that gives what was printed so far."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120, highlight=False)
    monkeypatch.setattr(progress, "console", console)
    return stream.getvalue


def train(display, epochs=3):
    display.begin(6, epochs, 0)
    for number in range(1, epochs + 1):
        for step in (2 * number - 1, 2 * number):
            display.step(step, step / 2, {"loss_x": 1.25, "lr": 1e-4})
        display.epoch(number, {"loss": 0.5 / number, "dev_loss": 0.75}, number == 2)
    display.end()


def test_lines(seen):
    train(progress.Lines())
    lines = seen().splitlines()
    assert [line.split()[1] for line in lines] == ["1/3", "2/3", "3/3"]
    assert "dev_loss 0.75" in lines[0]
    assert ["best" in line for line in lines] == [False, True, False]


def test_display(seen):
    train(progress.Display())
    assert "6/6" in seen()
    assert "dev_loss" in seen()


def test_a_display_that_never_began_can_end(seen):
    progress.Display().end()
    progress.Lines().end()


def test_silent(seen, capsys):
    train(progress.choose(quiet=True))
    assert seen() == ""
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_lines_where_there_is_no_terminal():
    assert type(progress.choose(quiet=False)).__name__ == "Lines"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (75, "1:15"), (3725.9, "1:02:05"), (-3, "0:00")]
)
def test_clock(seconds, text):
    assert progress.clock(seconds) == text


def test_say_prints_brackets_as_they_are(seen):
    progress.say("[bold]x[/bold]")
    assert "[bold]x[/bold]" in seen()


class Closed(io.StringIO):
    """A terminal that is closed in the middle of a training."""

    is_open = True

    def isatty(self):
        return True

    def write(self, text):
        if not self.is_open:
            raise OSError(5, "Input/output error")
        return super().write(text)

    def flush(self):
        if not self.is_open:
            raise OSError(5, "Input/output error")


@pytest.mark.parametrize("kind", [progress.Lines, progress.Display])
def test_a_terminal_that_was_closed_stops_nothing(kind, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", Closed())
    stream = progress.sys.stderr
    display = kind()
    display.begin(6, 3, 0)
    progress.say("so far")
    display.epoch(1, {"loss": 0.5}, True)
    assert "so far" in stream.getvalue()
    stream.is_open = False
    display.step(3, 1.5, {"loss_x": 1.25})
    display.epoch(2, {"loss": 0.5}, True)
    progress.say("a line")
    print("a warning", file=progress.sys.stderr) if kind is progress.Display else None
    display.end()
    assert progress.sys.stderr is stream
