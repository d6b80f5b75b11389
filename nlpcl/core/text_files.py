"""Reading text files: UTF-8, with a one-line error that recognises everything else."""

from __future__ import annotations

import re
from pathlib import Path

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Problem

LATIN = "Latin-1 (Windows-1252)"
_HIGH = re.compile(b"[\x80-\xff]+")


def read_text(
    path: Path, *, damaged: list[Problem] | None = None, notes: list[str] | None = None
) -> str:
    """The whole file as text: UTF-8, a byte order mark removed, line endings untouched.

    Args:
        path: the file.
        notes: if given, Latin-1 is read too, and a note is added here.
        damaged: if given, up to 1 % of the lines may hold bytes that are not UTF-8; they become
            U+FFFD and are listed here. The official SIGHAN files hold such lines.

    Raises:
        UserError: the file is missing, a folder, unreadable, empty, binary or not UTF-8.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError("no such file", path, "Check the path.") from error
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", path) from error
    if not data.strip():
        raise UserError("the file is empty", path, "Get an undamaged copy.")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UserError("UTF-16 text", path, "Convert it with: iconv -f UTF-16 -t UTF-8")
    head = data[:4096]
    control = sum(byte < 9 or 13 < byte < 32 for byte in head)
    if control > len(head) // 50:
        raise UserError("not a text file", path, "Unpack or export it as UTF-8 text first.")
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        if damaged is not None:
            broken = _broken_lines(data)
            if len(broken) * 100 <= data.count(b"\n"):
                what = "bytes that are not UTF-8, read as U+FFFD"
                damaged += [Problem(str(path), number, what, is_used=True) for number in broken]
                return data.decode("utf-8", errors="replace").removeprefix("\ufeff")
        if notes is not None and is_latin(data):
            notes.append(f"{path.name}: not UTF-8 (line {line}); read as {LATIN}")
            # Five bytes have no meaning in Windows-1252; they become U+FFFD.
            return data.decode("cp1252", errors="replace")
        raise UserError(f"not UTF-8 at line {line}", path, remedy(data)) from error


def is_latin(data: bytes) -> bool:
    """Whether bytes that are not UTF-8 look like Latin-1: single accents between plain letters.

    Chinese encodings write a character as two bytes, most of them high, and words as runs of these.
    """
    runs = [len(found.group()) for found in _HIGH.finditer(data)]
    return bool(runs) and runs.count(1) >= 0.9 * len(runs)


def remedy(data: bytes) -> str:
    """How to convert bytes that are not UTF-8, by what they look like."""
    if is_latin(data):
        return f"It looks like {LATIN}; convert it with: iconv -f CP1252 -t UTF-8"
    return "Convert it with: iconv -f GB18030 -t UTF-8"


def _broken_lines(data: bytes) -> list[int]:
    broken: list[int] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            broken.append(number)
    return broken


def read_lines(path: Path, *, damaged: list[Problem] | None = None) -> list[str]:
    """Read the lines of a file without their endings; only LF and CRLF end a line."""
    lines = read_text(path, damaged=damaged).split("\n")
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]
