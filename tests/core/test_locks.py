"""One writer a folder, whatever became of the one before."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import time

import pytest

from nlpcl.core import locks
from nlpcl.core.errors import UserError
from nlpcl.core.locks import LOCK, is_being_written, only_writer, refuse_other_writer, refuse_ranks


@pytest.fixture
def said():
    return []


@pytest.fixture
def meet(tmp_path):
    """``meet(pid)`` returns once a process holds the lock of the folder."""

    def wait(pid):
        while not (tmp_path / "held").exists():
            time.sleep(0.005)

    return wait


def hold(folder):
    """Hold the lock of a folder until somebody removes the file ``held``."""
    with only_writer(folder, print):
        (folder / "held").touch()
        while (folder / "held").exists():
            time.sleep(0.005)


def test_a_lock_names_its_process_and_is_gone_afterwards(tmp_path, said):
    with only_writer(tmp_path, said.append):
        written = json.loads((tmp_path / LOCK).read_text())
        assert written["pid"] == os.getpid()
        assert written["host"] == os.uname().nodename
        assert is_being_written(tmp_path)
    assert not list(tmp_path.iterdir())
    assert not is_being_written(tmp_path)
    assert not said
    refuse_other_writer(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_it_is_gone_after_an_error_too(tmp_path, said, error):
    with pytest.raises(error), only_writer(tmp_path, said.append):
        raise error
    assert not list(tmp_path.iterdir())


def test_another_process_is_refused_and_named(tmp_path, said, forked, meet):
    def meanwhile(pid):
        meet(pid)
        for attempt in (lambda: only_writer(tmp_path, said.append).__enter__(),
                        lambda: refuse_other_writer(tmp_path)):  # fmt: skip
            with pytest.raises(UserError, match=f"is being written by process {pid} on .*Wait"):
                attempt()
        assert is_being_written(tmp_path)
        (tmp_path / "held").unlink()

    assert forked(lambda: hold(tmp_path), meanwhile).code == 0
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_left_is_taken_over_with_a_note(tmp_path, said, forked, meet):
    pids = []

    def meanwhile(pid):
        meet(pid)
        pids.append(pid)
        os.kill(pid, signal.SIGKILL)

    assert forked(lambda: hold(tmp_path), meanwhile).code == -signal.SIGKILL
    assert (tmp_path / LOCK).is_file()
    assert not is_being_written(tmp_path)
    refuse_other_writer(tmp_path)
    with only_writer(tmp_path, said.append):
        pass
    assert said == [f"{tmp_path}: taken over from process {pids[0]}, which ended half-way."]


def leave(folder, **facts):
    """A lock file that nobody holds."""
    here = {"pid": os.getpid(), "host": os.uname().nodename, "boot": "", "since": "2026"}
    (folder / LOCK).write_text(json.dumps(here | facts))


def test_a_lock_of_another_machine_is_left_alone_with_a_remedy(tmp_path, said):
    leave(tmp_path, host="elsewhere", pid=12)
    before = (tmp_path / LOCK).read_bytes()
    with pytest.raises(UserError) as caught, only_writer(tmp_path, said.append):
        pass
    assert "process 12 on elsewhere" in str(caught.value)
    assert f"If that process is gone, delete {tmp_path / LOCK}" in str(caught.value)
    assert (tmp_path / LOCK).read_bytes() == before


def test_a_container_of_the_same_machine_is_no_other_machine(tmp_path, said):
    if not locks.boot_id():
        pytest.skip("only Linux names its start")
    leave(tmp_path, host="0123abcd", pid=7, boot=locks.boot_id())
    with only_writer(tmp_path, said.append):
        pass
    assert len(said) == 1


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "many"}', '{"pid": 1}'])
def test_a_damaged_lock_is_no_hindrance(tmp_path, said, content):
    (tmp_path / LOCK).write_text(content)
    with only_writer(tmp_path, said.append):
        assert json.loads((tmp_path / LOCK).read_text())["pid"] == os.getpid()
    assert not said


def test_without_locks_of_the_file_system_the_number_of_the_process_counts(
    tmp_path, said, monkeypatch, forked
):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    leave(tmp_path)
    assert is_being_written(tmp_path)
    with pytest.raises(UserError, match="is being written"), only_writer(tmp_path, said.append):
        pass
    gone = []
    forked(lambda: None, gone.append)
    leave(tmp_path, pid=gone[0])
    assert not is_being_written(tmp_path)
    with only_writer(tmp_path, said.append):
        assert (tmp_path / LOCK).is_file()
    assert len(said) == 1


def test_several_processes_of_one_training_are_refused(monkeypatch):
    for single in ("", "1", "one"):
        monkeypatch.setenv("WORLD_SIZE", single)
        refuse_ranks()
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UserError, match=r"WORLD_SIZE=2: 2 processes .* torchrun"):
        refuse_ranks()
