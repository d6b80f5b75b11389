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
