"""TESS: acted Canadian English, two women, 7 emotions (Pichora-Fuller and Dupuis 2020)."""

from __future__ import annotations

import re
from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.clips import clip, count_clips, named_files

NAME = re.compile(r"(OA|YA)F?_([a-z]+)_(angry|disgust|fear|happy|neutral|ps|sad)", re.IGNORECASE)
"""Older or younger woman, word, emotion; one file lacks the F in some copies."""
EMOTIONS = {
    "angry": "angry",
    "disgust": "disgust",
    "fear": "fearful",
    "happy": "happy",
    "neutral": "neutral",
    "ps": "surprised",
    "sad": "sad",
}


def name_of(path: Path) -> str | None:
    """``OAF_back_fear`` of ``OAF_back_fear.wav``."""
    found = NAME.fullmatch(path.stem)
    return f"{found[1].upper()}F_{found[2].lower()}_{found[3].lower()}" if found else None


def load(root: Path | None) -> Splits:
    """All clips, recognised by their names."""
    splits = Splits("tess")
    found = named_files(splits, root, name_of, "OAF_back_fear.wav", r"(OAF|YAF)_[a-z_]+")
    for name, path in found.items():
        speaker, word, emotion = name.split("_")
        row = clip(path, EMOTIONS[emotion], f"tess-{speaker}", "tess", gender="female")
        splits.train.append(row | {"id": name, "sentence": word})
    return splits


DATASETS = (
    Dataset(
        name="tess",
        task="emotion",
        title="TESS: acted Canadian English, 7 emotions, 2 women",
        licence="CC BY-NC-ND 4.0",
        source="doi.org/10.5683/SP2/E8H2MF",
        load=load,
        expected={
            "clips": 2800,
            "labels": dict.fromkeys(sorted(EMOTIONS.values()), 400),
            "speakers": {"tess-OAF": 1400, "tess-YAF": 1400},
        },
        count=count_clips,
        warnings=(
            "two women: a test set of one leaves nobody to choose an epoch by, so add another "
            "corpus; nothing can be said of genders",
            "a random split gives nearly 100 % and says nothing",
        ),
    ),
)
