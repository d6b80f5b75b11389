"""EmoDB: acted German speech, 10 speakers, 7 emotions (Burkhardt et al. 2005)."""

from __future__ import annotations

import re
from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.clips import clip, count_clips, named_files

NAME = re.compile(r"(03|08|09|1[0-6])([ab]\d\d)([WLEAFTN])([a-f])")
"""Speaker, sentence, emotion (initials of the German words), version."""
EMOTIONS = dict(
    zip("WLEAFTN", ["angry", "bored", "disgust", "fearful", "happy", "sad", "neutral"], strict=True)
)
MALE = {"03", "10", "11", "12", "15"}


def load(root: Path | None) -> Splits:
    """All clips, recognised by their names."""
    splits = Splits("emodb")

    def name_of(path: Path) -> str | None:
        return path.stem if NAME.fullmatch(path.stem) else None

    for name, path in named_files(splits, root, name_of, "03a01Fa.wav").items():
        speaker, sentence, emotion = name[:2], name[2:5], name[5]
        gender = "male" if speaker in MALE else "female"
        row = clip(path, EMOTIONS[emotion], f"emodb-{speaker}", "emodb", gender=gender)
        splits.train.append(row | {"sentence": sentence})
    return splits


SPEAKERS = dict(
    zip(
        ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16"),
        (49, 58, 43, 38, 55, 35, 61, 69, 56, 71),
        strict=True,
    )
)

DATASETS = (
    Dataset(
        name="emodb",
        task="emotion",
        title="EmoDB: acted German speech, 7 emotions, 10 speakers",
        licence="free for research",
        source="emodb.bilderbar.info",
        load=load,
        expected={
            "clips": 535,
            "labels": dict(
                sorted(zip(EMOTIONS.values(), (127, 81, 46, 69, 71, 62, 79), strict=True))
            ),
            "speakers": {f"emodb-{name}": count for name, count in SPEAKERS.items()},
        },
        count=count_clips,
        warnings=("ten sentences, spoken by all", "the letter A in a name is fear (Angst)"),
    ),
)
