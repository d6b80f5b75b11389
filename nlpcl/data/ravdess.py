"""RAVDESS speech: 24 actors, 8 emotions, two sentences (Livingstone and Russo 2018)."""

from __future__ import annotations

import re
from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.clips import clip, count_clips, named_files

NAME = re.compile(r"0[123]-0[12]-0[1-8]-0[12]-0[12]-0[12]-\d\d")
"""Modality, speech or song, emotion, intensity, sentence, repetition and actor."""
SPEECH = "03-01-"
"""Begins the names of sound alone, spoken."""
EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]


def load(root: Path | None) -> Splits:
    """All clips, recognised by their names."""
    splits = Splits("ravdess")

    def name_of(path: Path) -> str | None:
        return path.stem if NAME.fullmatch(path.stem) else None

    files = named_files(splits, root, name_of, "03-01-06-01-02-01-12.wav", r"actor_\d\d")
    others = sum(not name.startswith(SPEECH) for name in files)
    if others:
        splits.notes.append(f"ravdess: {others} files of song or of film left out")
    for name, path in files.items():
        if not name.startswith(SPEECH):
            continue
        _, _, emotion, intensity, sentence, _, actor = name.split("-")
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
            # Two files are the same sound; a copy may lack the second.
            "clips": [1440, 1439],
            "labels": {name: 96 if name == "neutral" else 192 for name in sorted(EMOTIONS)}
            | {"happy": [192, 191]},
            "speakers": {f"ravdess-{actor:02}": 60 for actor in range(1, 25)}
            | {"ravdess-07": [60, 59]},
        },
        count=count_clips,
        warnings=(
            "two sentences, spoken by all: split by speaker",
            "03-01-03-01-02-02-07 is the same sound as 03-01-03-01-02-01-07",
        ),
    ),
)
