"""Signals that ask a process to end."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace

import pytest

from nlpcl.core.interrupts import STOPS, FirstInterrupt, handled, stop_at_once

EVERY = [signal.SIGINT, *STOPS]


def test_schedulers_and_closed_terminals_stop_like_control_c():
    assert {signal.SIGTERM, signal.SIGHUP} == set(STOPS)


@pytest.mark.parametrize("number", STOPS)
def test_a_stop_is_an_interrupt_at_once(number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), handled(STOPS, stop_at_once):
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


@pytest.mark.parametrize("number", EVERY)
def test_the_first_is_noted_and_the_second_stops_at_once(number):
    target, before = SimpleNamespace(interrupted=False), signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), FirstInterrupt(target):
        os.kill(os.getpid(), number)
        assert target.interrupted
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_one_of_each_kind_still_stops_gently():
    target = SimpleNamespace(interrupted=False)
    with FirstInterrupt(target):
        for number in EVERY:
            os.kill(os.getpid(), number)
    assert target.interrupted


def test_what_was_ignored_stays_ignored():
    usual = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handled(STOPS, stop_at_once):
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, usual)
