"""Storage of cached frames: shards of raw fp16 values, and a log of the clips in them.

Each process that adds clips writes a shard of its own. A clip is entered in the log after its
numbers are on the disk, so a process that dies leaves nothing that could be misread. At its end it
notes the shard's size and time; a shard that does not look so is compared with the checksums.

Legend: ``T`` frames, ``K`` layers, ``H`` width.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from nlpcl.audio.features.files import Log, locked
from nlpcl.core.errors import UserError
from nlpcl.core.files import explained, write_json
from nlpcl.core.splits import Problem

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

ABOUT = "about.json"
INDEX = "index.jsonl"


class ClipLine(TypedDict):
    """A line of the log: a clip's frames."""

    clip: str
    shard: str
    offset: int
    shape: list[int]
    checksum: int


class SealLine(TypedDict):
    """A line of the log: size and time of a finished shard."""

    seal: str
    status: list[int] | None


class LostLine(TypedDict):
    """A line of the log: a clip whose frames are damaged."""

    lost: str


class Place(NamedTuple):
    """Location of a clip's frames: shard, offset in bytes, shape and CRC-32."""

    shard: str
    offset: int
    shape: tuple[int, ...]
    checksum: int

    @property
    def size(self) -> int:
        """Size in bytes."""
        return 2 * math.prod(self.shape)


class FeatureStore:
    """Frames of rows: ``store[row]`` is ``(T, H)`` or ``(K, T, H)``, None if unusable.

    What it gives are copies: changing one changes nothing in the cache.

    Args:
        folder: of the front end.
        places: of each row.
        problems: rows without usable sound.
        made: how many clips were computed for it; the others were there.
        half: give float16 in place of float32.
    """

    def __init__(
        self,
        folder: Path,
        places: Sequence[Place | None],
        problems: Sequence[Problem],
        made: int = 0,
        half: bool = False,
    ) -> None:
        self.folder, self.places, self.problems = folder, list(places), list(problems)
        self.made, self.half = made, half
        # All now: a shard that is mapped stays readable even when the cache is cleared.
        self._maps = self._mapped()

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, row: int) -> Tensor | None:
        import torch

        frames = self.array(row)
        if frames is None:
            return None
        return torch.from_numpy(frames.astype("float16" if self.half else "float32"))

    def array(self, row: int) -> np.ndarray | None:
        """The frames as stored, fp16 and read-only."""
        place = self.places[row]
        if place is None:
            return None
        first = place.offset // 2
        return self._maps[place.shard][first : first + place.size // 2].reshape(place.shape)

    def length(self, row: int) -> int:
        """Number of frames T of a row; 0 if its sound is unusable."""
        place = self.places[row]
        return 0 if place is None else place.shape[-2]

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_maps": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A process of a DataLoader maps the files itself in place of being sent their content.
        self.__dict__.update(state)
        self._maps = self._mapped()

    def _mapped(self) -> dict[str, np.ndarray]:
        names = {place.shard for place in self.places if place is not None}
        return {name: mapped(self.folder / name) for name in names}


class Shelf:
    """Features of one front end: an index of all clips, and a shard that this process writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = folder.with_name(f".{folder.name}.lock")
        self.places: dict[str, Place] = {}
        self._seals: dict[str, list[int]] = {}
        self._log = Log(folder / INDEX, ClipLine | SealLine | LostLine)
        self._shard = ""

    def refresh(self) -> None:
        """Read the entries that were added to the log since the last call."""
        anew, lines = self._log.news()
        if anew:
            self.places, self._seals = {}, {}
        for line in lines:
            if "seal" in line:
                self._seals[line["seal"]] = line["status"]
            elif "lost" in line:
                self.places.pop(line["lost"], None)
            else:
                self.places[line["clip"]] = Place(
                    line["shard"], line["offset"], tuple(line["shape"]), line["checksum"]
                )

    def verify(self) -> None:
        """Drop damaged clips from the index. Only shards without a valid seal are read."""
        self.refresh()
        shards = {place.shard for place in self.places.values()}
        doubtful = [name for name in sorted(shards) if self._status(name) != self._seals.get(name)]
        if not doubtful:
            return
        lines: list[dict[str, Any]] = []
        for name in doubtful:
            status = self._status(name)
            lines += [{"lost": clip} for clip in self._damaged(name)]
            lines.append({"seal": name, "status": status})
        try:
            with locked(self.lock):
                self._log.append(lines)
            self.refresh()
        except UserError:  # a cache that can only be read
            for line in lines:
                self.places.pop(line.get("lost", ""), None)

    def append(self, clips: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
        """Write frames, then log them; the caller must hold the lock."""
        lines = []
        with explained(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            if not (self.folder / ABOUT).is_file():
                write_json(self.folder / ABOUT, dict(about))
            if not self._shard or not (self.folder / self._shard).exists():
                self._shard = f"{secrets.token_hex(8)}.f16"
            with (self.folder / self._shard).open("ab") as stream:
                # After a write that failed half way an odd number of bytes would shift the rest.
                stream.write(b"\0" * (-stream.tell() % 2))
                for clip, frames in clips.items():
                    content = frames.tobytes()
                    line = {"clip": clip, "shard": self._shard, "offset": stream.tell()}
                    line |= {"shape": list(frames.shape), "checksum": zlib.crc32(content)}
                    lines.append(line)
                    stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        self._log.append(lines)

    def seal(self) -> None:
        """Record size and time of this process's finished shard."""
        if self._shard and (self.folder / self._shard).exists():
            with contextlib.suppress(UserError), locked(self.lock):
                self._log.append([{"seal": self._shard, "status": self._status(self._shard)}])

    def _status(self, name: str) -> list[int] | None:
        try:
            status = (self.folder / name).stat()
        except OSError:
            return None
        return [status.st_size, status.st_mtime_ns]

    def _damaged(self, name: str) -> list[str]:
        """Clips of a shard whose bytes are missing or differ from the checksum."""
        mine = {clip: place for clip, place in self.places.items() if place.shard == name}
        try:
            content = mapped(self.folder / name).data.cast("B")
        except (OSError, ValueError):
            return list(mine)
        return [
            clip
            for clip, place in mine.items()
            if zlib.crc32(content[place.offset : place.offset + place.size]) != place.checksum
        ]


def mapped(path: Path) -> np.ndarray:
    """Memory-map a shard as fp16 values."""
    import numpy as np

    return np.memmap(path, dtype=np.float16, mode="r", shape=(path.stat().st_size // 2,))
