"""The cache of speech features: filling, listing, clearing.

A folder for each front end, layer, arithmetic and version of the code; a clip in it is known by
the content of its file. How it lies there is in :mod:`nlpcl.audio.features.shelf`.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlpcl.audio.features.files import CONTENTS, ContentHashes, cache_root, locked
from nlpcl.audio.features.shelf import ABOUT, INDEX, FeatureStore, Shelf
from nlpcl.audio.reading import clip_seconds, read_clip
from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.files import explained
from nlpcl.core.json_files import read_json
from nlpcl.core.splits import Example, Problem

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from nlpcl.audio.distortion import Distortion
    from nlpcl.audio.front_end import FrontEnd

VERSION = 2
"""Of the code between a file and its frames; a change makes all features anew."""
LARGEST = 65504.0
"""The largest number in fp16."""
Progress = Callable[[int, int], None]


def features(
    rows: Sequence[Example],
    front_end: FrontEnd,
    *,
    on_progress: Progress | None = None,
    half: bool = False,
    distortion: Distortion | None = None,
    copy: int = 0,
) -> FeatureStore:
    """Return the frames of clips, computing those that are not cached.

    Args:
        rows: with ``path`` and, for a part of a file, ``start`` and ``end`` in seconds.
        front_end: makes the frames.
        on_progress: called with the rows done and all rows, at the beginning and after each batch.
        half: let the store give float16 in place of float32.
        distortion: what befalls the clips first; training on copies makes a model robust.
        copy: number of the distorted copy; a clip's first copy is always the same.

    Raises:
        UserError: the cache cannot be written.
    """
    return Filling(rows, front_end, on_progress, distortion, copy).store(half)


class Filling:
    """The process of adding clips to the cache."""

    def __init__(
        self,
        rows: Sequence[Example],
        front_end: FrontEnd,
        on_progress: Progress | None,
        distortion: Distortion | None = None,
        copy: int = 0,
    ) -> None:
        self.rows, self.front_end, self.on_progress = rows, front_end, on_progress
        self.distortion, self.copy = distortion, copy
        self.about = {
            "identity": front_end.identity,
            "selection": front_end.selection,
            "precision": front_end.precision,
            "version": VERSION,
            **front_end.hearing,
            **({} if distortion is None else {"distortion": [repr(distortion), copy]}),
        }
        self.shelf = Shelf(cache_root() / folder_name(self.about))
        self.what_is_wrong: dict[str, str] = {}
        self.made = 0
        hashes = ContentHashes(cache_root())
        self.clips = [self._clip(row, hashes) for row in rows]
        hashes.save()
        self.row_of = dict(zip(self.clips, self.rows, strict=True))

    def _clip(self, row: Example, hashes: ContentHashes) -> str:
        """Key of a clip in the cache: the hash of its file, and the part of it."""
        start, end = row.get("start"), row.get("end")
        span = "" if start is None and end is None else f":{start or 0:.6f}-{end or -1:.6f}"
        try:
            return hashes.of(row["path"]) + span
        except UserError as error:
            clip = f"{row['path']}{span}"
            self.what_is_wrong[clip] = error.what
            return clip

    def store(self, half: bool) -> FeatureStore:
        """Compute the missing features and open the store."""
        self.shelf.verify()
        while True:
            self.progress()
            for clips in self.batches():
                self.fill(clips)
                self.progress()
            self.shelf.seal()
            self.shelf.refresh()
            places = [self.shelf.places.get(clip) for clip in self.clips]
            if not self.shelf.places.keys() >= set(self.usable()):
                continue  # cleared by another process in the meantime
            with contextlib.suppress(OSError):
                os.utime(self.shelf.folder / ABOUT)
            try:
                return FeatureStore(self.shelf.folder, places, self.problems(), self.made, half)
            except OSError:
                self.shelf.verify()

    def usable(self) -> list[str]:
        """Unique clips without known problems."""
        return [clip for clip in dict.fromkeys(self.clips) if clip not in self.what_is_wrong]

    def progress(self) -> None:
        """Report the number of rows done."""
        if self.on_progress is not None:
            done = sum(
                clip in self.shelf.places or clip in self.what_is_wrong for clip in self.clips
            )
            self.on_progress(done, len(self.rows))

    def batches(self) -> Iterator[list[str]]:
        """Missing clips in batches of similar length, longest first."""
        missing, lengths = [], []
        for clip in self.usable():
            if clip not in self.shelf.places:
                try:
                    seconds = clip_seconds(self.row_of[clip])
                except UserError as error:
                    self.what_is_wrong[clip] = error.what
                    continue
                missing.append(clip)
                lengths.append(round(seconds * self.front_end.sampling_rate))
        for batch in self.front_end.batches(lengths):
            yield [missing[index] for index in batch]

    def fill(self, clips: Sequence[str]) -> None:
        """Compute the frames of a batch, except clips that another process has added meanwhile.

        The lock is held meanwhile: two processes that fill the same cache share the work.
        """
        from nlpcl.audio.speech_gate import NO_SPEECH

        with locked(self.shelf.lock):
            self.shelf.refresh()
            waveforms: dict[str, Tensor] = {}
            for clip in clips:
                if clip not in self.shelf.places:
                    try:
                        heard = self.front_end.prepare(self.distorted(clip))
                    except UserError as error:
                        self.what_is_wrong[clip] = error.what
                        continue
                    if heard is None:
                        self.what_is_wrong[clip] = NO_SPEECH
                    else:
                        waveforms[clip] = heard
            extracted = self.front_end.extract(list(waveforms.values()))
            made: dict[str, np.ndarray] = {}
            for clip, frames in zip(waveforms, extracted, strict=True):
                if frames.isfinite().all():
                    made[clip] = frames.clamp(-LARGEST, LARGEST).half().numpy()
                else:
                    self.what_is_wrong[clip] = "gives features that are not finite numbers"
            if made:
                self.shelf.append(made, self.about)
                self.shelf.refresh()
                self.made += len(made)

    def distorted(self, clip: str) -> Tensor:
        """Read a clip, distorted as it and the number of the copy determine."""
        waveform = read_clip(self.row_of[clip])
        if self.distortion is None:
            return waveform
        import torch

        seed = int.from_bytes(hashlib.sha256(f"{clip} {self.copy}".encode()).digest()[:7], "big")
        return self.distortion(waveform, torch.Generator().manual_seed(seed))

    def problems(self) -> list[Problem]:
        """Problems of rows, in their order."""
        return [
            Problem(str(row["path"]), None, self.what_is_wrong[clip])
            for row, clip in zip(self.rows, self.clips, strict=True)
            if clip in self.what_is_wrong
        ]


def folder_name(about: Mapping[str, Any]) -> str:
    """Readable name of a front end's folder, unique for each combination of settings."""
    code = hashlib.sha256(repr(sorted(about.items())).encode()).hexdigest()[:12]
    readable = re.sub(r"[^\w.-]+", "-", str(about["identity"]).rpartition("@")[0]).strip("-.")
    return f"{readable or 'front-end'}-{code}"


