"""The speech emotion sample: 240 clips of 8 synthetic voices, generated when first needed."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from pathlib import Path

from nlpcl.audio.features.files import cache_root, locked
from nlpcl.audio.voices import MOODS, SAMPLING_RATE, VERSION, VOICES, Voice, spoken
from nlpcl.core.files import atomic_folder
from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.clips import clip, count_clips

COUNTS = {"angry": 7, "happy": 7, "neutral": 9, "sad": 7}
"""Clips a speaker; neutral is the most frequent, as it is in real corpora."""
SEED = 20


def plan() -> Iterator[tuple[str, int, Voice, str]]:
    """Yield name, number, speaker and emotion of each clip."""
    number = 0
    for voice in VOICES:
        for mood in MOODS:
            for take in range(1, COUNTS[mood] + 1):
                yield f"voice-{voice.name}-{mood}-{take}", number, voice, mood
                number += 1


def load(root: Path | None = None) -> Splits:
    """All clips; two speakers, a woman and a man, make a session."""
    del root  # the clips are the package's own
    folder = made()
    splits = Splits("sample-emotion")
    for name, _, voice, mood in plan():
        row = clip(folder / f"{name}.wav", mood, f"voice-{voice.name}", splits.name)
        session = (int(voice.name) + 1) // 2
        splits.train.append(row | {"gender": voice.gender, "session": f"session-{session}"})
    return splits


def made() -> Path:
    """The folder of the clips, which are generated if any is missing."""
    folder = cache_root().parent / f"voices-{VERSION}"
    if is_whole(folder):
        return folder
    # Of several processes one makes the clips, and the others wait for it.
    with locked(folder.with_name(f"{folder.name}.lock")):
        if not is_whole(folder):
            with atomic_folder(folder) as place:
                synthesise(place)
    return folder


def is_whole(folder: Path) -> bool:
    """Whether the folder contains every clip."""
    return all((folder / f"{name}.wav").is_file() for name, *_ in plan())


def synthesise(folder: Path) -> None:
    """Write each clip as 16-bit WAV, generated with a seed of its own."""
    import numpy

    for name, number, voice, mood in plan():
        samples = spoken(voice, mood, numpy.random.default_rng([SEED, number]))
        with wave.open(str(folder / f"{name}.wav"), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(SAMPLING_RATE)
            sound.writeframes((32767 * samples).round().astype("<i2").tobytes())


DATASETS = (
    Dataset(
        name="sample-emotion",
        task="emotion",
        title="Synthesised voices, 4 emotions, 8 speakers, to try things out",
        licence="that of nlpcl",
        source="made by nlpcl when first needed (--data sample)",
        load=load,
        expected={
            "clips": 240,
            "labels": {mood: len(VOICES) * count for mood, count in COUNTS.items()},
            "speakers": {f"voice-{voice.name}": sum(COUNTS.values()) for voice in VOICES},
        },
        count=count_clips,
        warnings=("no human voice: tells nothing about quality",),
    ),
)
