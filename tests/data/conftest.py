"""Invented sound files for adapters of speech, and what a check says of known counts."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy
import pytest
import soundfile

from nlpcl.data.check import Check


@pytest.fixture(scope="session")
def write_sound() -> Callable[..., Path]:
    """``write_sound(path)`` → 0.2 s of noise, another for every file name; folders are made."""

    def write(path: Path, seconds: float = 0.2, loudness: float = 0.1, rate: int = 16_000) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        generator = numpy.random.default_rng(zlib.crc32(path.name.encode()))
        wave = loudness * generator.standard_normal(round(seconds * rate)).clip(-3, 3)
        soundfile.write(path, wave, rate)
        return path

    return write


@pytest.fixture
def release(tmp_path, write_sound) -> Callable[[Iterable[str]], Path]:
    """``release(["Actor_01/03-01-....wav"])`` → a folder with these sound files."""

    def made(names: Iterable[str]) -> Path:
        for name in names:
            write_sound(tmp_path / "release" / name)
        return tmp_path / "release"

    return made


@pytest.fixture
def unlike_known() -> Callable[[Check], dict[str, object]]:
    """``unlike_known(report)`` → the counts that its tables show as missing or different."""

    def differing(report: Check) -> dict[str, object]:
        counts, *others = report.tables()
        found: dict[str, object] = {
            str(row[0]): tuple(row[1:]) for row in counts.rows if row[3] in {"missing", "differs"}
        }
        for table in others:
            if table.name != "problems":
                # Cells by two names: "229 (230)" where 230 is known.
                rows = {
                    row[0]: row[1:] for row in table.rows if any("(" in str(c) for c in row[1:])
                }
                found |= {table.name: rows} if rows else {}
        return found

    return differing
