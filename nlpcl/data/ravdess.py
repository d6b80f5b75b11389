"""RAVDESS speech: 24 actors, 8 emotions, two sentences (Livingstone and Russo 2018)."""

from __future__ import annotations

import re
from pathlib import Path

from nlpcl.audio.reading import SUFFIXES
from nlpcl.data.clips import clip, count_clips
from nlpcl.data.locate import missing, scan
from nlpcl.data.splits import Dataset, Problem, Splits

NAME = re.compile(r"03-01-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)")
"""Sound alone, speech, then emotion, intensity, sentence, repetition and actor."""
EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]


def load(root: Path | None) -> Splits:
    """All clips, recognised by their names."""
    splits = Splits("ravdess")
    seen: set[str] = set()
    for path in scan(root, "ravdess"):
        found = NAME.fullmatch(path.stem)
        if not found or path.suffix.lower() not in SUFFIXES:
            continue
        if path.stem in seen:
            splits.problems.append(Problem(str(path), None, "a second copy of a clip; skipped"))
            continue
        seen.add(path.stem)
        emotion, intensity, sentence, _, actor = found.groups()
        splits.train.append(
            clip(
                path,
                EMOTIONS[int(emotion) - 1],
                f"ravdess-{actor}",
                "ravdess",
                gender="male" if int(actor) % 2 else "female",
                sentence=f"sentence {int(sentence)}",
                intensity="strong" if intensity == "02" else "normal",
            )
        )
    splits.train.sort(key=lambda row: (row["speaker"], row["id"]))
    if not splits.train:
        raise missing("ravdess", root, "sound files such as 03-01-06-01-02-01-12.wav")
    return splits


DATASETS = (
    Dataset(
        name="ravdess",
        task="emotion",
        title="RAVDESS: acted English speech, 8 emotions, 24 speakers",
        licence="CC BY-NC-SA 4.0",
        source="zenodo.org/records/1188976, Audio_Speech_Actors_01-24.zip",
        load=load,
        expected={
            "clips": 1440,
            "labels": {name: 96 if name == "neutral" else 192 for name in sorted(EMOTIONS)},
            "speakers": {f"ravdess-{actor:02}": 60 for actor in range(1, 25)},
        },
        count=count_clips,
        warnings=("two sentences, spoken by all: split by speaker",),
    ),
)
