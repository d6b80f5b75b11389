"""One process a training, one writer a folder: a lock file names the process that holds it.

The system knows whether the process of a lock on this machine is alive: it keeps the file locked
(``flock``) until that process ends in whatever way. File systems without such locks, and other
machines, can only be judged by what the file says.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Generator
from pathlib import Path

from nlpcl.core.errors import UserError
from nlpcl.core.files import explained
from nlpcl.core.json_files import parsed
from nlpcl.core.shapes import fault

LOCK = ".lock"
"""The lock file of a folder."""
TRIES = 5
PAUSE = 0.02
"""Seconds between tries: whoever only looks at a lock holds it for a moment."""
WITHOUT_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}
"""How a file system says that it has no locks."""
LARGEST_PID = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Writer:
    """A process as its lock file names it.

    Args:
        pid: its number.
        host: the name of its machine.
        boot: what tells a machine apart whatever it is called, as in containers; may be empty.
        since: when it took the lock, in ISO format.
    """

    pid: int
    host: str
    boot: str
    since: str

    @classmethod
    def here(cls) -> Writer:
        """This process."""
        moment = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        return cls(os.getpid(), socket.gethostname(), boot_id(), moment.isoformat())

    @property
    def is_elsewhere(self) -> bool:
        """Whether it runs, or ran, on another machine."""
        return self.host != socket.gethostname() and (not self.boot or self.boot != boot_id())

    @property
    def is_alive(self) -> bool:
        """Whether a process of its number runs on this machine."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}, since {self.since}"


def boot_id() -> str:
    """What Linux calls this start of this machine; empty elsewhere."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


@contextlib.contextmanager
def only_writer(folder: Path, say: Callable[[str], object]) -> Generator[None]:
    """Be the only process that writes to a folder.

    Args:
        folder: it exists.
        say: is told of a lock that a process left behind when it was killed; it is taken over.

    Raises:
        UserError: another process writes there, or one on another machine may do so.
    """
    path = folder / LOCK
    with explained(path):
        descriptor, previous = _acquired(path)
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(dataclasses.asdict(Writer.here())).encode(), 0)
        except OSError:
            os.close(descriptor)
            raise
    try:
        if previous is not None:
            say(f"{folder}: taken over from process {previous.pid}, which ended half-way.")
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        os.close(descriptor)


def refuse_other_writer(folder: Path) -> None:
    """Refuse a folder that another process writes to, before any work is done for it.

    Raises:
        UserError: naming the process.
    """
    with explained(folder / LOCK), contextlib.suppress(FileNotFoundError):
        descriptor, _ = _acquired(folder / LOCK, os.O_RDWR)
        os.close(descriptor)


def refuse_ranks() -> None:
    """Refuse to be one of several processes that train together, each of which would train alone.

    Raises:
        UserError: ``torchrun`` or a scheduler has started more than one.
    """
    ranks = os.environ.get("WORLD_SIZE", "")
    if ranks.isdigit() and int(ranks) > 1:
        what = f"{ranks} processes were started for one training, which nlpcl does in one process"
        how = "Start it without torchrun, or with --nproc-per-node 1 on one node."
        raise UserError(what, f"WORLD_SIZE={ranks}", how)


def is_being_written(folder: Path) -> bool:
    """Whether a process of this machine writes to a folder now."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        writer = _writer(descriptor)
        if _locked(descriptor):
            return False
        return writer is not None and not writer.is_elsewhere and writer.is_alive
    except OSError:
        return True
    finally:
        os.close(descriptor)


def _acquired(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> tuple[int, Writer | None]:
    """The lock file, open and locked, and who left it behind."""
    writer = None
    for _ in range(TRIES):
        descriptor = os.open(path, flags, 0o644)
        try:
            is_locked = _locked(descriptor)
            writer = _writer(descriptor)
            if not is_locked and _is_same(descriptor, path):
                # Without locks of the system the file alone has a say.
                if writer is None or not (writer.is_elsewhere or writer.is_alive):
                    return descriptor, writer
                raise _busy(path, writer)
            if is_locked and _is_same(descriptor, path):
                if writer is not None and writer.is_elsewhere:
                    raise _busy(path, writer)
                return descriptor, writer
        except BlockingIOError:
            writer = _writer(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        time.sleep(PAUSE)
    raise _busy(path, writer)


def _locked(descriptor: int) -> bool:
    """Lock an open file; False where the file system has no locks.

    Raises:
        BlockingIOError: another process holds it.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in WITHOUT_LOCKS:
            return False
        raise
    return True


def _is_same(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one at a path; its holder removes it at the end."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _writer(descriptor: int) -> Writer | None:
    """Who a lock file names; None for an empty or damaged one."""
    try:
        found = parsed(os.pread(descriptor, 4096, 0).decode())
    except ValueError:
        return None
    if fault(found, Writer) or not 0 < found["pid"] <= LARGEST_PID:
        return None
    return Writer(*(found[field.name] for field in dataclasses.fields(Writer)))


def _busy(path: Path, writer: Writer | None) -> UserError:
    """The refusal, with what can be done about it."""
    how = "Wait for its end, or stop it."
    if writer is not None and writer.is_elsewhere:
        how = f"If that process is gone, delete {path}; it cannot be seen from this machine."
    what = f"is being written by {writer or 'another process'}"
    return UserError(what, path.parent, how)
