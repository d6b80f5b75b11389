"""What a training of an ablation sends to the process that began it."""

from __future__ import annotations

import pytest

from nlpcl.runs.ablation.worker import Lines


class Pipe(list):
    def send(self, message):
        self.append(message)


def test_lines_are_sent_when_they_are_whole():
    sent = Pipe()
    stream = Lines(sent)
    assert stream.write("epo") == 3
    assert sent == []
    assert stream.write("ch 1\n \n\n  two\rthr") == 17
    assert sent == [("line", "epoch 1"), ("line", "  two")]
    stream.write("ee\n")
    assert sent[2:] == [("line", "three")]


def test_a_reader_that_went_away_is_no_mistake():
    class Closed:
        def send(self, message):
            raise BrokenPipeError

    assert Lines(Closed()).write("a\n") == 2


def test_a_stream_of_lines_is_written_to_and_no_terminal():
    stream = Lines(Pipe())
    assert stream.writable()
    assert not stream.isatty()
    with pytest.raises(OSError):
        stream.read()
