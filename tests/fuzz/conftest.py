"""Damaged files: every one is read, or refused in one line; never another exception.

``survives(place, names, read)`` damages one of some files in a folder, calls ``read``, and puts the
folder right again, as often as the mark ``slow`` allows: 30 times, or 500 with ``pytest -m slow``.
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import random
import resource
import shutil
import signal
import traceback
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from nlpcl.core.errors import UserError

SHORT, LONG = 30, 500
"""Damaged files a format: in the usual suite, and by ``-m slow``."""
SECONDS = 10
"""Of the processor: a busy machine is no fault of a file."""
ASLEEP = 120
"""Seconds in which nothing may wait for nothing."""
MEMORY = 2**30
"""Bytes that reading one file may take."""
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 7, 1.5, float("nan"), float("inf"), 10**30, -(10**400)),
    *("", "x", "9" * 50, "\ud800", "a\x00b", "\x1b[31m", "\u202ea", "../..", "字" * 300),
    *([], {}, [[]], [None], {"": {}}, ["x", 1], {"a": [1, {"b": None}]}),
]
"""What stands in the place of a value of JSON."""
NUMBERS = [b"9" * 5000, b"-1", b"0", b"1e999", b"nan", b"1" + b"0" * 400, b"0x10", "٣".encode()]
PIECES = [
    *(b"\x00", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n\n", b"\x1b[2J", b"\x85", "\u2028".encode()),
    *(b'"', b"'", b"\\", b"<", b">", b"{", b"[", b"}", b"]", b",", b"\t", b":", b";", b"|", b"="),
    *(b"\\ud800", b"&amp;", b"&#99999999999;", b"version https://git-lfs", b"RIFF", b"PK\x03\x04"),
]
DELIMITERS = b'\t,;|"<>{}[]:=\n() '
Damage = Callable[[bytes, random.Random], bytes]


def flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data or b"\x00")
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def insert(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(PIECES) * rng.choice((1, 1, 2, 50)) + data[at:]


def remove(data: bytes, rng: random.Random) -> bytes:
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    return data[:start] + data[min(end, start + rng.choice((1, 20, 10**6))) :]


def repeat(data: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(data) + 1)
    piece = data[start : start + rng.choice((1, 10, 60))]
    return data[:start] + piece * rng.choice((2, 30, 1000)) + data[start:]


def delimiters(data: bytes, rng: random.Random) -> bytes:
    places = [at for at, byte in enumerate(data) if byte in DELIMITERS]
    changed = bytearray(data)
    for at in sorted(rng.sample(places, min(len(places), rng.choice((1, 2, 9)))), reverse=True):
        changed[at : at + 1] = rng.choice((b"", b"", bytes([data[at]]) * 2, rng.choice(PIECES)))
    return bytes(changed)


def numbers(data: bytes, rng: random.Random) -> bytes:
    places = [at for at in range(len(data)) if data[at : at + 1].isdigit()]
    at = rng.choice(places or [0])
    end = at
    while data[end : end + 1].isdigit():
        end += 1
    return data[:at] + rng.choice(NUMBERS) + data[end:]


def encoding(data: bytes, rng: random.Random) -> bytes:
    name = rng.choice(("utf-16", "utf-32-be", "gb18030", "latin-1", "utf-8-sig", "utf-7"))
    return data.decode("utf-8", "replace").encode(name, "replace")


def other(data: bytes, rng: random.Random) -> bytes:
    return rng.choice(
        (
            b"",
            b" \n\n",
            b"null",
            b"[]",
            b"{}",
            b'"x"',
            b"[" * 100_000,
            b'{"a":' * 5000 + b"1" + b"}" * 5000,
            b"[" * 500 + b"]" * 500,
            b"<ESSAY>" * 2000,
            b'"' + b"a," * 5000,
            bytes(range(256)) * 4,
            b"\x00" * 5000,
            b"\x89PNG\r\n\x1a\n" + rng.randbytes(200),
        )
    )


def lines(data: bytes, rng: random.Random) -> bytes:
    listed = data.split(b"\n")
    for _ in range(rng.choice((1, 3))):
        at, to = rng.randrange(len(listed)), rng.randrange(len(listed))
        listed[at], listed[to] = rng.choice(
            ((listed[to], listed[at]), (b"", listed[to]), (listed[to], listed[to]))
        )
    return rng.choice((b"\n", b"\n", b"\r\n", b"\r")).join(listed)


def values(data: bytes, rng: random.Random) -> bytes:
    """Another value somewhere in a JSON file, or in a line of JSON; else as :func:`numbers`."""
    for whole in (True, False):
        listed = [data] if whole else data.split(b"\n")
        at = rng.randrange(len(listed))
        try:
            content = json.loads(listed[at])
        except (ValueError, RecursionError):
            continue
        for _ in range(rng.choice((1, 1, 1, 3))):
            content = changed(content, rng)
        listed[at] = json.dumps(content, ensure_ascii=rng.random() < 0.9).encode(
            errors="surrogatepass"
        )
        return b"\n".join(listed)
    return numbers(data, rng)


def changed(content: Any, rng: random.Random) -> Any:
    """Another value, or key, somewhere in a value of JSON."""
    place = content
    for _ in range(8):
        inner = list(place.values()) if isinstance(place, dict) else place
        if not isinstance(inner, list):
            break
        deeper = [one for one in inner if isinstance(one, list | dict) and one]
        if not deeper or rng.random() < 0.35:
            break
        place = rng.choice(deeper)
    if not isinstance(place, list | dict) or not place:
        return copy.deepcopy(rng.choice(VALUES))
    key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
    kind = rng.random()
    if kind < 0.7:
        place[key] = copy.deepcopy(rng.choice(VALUES))
    elif kind < 0.85:
        del place[key]
    elif isinstance(place, dict):
        place[rng.choice(("x", "", key + " ", "\ud800", key.upper()))] = place.pop(key)
    else:
        place += place[key : key + 1] * rng.choice((1, 100))
    return content


DAMAGES: Sequence[Damage] = (
    *(flip, cut, insert, remove, repeat, delimiters, numbers, encoding, other, lines),
    *(values, values, values),
)


class Hung(BaseException):
    """A file took too long; no handler of exceptions may keep it."""


@contextlib.contextmanager
def limits() -> Generator[None]:
    """Stop what takes too long, and refuse it memory."""

    def stop(*_: object) -> None:
        raise Hung

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    former = resource.getrlimit(resource.RLIMIT_AS)
    timers = [(signal.SIGPROF, signal.ITIMER_PROF, SECONDS)]
    timers.append((signal.SIGALRM, signal.ITIMER_REAL, ASLEEP))
    handlers = [signal.signal(number, stop) for number, _, _ in timers]
    for _, timer, seconds in timers:
        signal.setitimer(timer, seconds)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, former)
        for (number, timer, _), handler in zip(timers, handlers, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def outcome(read: Callable[[], object]) -> tuple[str, str]:
    """What became of one call: ``read``, ``refused``, or the fault; and where."""
    try:
        with limits(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            read()
    except UserError as error:
        line = str(error)
        if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in line):
            return "error line", repr(line)
        return "refused", line
    except SystemExit as stop:
        return ("refused", "") if stop.code in (0, 1, 2) else ("exit", str(stop.code))
    except Hung:
        return "hung", ""
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if f"{os.sep}nlpcl{os.sep}" in frame.filename]
        place = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
        return type(error).__name__, f"{place} {str(error)[:120]!r}"
    return "read", ""


def damaged(place: Path, name: str, rng: random.Random, wrap: Any) -> str:
    """Damage a file of a folder; returns how."""
    file = place / name
    kind = rng.random()
    if kind < 0.01:
        file.unlink()
        return "missing"
    if kind < 0.02:
        file.unlink()
        file.mkdir()
        return "a folder"
    pack, unpack = wrap if wrap and rng.random() < 0.7 else (bytes, bytes)
    damage = rng.choice(DAMAGES)
    content = damage(unpack(file.read_bytes()), rng)
    file.write_bytes(pack(content))
    return damage.__name__


@pytest.fixture
def code_is_not_hashed(monkeypatch):
    """Which takes longer than all else."""
    for place in ("ablation.outcomes", "ablation.reuse", "verification"):
        monkeypatch.setattr(f"nlpcl.runs.{place}.code_identity", lambda *_, **__: {})


@pytest.fixture(params=["short", pytest.param("long", marks=pytest.mark.slow)])
def survives(request, tmp_path, monkeypatch) -> Callable[..., Counter[str]]:
    """``survives(place, names, read, wrap=None)``: what became of each damaged file, counted."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    number = SHORT if request.param == "short" else LONG

    def check(
        place: Path, names: Sequence[str], read: Callable[[Path], object], wrap: Any = None
    ) -> Counter[str]:
        read(place)
        counts: Counter[str] = Counter()
        faults: Counter[str] = Counter()
        examples: dict[str, str] = {}
        kept = shutil.copytree(place, tmp_path / "kept")
        for turn in range(number):
            rng = random.Random(f"{request.node.name} {turn}")
            name = names[turn % len(names)]
            how = damaged(place, name, rng, wrap)
            found, at = outcome(lambda: read(place))
            counts[found] += 1
            if found not in ("read", "refused"):
                key = f"{found} {at.split(' ')[0]}"
                faults[key] += 1
                examples.setdefault(key, f"{name}, {how}, turn {turn}: {at}")
            broken = place / name
            shutil.rmtree(broken) if broken.is_dir() else broken.unlink(missing_ok=True)
            shutil.copy2(kept / name, broken)
        told = "\n".join(f"{n} × {key}  ({examples[key]})" for key, n in faults.most_common())
        assert not faults, f"{sum(faults.values())} of {number}:\n{told}"
        return counts

    return check
