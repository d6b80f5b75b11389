"""User errors: one line that says what is wrong, where, and how to fix it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from nlpcl.core.characters import visible


class UserError(Exception):
    """An error the user can fix; the command line prints it as one line and exits with code 2.

    Names of files and words of data may hold anything: line ends and other control characters are
    made visible.

    Args:
        what: what is wrong, without a full stop, e.g. ``"unknown column 'src'"``.
        where: the file, flag or field concerned; may be empty.
        how: how to mend it, as an instruction.
    """

    def __init__(self, what: str, where: object = "", how: str = "") -> None:
        self.what, self.where, self.how = visible(what), str(where), how
        place = f"{where}: " if self.where else ""
        advice = f". {how}" if how else ""
        super().__init__(visible(f"{place}{what}{advice}".strip()))


def unknown_name(
    kind: str, name: str, known: Iterable[str], *, where: str = "", how: str = ""
) -> UserError:
    """Create the error for an unknown name, with the nearest one and the list of all."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    suggestion = f"Did you mean {close[0]!r}? " if close else ""
    listed = f"Known: {', '.join(names)}." if names else "There are none."
    return UserError(f"unknown {kind} {name!r}", where, f"{suggestion}{listed} {how}".strip())


def first_line(error: Exception) -> str:
    """Return the first sentence of an error, short enough for one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= 160 else text[:157] + "..."
