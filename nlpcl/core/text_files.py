"""Reading of text files as strict UTF-8, with one-line errors."""

from __future__ import annotations

from pathlib import Path

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Problem


def read_text(path: Path, *, damaged: list[Problem] | None = None) -> str:
    """Read a whole file as UTF-8, without byte order mark; line endings are kept.

    Args:
        path: the file.
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
                damaged += [Problem(str(path), number, what) for number in broken]
                return data.decode("utf-8", errors="replace").removeprefix("\ufeff")
        how = "Convert it with: iconv -f GB18030 -t UTF-8"
        raise UserError(f"not UTF-8 at line {line}", path, how) from error


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
