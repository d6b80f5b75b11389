"""Checks of the samples of clips: which are silent, damaged or duplicates of each other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlpcl.audio.decoding import channel_of, opened, samples, taken_warnings
from nlpcl.audio.reading import SILENCE, part
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Problem

if TYPE_CHECKING:
    import numpy as np

SAMPLE = "sample-emotion"
"""The corpus of synthetic voices."""
NO_SPEECH = "holds no speech; --speech-gate off trains on it all the same"
MIDDLE = 0.2
"""Seconds of a clip that are tried first."""
FLOATS = ("FLOAT", "DOUBLE")
"""Forms of samples that may be infinite or no number."""


@dataclass(frozen=True)
class Heard:
    """Findings on the samples of a clip.

    Args:
        is_silent: the root mean square around the mean is below -80 dB.
        digest: equal for clips of equal samples and sampling rate.
        is_speech: whether somebody speaks; None where that was not asked.
    """

    is_silent: bool
    digest: bytes
    is_speech: bool | None = None


def heard(row: Mapping[str, Any], *, kind: str = "") -> Heard:
    """Read the samples of a clip and check them.

    Args:
        row: of the clip.
        kind: tell whether it holds ``speech``, or a ``voice``; not told by default.

    Raises:
        UserError: they cannot be read, or are no numbers.
    """
    path = Path(row["path"])
    with opened(path) as sound:
        rate = sound.samplerate
        whole = sound.frames / rate
        first, count = part(whole, rate, row.get("start"), row.get("end"), path)
        sound.seek(first)
        waveform = samples(sound, count, path, channel_of(sound, count, path))
    # The square, too, must be finite; a NaN makes every comparison false.
    deviation = float(waveform.astype("float64").std()) if len(waveform) else 0.0
    if not 0 <= deviation < float("inf"):
        raise UserError("has samples that are not finite numbers", path, "Convert it anew.")
    digest = hashlib.blake2b(waveform.tobytes(), key=str(rate).encode()).digest()
    silent = deviation < SILENCE
    speech = speaks(waveform, rate, kind) if kind and not silent else None
    return Heard(silent, digest, speech)


def speaks(waveform: np.ndarray, rate: int, kind: str) -> bool:
    """Whether samples at any rate, ``(T,)``, hold ``speech``, or a ``voice``."""
    import torch

    from nlpcl.audio.reading import resample
    from nlpcl.audio.speech_gate import RATE, holds_speech

    return holds_speech(resample(torch.from_numpy(waveform), rate, RATE), kind)


def is_silent(row: Mapping[str, Any]) -> bool:
    """Whether a clip is silent.

    Its middle nearly always proves that there is: no sound elsewhere could make the whole silent
    again. All of it is read without that proof, or where samples may be no numbers.

    Raises:
        UserError: the sound cannot be read, or its samples are no numbers.
    """
    path = Path(row["path"])
    with opened(path) as sound:
        rate, whole = sound.samplerate, sound.frames
        first, count = part(whole / rate, rate, row.get("start"), row.get("end"), path)
        count = whole - first if count < 0 else count
        tried = 0 if sound.subtype in FLOATS else min(count, round(MIDDLE * rate))
        sound.seek(first + (count - tried) // 2)
        middle = samples(sound, tried, path)
    # The squares around the mean of a part never exceed those of the whole.
    squares = float(middle.astype("float64").var()) * len(middle) if len(middle) else 0.0
    return (not tried or squares < SILENCE**2 * count) and heard(row).is_silent


def clip_findings(rows: Iterable[Example]) -> dict[str, list[Problem]]:
    """Unreadable, silent, repeated and doubtful clips, only found by reading every clip."""
    kinds = ("unreadable", "silent", "without speech", "repeated")
    found: dict[str, list[Problem]] = {kind: [] for kind in kinds}
    taken_warnings()
    first: dict[bytes, Example] = {}
    for row in rows:
        place = str(row["path"])
        try:
            # Synthetic voices are none to a gate for speech.
            sound = heard(row, kind="voice" if row.get("corpus") == SAMPLE else "speech")
        except UserError as error:
            found["unreadable"].append(Problem(place, None, error.what))
            continue
        if sound.is_silent:
            found["silent"].append(Problem(place, None, "is silent"))
            continue
        if not sound.is_speech:
            found["without speech"].append(Problem(place, None, NO_SPEECH))
        earlier = first.setdefault(sound.digest, row)
        if earlier is not row:
            labels = "" if earlier["label"] == row["label"] else f", which is {earlier['label']}"
            what = f"the same sound as {earlier['id']}{labels}"
            found["repeated"].append(Problem(place, None, what))
    warned = taken_warnings().items()
    found["doubted by the decoder"] = [Problem(str(path), None, said) for path, said in warned]
    return found