@dataclass(frozen=True)
class CacheEntry:
    """The cached features of one front end; size in bytes, last use in seconds since 1970."""

    folder: Path
    identity: str
    selection: str
    precision: str
    clips: int
    size: int
    last_used: float

    @property
    def name(self) -> str:
        """Name of the front end."""
        return self.identity.rpartition("@")[0]

    @property
    def code(self) -> str:
        """First digits of the hash of its weights."""
        return self.identity.rpartition("@")[2][:8]


def cache_entries() -> list[CacheEntry]:
    """List the contents of the cache, most recently used first."""
    found = []
    for folder in sorted(
        {file.parent for name in (ABOUT, INDEX) for file in cache_root().glob(f"*/{name}")}
    ):
        shelf = Shelf(folder)
        facts: dict[str, Any] = {}
        shelf.refresh()
        with contextlib.suppress(UserError):
            facts = read_json(folder / ABOUT, dict[str, Any])
        # Files come and go while another process writes.
        with contextlib.suppress(OSError):
            found.append(
                CacheEntry(
                    folder=folder,
                    identity=str(facts.get("identity", f"{folder.name}@")),
                    selection=str(facts.get("selection", "")),
                    precision=str(facts.get("precision", "")),
                    clips=len(shelf.places),
                    size=sum(file.stat().st_size for file in folder.iterdir()),
                    last_used=(folder / (ABOUT if facts else INDEX)).stat().st_mtime,
                )
            )
    return sorted(found, key=lambda entry: -entry.last_used)


def clear_cache(name: str | None = None) -> list[CacheEntry]:
    """Delete cached features and return what was deleted.

    Args:
        name: of a front end, with or without its hash, or of a folder in the cache; all by default.

    Returns:
        What was removed.

    Raises:
        UserError: no such entry, or it cannot be removed.
    """
    entries = chosen_entries(name)
    for entry in entries:
        with locked(Shelf(entry.folder).lock), explained(entry.folder):
            shutil.rmtree(entry.folder)
    if name is None:
        with contextlib.suppress(OSError):
            (cache_root() / CONTENTS).unlink()
    return entries


def chosen_entries(name: str | None) -> list[CacheEntry]:
    """Return the entries of a front end, or all.

    Raises:
        UserError: no such entry.
    """
    every = cache_entries()
    if name is None:
        return every

    def names(entry: CacheEntry) -> set[str]:
        return {entry.name, f"{entry.name}@{entry.code}", entry.identity, entry.folder.name}

    chosen = [entry for entry in every if name in names(entry)]
    if not chosen:
        known = {entry.name for entry in every}
        raise unknown_name("cached front end", name, known, where=str(cache_root()))
    return chosen
