"""SAVEE: acted British English, four men, 7 emotions (Haq and Jackson 2009)."""

from __future__ import annotations

import re
from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.clips import clip, count_clips, named_files

SPEAKERS = ("DC", "JE", "JK", "KL")
NAME = re.compile(r"(?:(DC|JE|JK|KL)_)?(sa|su|[adfhn])(\d\d)")
"""Speaker, unless the folder names him; emotion, of one or two letters; number."""
EMOTIONS = {
    "a": "angry",
    "d": "disgust",
    "f": "fearful",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprised",
}


def name_of(path: Path) -> str | None:
    """``DC_a01`` of ``DC_a01.wav`` and of ``DC/a01.wav``."""
    found = NAME.fullmatch(path.stem)
    speaker = found and (found[1] or path.parent.name)
    if found is None or speaker not in SPEAKERS:
        return None
    return f"{speaker}_{found[2]}{found[3]}"


def load(root: Path | None) -> Splits:
    """All clips, recognised by their names."""
    splits = Splits("savee")
    parts = "|".join(SPEAKERS)
    found = named_files(splits, root, name_of, "DC_a01.wav or DC/a01.wav", parts)
    for name, path in found.items():
        speaker, _, rest = name.partition("_")
        row = clip(path, EMOTIONS[rest[:-2]], f"savee-{speaker}", "savee", gender="male")
        splits.train.append(row | {"id": name})
    return splits


DATASETS = (
    Dataset(
        name="savee",
        task="emotion",
        title="SAVEE: acted British English, 7 emotions, 4 men",
        licence="free for research, on registration",
        source="kahlan.eps.surrey.ac.uk/savee",
        load=load,
        expected={
            "clips": 480,
            "labels": {
                name: 120 if name == "neutral" else 60 for name in sorted(EMOTIONS.values())
            },
            "speakers": {f"savee-{speaker}": 120 for speaker in SPEAKERS},
        },
        count=count_clips,
        warnings=("four men: nothing can be said of genders",),
    ),
)
