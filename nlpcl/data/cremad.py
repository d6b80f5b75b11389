"""CREMA-D: acted English speech, 91 speakers, 6 emotions (Cao et al. 2014)."""

from __future__ import annotations

import re
from pathlib import Path

from nlpcl.core.splits import Dataset, Splits
from nlpcl.data.clips import clip, count_clips, named_files, read_meta
from nlpcl.data.locate import scan

NAME = re.compile(r"(1\d{3})_([A-Z]{3})_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX?)")
"""Actor, sentence, emotion, intensity."""
EMOTIONS = {
    "ANG": "angry",
    "DIS": "disgust",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
INTENSITIES = {"LO": "low", "MD": "medium", "HI": "high"}
ACTORS = "VideoDemographics.csv"


def load(root: Path | None) -> Splits:
    """All clips, recognised by their names; genders from the table of actors if it is there."""
    splits = Splits("cremad")

    def name_of(path: Path) -> str | None:
        return path.stem if NAME.fullmatch(path.stem) else None

    files = named_files(splits, root, name_of, "1001_DFA_ANG_XX.wav")
    genders = actors(root)
    if not genders:
        splits.notes.append(f"cremad: no {ACTORS}, so genders are not known")
    for name, path in files.items():
        actor, sentence, emotion, intensity = name.split("_")
        splits.train.append(
            clip(
                path,
                EMOTIONS[emotion],
                f"cremad-{actor}",
                "cremad",
                gender=genders.get(actor, ""),
                sentence=sentence,
                intensity=INTENSITIES.get(intensity, ""),
            )
        )
    return splits


def actors(root: Path | None) -> dict[str, str]:
    """Actor → gender; empty if the table is missing."""
    tables = [path for path in scan(root, "cremad") if path.name == ACTORS]
    rows = read_meta(tables[0], ("ActorID", "Sex")) if tables else []
    return {row["ActorID"].strip(): row["Sex"].strip().lower() for row in rows}


DATASETS = (
    Dataset(
        name="cremad",
        task="emotion",
        title="CREMA-D: acted English speech, 6 emotions, 91 speakers",
        licence="ODbL 1.0",
        source="github.com/CheyneyComputerScience/CREMA-D, AudioWAV and VideoDemographics.csv",
        load=load,
        expected={
            "clips": 7442,
            "labels": {
                name: 1087 if name == "neutral" else 1271 for name in sorted(EMOTIONS.values())
            },
            "speaker_count": 91,
        },
        count=count_clips,
        warnings=(
            "known to be bad: 1076_MTI_NEU_XX and 1076_MTI_SAD_XX (silent), 1064_TIE_SAD_XX, "
            "1064_IEO_DIS_MD (61 s)",
            "a clone without git-lfs holds pointers in place of the sounds",
        ),
    ),
)
