"""Sound files that libsndfile cannot read, decoded by ffmpeg where it is installed.

A file is decoded to a temporary WAV, so that memory does not grow with its length.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from nlpcl.core.errors import UserError

SUFFIXES = (".m4a", ".mp4", ".aac", ".webm", ".amr", ".wma")
"""Endings of files that are left to ffmpeg."""
RATE = 16_000
"""Sampling rate in Hz that they are decoded to; the one that speech is read at."""
CONVERT = "Install ffmpeg, or convert it elsewhere to WAV, FLAC, OGG or MP3."


def is_installed() -> bool:
    """Whether there is an ffmpeg on the path."""
    return shutil.which("ffmpeg") is not None


@contextlib.contextmanager
def decoded(path: Path) -> Iterator[Path]:
    """A temporary WAV file with the first sound track, 16 bits at ``RATE``, all its channels.

    Raises:
        UserError: ffmpeg is not installed, or cannot decode the file.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        what = f"{path.suffix.lower()} is read through ffmpeg, which is not installed"
        raise UserError(what, path, CONVERT)
    with tempfile.TemporaryDirectory(prefix="nlpcl-") as folder:
        target = Path(folder, "decoded.wav")
        # A file may be a playlist that names others, or places in a network: these are not opened.
        command = [program, "-nostdin", "-v", "error", "-protocol_whitelist", "file"]
        command += ["-i", f"file:{path.absolute()}", "-map", "0:a:0", "-vn", "-ar", str(RATE)]
        command += ["-c:a", "pcm_s16le", "-rf64", "auto", "-f", "wav", f"file:{target}"]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
        except OSError as error:
            raise UserError(f"ffmpeg cannot be run ({error.strerror})", path, CONVERT) from error
        if done.returncode or not target.is_file():
            lines = done.stderr.decode(errors="replace").splitlines()
            reason = next(filter(None, map(str.strip, lines)), f"exit code {done.returncode}")
            what = f"cannot be decoded by ffmpeg ({reason[:160]})"
            raise UserError(what, path, "Get an undamaged copy.")
        yield target


def not_read(files: Iterable[Path]) -> str:
    """``3 files not read (.m4a 2, .webm 1): ...``, without ffmpeg; empty where there are none.

    Args:
        files: of any kind.
    """
    counts = Counter(path.suffix.lower() for path in files if path.suffix.lower() in SUFFIXES)
    if not counts or is_installed():
        return ""
    number = counts.total()
    listed = ", ".join(f"{suffix} {count}" for suffix, count in sorted(counts.items()))
    how = "install ffmpeg, or convert them to WAV, FLAC, OGG or MP3"
    return f"{number} sound file{'s' if number > 1 else ''} not read ({listed}): {how}"
