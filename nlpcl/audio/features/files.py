"""Files of the feature cache: location, locks, crash-safe logs, content hashes."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypedDict

from nlpcl.core import progress
from nlpcl.core.errors import UserError
from nlpcl.core.files import explained, make_folder
from nlpcl.core.json_files import parsed
from nlpcl.core.shapes import fault

VARIABLE = "NLPCL_CACHE"
CONTENTS = "contents.jsonl"
PATIENCE = 5.0
"""Seconds that a process waits for a lock in silence."""
SETTLED = 2_000_000_000
"""Nanoseconds after which a changed file surely has another time stamp."""


def cache_root() -> Path:
    """Root folder of the cache: in $NLPCL_CACHE, else in ~/.cache/nlpcl."""
    given = os.environ.get(VARIABLE)
    return (Path(given).expanduser() if given else Path.home() / ".cache" / "nlpcl") / "features"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes, released by the system when the process dies.

    The file names its holder, which a process that waits long is told.

    Raises:
        UserError: the file cannot be written, or its file system has no locks.
    """
    make_folder(path.parent)
    with explained(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        await_turn(descriptor, path)
        with explained(path):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def await_turn(descriptor: int, path: Path) -> None:
    """Lock an open file, after whoever holds it."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            return lock(descriptor, path, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
    holder = os.pread(descriptor, 200, 0).decode(errors="replace") or "another process"
    progress.say(f"Waiting for {holder}, which writes to the cache ({path.parent}).")
    lock(descriptor, path, fcntl.LOCK_EX)


def lock(descriptor: int, path: Path, operation: int) -> None:
    """``flock``, with what to do where the file system has none."""
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        raise
    except OSError as error:
        what = f"its file system has no locks ({error.strerror})"
        how = f"Let the variable {VARIABLE} name a folder on a local disk."
        raise UserError(what, path, how) from error


class Log:
    """A JSON Lines file with a checksum per line, to which several processes append.

    A line that a crash cut off, or that was damaged, is passed over.

    Args:
        path: of the file.
        shape: of a line, see :mod:`nlpcl.core.shapes`; others are passed over.
    """

    def __init__(self, path: Path, shape: Any) -> None:
        self.path, self.shape = path, shape
        self._inode, self._offset = 0, 0

    def news(self) -> tuple[bool, list[dict[str, Any]]]:
        """Return the lines since the last call, and whether the file was started anew."""
        try:
            with self.path.open("rb") as stream:
                status = os.fstat(stream.fileno())
                anew = status.st_ino != self._inode or status.st_size < self._offset
                if anew:
                    self._inode, self._offset = status.st_ino, 0
                stream.seek(self._offset)
                content = stream.read()
        except OSError:
            anew, self._inode, self._offset = self._inode != 0, 0, 0
            return anew, []
        # What follows the last line end is being written, or was cut off.
        content = content[: content.rfind(b"\n") + 1]
        self._offset += len(content)
        lines = (logged(line) for line in content.splitlines())
        return anew, [line for line in lines if line is not None and not fault(line, self.shape)]

    def append(self, values: Iterable[Mapping[str, Any]]) -> None:
        """Append lines; the caller must hold the lock."""
        lines = []
        for value in values:
            text = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogateescape")
            lines.append(b"%08x %s\n" % (zlib.crc32(text), text))
        with explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+") as stream:
                if stream.tell():
                    stream.seek(-1, os.SEEK_END)
                    if stream.read(1) != b"\n":
                        lines.insert(0, b"\n")
                stream.write(b"".join(lines))
                stream.flush()
                os.fsync(stream.fileno())


def logged(line: bytes) -> dict[str, Any] | None:
    """Parse a line; None if it is damaged."""
    checksum, _, text = line.partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(text):
            return None
        value = parsed(text.decode("utf-8", "surrogateescape"))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


class HashLine(TypedDict):
    """A file's hash, with size and time stamps."""

    path: str
    stamp: list[int]
    sha256: str


class ContentHashes:
    """SHA-256 hashes of files, cached by path, size and time stamps."""

    def __init__(self, root: Path) -> None:
        self._log = Log(root / CONTENTS, HashLine)
        self._lock = root / ".contents.lock"
        self._known = {line["path"]: line for line in self._log.news()[1]}
        self._new: list[dict[str, Any]] = []

    def of(self, path: str | Path) -> str:
        """Return the hash of a file's content, 64 hexadecimal digits.

        Raises:
            UserError: it cannot be read.
        """
        path = os.path.abspath(path)
        try:
            with open(path, "rb") as stream:
                status = os.fstat(stream.fileno())
                stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
                known = self._known.get(path)
                if known is not None and known["stamp"] == stamp:
                    return known["sha256"]
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise UserError(f"cannot be read ({error.strerror})", path) from error
        line = {"path": path, "stamp": stamp, "sha256": found}
        self._known[path] = line
        # A file changed a moment ago may change again within the same tick of the clock.
        if time.time_ns() - max(stamp[1:]) > SETTLED:
            self._new.append(line)
        return found

    def save(self) -> None:
        """Write new hashes; failing to write only costs hashing again."""
        if self._new:
            with contextlib.suppress(UserError), locked(self._lock):
                self._log.append(self._new)
            self._new = []
