"""Sound files from the command line: files, folders, patterns, or a list on standard input."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterable
from pathlib import Path

from nlpcl.audio import ffmpeg
from nlpcl.audio.reading import suffixes
from nlpcl.core.errors import UserError


def sound_paths(given: Iterable[str], notes: list[str] | None = None) -> list[str]:
    """List sound files in the order given; those of a folder or pattern are sorted by name.

    Args:
        given: files; folders, searched to any depth; patterns such as ``a/*.wav`` or
            ``a/**/*.wav``; ``-`` for one path a line on standard input. A file that is named is
            taken whatever its ending, and need not be readable: that is found out later.
        notes: gets a line for each folder with sound files that need ffmpeg, where there is none.

    Raises:
        UserError: a folder without sound files, a pattern that matches nothing, no such file.
    """
    found: list[str] = []
    for name in given:
        if name == "-":
            lines = (line.rstrip("\r\n") for line in sys.stdin)
            listed = (line for line in lines if line.strip() and line != "-")
            found += sound_paths(listed, notes)
        elif Path(name).is_dir():
            files = [path for path in Path(name).rglob("*") if not path.name.startswith(".")]
            inside = sorted(str(path) for path in files if path.suffix.lower() in suffixes())
            skipped = ffmpeg.not_read(files)
            if not inside:
                what = f"holds no sound files ({' '.join(suffixes())})"
                raise UserError(skipped or what, name)
            if skipped and notes is not None:
                notes.append(f"{name}: {skipped}")
            found += inside
        elif Path(name).exists():
            found.append(name)
        elif glob.has_magic(name):
            matches = sorted(
                path for path in glob.glob(name, recursive=True) if Path(path).is_file()
            )
            if not matches:
                raise UserError("no file matches the pattern", name, "Check it, and quote it.")
            found += matches
        else:
            raise UserError("no such file", name, "Check the path.")
    return list(dict.fromkeys(found))
