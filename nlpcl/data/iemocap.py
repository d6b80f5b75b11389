"""IEMOCAP: acted dialogues of ten speakers in five sessions (Busso et al. 2008).

A name such as ``Ses01F_impro01_M003`` tells the session, who wears the markers (the first letter)
and who speaks (the last field's letter). Readers that take the first letter for the speaker are
wrong for half of the utterances.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from nlpcl.core.errors import UserError
from nlpcl.core.files import explained_reading
from nlpcl.core.splits import Dataset, Problem, Splits
from nlpcl.data.clips import FOUR, chosen, clip, count_clips
from nlpcl.data.locate import DEPTH, above_parts, missing

EMOTIONS = {
    "ang": "angry",
    "hap": "happy",
    "exc": "excited",
    "sad": "sad",
    "neu": "neutral",
    "fru": "frustrated",
    "sur": "surprised",
    "fea": "fearful",
    "dis": "disgust",
    "oth": "other",
}
"""Codes of the majority vote."""
UNDECIDED = "xxx"
"""Code of an utterance without a majority."""
NAME = re.compile(r"(Ses0[1-5])[FM]_(?:(impro)\d\d|(script)\d\d_\d)[ab]?_([FM])\d{3}")
"""Session, kind and speaker; never by the place of a character, since names differ in length."""
TURN = re.compile(r"\[\d+\.\d+ - \d+\.\d+\]\t(Ses0[1-5][FM]_\S+)\t([a-z]{3})\t\[")
SPOKEN = re.compile(r"(Ses0[1-5][FM]_\S+) \[[\d.-]+\]: (.*)")


def speaker_of(name: str) -> str:
    """The speaker of an utterance: ``Ses01F_impro01_M003`` → ``Ses01M``.

    Raises:
        ValueError: it is not the name of an utterance.
    """
    found = NAME.fullmatch(name)
    if found is None:
        raise ValueError(f"{name!r} names no IEMOCAP utterance")
    return found[1] + found[4]


def load(root: Path | None) -> Splits:
    """All utterances with a majority emotion, from the layout of the full release."""
    how = "Pass --data-root DIR with the folder IEMOCAP_full_release."
    if root is None or not root.is_dir():
        raise UserError("iemocap needs the folder of its release", "--data-root", how)
    release = release_in(above_parts(root, r"Session[1-5]") or root)
    if release is None:
        raise missing("iemocap", root, "Session1/dialog/EmoEvaluation")
    splits = Splits("iemocap")
    undecided = 0
    for session in sorted(release.glob("Session[1-5]")):
        texts = transcripts(session)
        for file in visible(session / "dialog" / "EmoEvaluation"):
            for number, line in enumerate(lines_of(file), start=1):
                if not line.startswith("["):  # evaluators' lines, remarks, the header
                    continue
                found = TURN.match(line)
                undecided += found is not None and found[2] == UNDECIDED
                if found is None:
                    splits.problems.append(Problem(str(file), number, "not an utterance's line"))
                elif found[2] != UNDECIDED:
                    add(splits, session, found[1], found[2], texts, (file, number))
    if not splits.train:
        raise missing("iemocap", root, "utterances in Session*/dialog/EmoEvaluation/Ses*.txt")
    if undecided:
        splits.notes.append(f"iemocap: {undecided} utterances without a majority emotion left out")
    sessions = {row["session"] for row in splits.train}
    if len(sessions) < 5:
        splits.notes.append(f"iemocap: {', '.join(sorted(sessions))} alone")
    return splits


def release_in(root: Path) -> Path | None:
    """The folder with the sessions: ``root`` or one up to ``DEPTH`` levels below it."""
    places = [root]
    for _ in range(DEPTH + 1):
        for place in places:
            if any(place.glob("Session[1-5]/dialog/EmoEvaluation")):
                return place
        below = [path for place in places for path in place.glob("[!.]*") if path.is_dir()]
        places = sorted(below)
    return None


def add(
    splits: Splits,
    session: Path,
    name: str,
    code: str,
    texts: dict[str, str],
    place: tuple[Path, int],
) -> None:
    """Add an utterance to the rows, or to the problems."""
    found = NAME.fullmatch(name)
    path = session / "sentences" / "wav" / name.rpartition("_")[0] / f"{name}.wav"
    trouble = None
    if found is None:
        trouble = "no name of an utterance"
    elif code not in EMOTIONS:
        trouble = f"unknown emotion {code}"
    elif not path.is_file():
        trouble = "no such sound file"
    if found is None or trouble:
        splits.problems.append(Problem(str(place[0]), place[1], f"{name}: {trouble}; skipped"))
        return
    splits.train.append(
        clip(
            path,
            EMOTIONS[code],
            speaker_of(name),
            "iemocap",
            session=found[1],
            gender="female" if found[4] == "F" else "male",
            kind="improvised" if found[2] else "scripted",
            text=texts.get(name, ""),
        )
    )


def transcripts(session: Path) -> dict[str, str]:
    """Utterance → its transcript."""
    matches = (
        SPOKEN.match(line)
        for file in visible(session / "dialog" / "transcriptions")
        for line in lines_of(file)
    )
    return {found[1]: found[2].strip() for found in matches if found}


def visible(folder: Path) -> list[Path]:
    """The tables of a folder, without the ``._Ses…`` files that macOS adds."""
    return sorted(folder.glob("Ses*.txt"))


def lines_of(file: Path) -> list[str]:
    """Lines of a table; a few comments contain bytes that are not UTF-8.

    Raises:
        UserError: it cannot be read.
    """
    with explained_reading(file):
        return file.read_text("latin-1").split("\n")


def count(splits: Splits) -> dict[str, Any]:
    """The usual four emotions, excited as happy; also before that, and by session and speaker."""
    every = Counter(row["label"] for row in splits.train)
    four = chosen(Splits(splits.name, train=list(splits.train)), usual=FOUR)
    counts = count_clips(four)
    counts["labels_unmerged"] = {name: every[name] for name in sorted((*FOUR, "excited"))}
    for field in ("session", "speaker"):
        names = sorted({row[field] for row in four.train})
        pairs = Counter((row[field], row["label"]) for row in four.train)
        counts[f"{field}_labels"] = {
            name: {label: pairs[name, label] for label in FOUR} for name in names
        }
    return counts


SPEAKER_LABELS = {
    "Ses01F": (147, 132, 171, 78),
    "Ses01M": (82, 146, 213, 116),
    "Ses02F": (67, 166, 135, 113),
    "Ses02M": (70, 161, 227, 84),
    "Ses03F": (92, 128, 130, 172),
    "Ses03M": (148, 158, 190, 133),
    "Ses04F": (205, 185, 76, 62),
    "Ses04M": (122, 118, 182, 81),
    "Ses05F": (78, 159, 221, 132),
    "Ses05M": (92, 283, 163, 113),
}
"""Angry, happy with excited, neutral, sad: from the metadata of s3prl and EmoBox, which agree."""


def known_counts() -> dict[str, Any]:
    """The result of :func:`count` for an undamaged release."""
    by_speaker = {
        name: dict(zip(FOUR, numbers, strict=True)) for name, numbers in SPEAKER_LABELS.items()
    }
    sessions = sorted({name[:5] for name in by_speaker})
    by_session = {
        name: {
            label: by_speaker[name + "F"][label] + by_speaker[name + "M"][label] for label in FOUR
        }
        for name in sessions
    }
    speakers = {name: sum(numbers.values()) for name, numbers in by_speaker.items()}
    return {
        "clips": sum(speakers.values()),
        "labels": {label: sum(row[label] for row in by_speaker.values()) for label in FOUR},
        "labels_unmerged": {
            "angry": 1103,
            "excited": 1041,
            "happy": 595,
            "neutral": 1708,
            "sad": 1084,
        },
        "speakers": speakers,
        "genders": {
            "female": sum(n for name, n in speakers.items() if name.endswith("F")),
            "male": sum(n for name, n in speakers.items() if name.endswith("M")),
        },
        "sessions": {name: sum(row.values()) for name, row in by_session.items()},
        "kinds": {"improvised": 2943, "scripted": 2588},
        "session_labels": by_session,
        "speaker_labels": by_speaker,
    }


DATASETS = (
    Dataset(
        name="iemocap",
        task="emotion",
        title="IEMOCAP: acted English dialogues, 10 speakers, 5 sessions",
        licence="on request, no passing on",
        source="sail.usc.edu/iemocap, by a request form",
        load=load,
        expected=known_counts(),
        count=count,
        labels=FOUR,
        warnings=("counts are of the four usual emotions, excited as happy",),
    ),
)
