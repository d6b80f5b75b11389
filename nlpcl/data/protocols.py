"""Who is trained on, who selects, who is tested: folds of clips that share no speaker.

``dev`` is always taken out of what is left after the test set, and shares no speaker with the rest,
except under ``random``, which every title then calls speaker-dependent.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlpcl.data.splits import Example
from nlpcl.errors import UserError

GROUPS = 6
"""Groups of speakers where a corpus has many and no sessions, as EmoBox has for RAVDESS."""
MANY = 12
"""Speakers from which on they are tested in groups."""
RANDOM_FOLDS = 5
HOW = "Choose another --protocol, or give clips of more speakers."


@dataclass(frozen=True)
class Fold:
    """One round of a protocol.

    Args:
        name: of the fold, from those who are tested.
        train, dev, test: clip rows.
    """

    name: str
    train: Sequence[Example]
    dev: Sequence[Example]
    test: Sequence[Example]


def folds(
    rows: Sequence[Example], protocol: str, seed: int = 0, dev_fraction: float = 0.1
) -> list[Fold]:
    """The rounds of a protocol; every clip is tested once.

    Args:
        rows: clips with ``speaker``, ``label`` and perhaps ``session``.
        protocol: ``loso`` leaves one session out, ``lospo`` one speaker, ``kfold:N`` one of N
            groups of speakers, ``random`` a fifth of the clips; ``auto`` is loso where there are
            sessions, else six groups of neighbouring speakers where there are 12 or more, else
            lospo.
        seed: chooses the clips of ``random``, the groups of ``kfold`` and the dev speakers.
        dev_fraction: share of the remaining clips that select, at least one whole group.

    Raises:
        UserError: too few speakers or sessions, clips without a speaker, or an unknown protocol.
    """
    if not rows:
        raise UserError("holds no clips", "--data", "Check --labels and --data-root.")
    if protocol == "random":
        return random_folds(rows, seed, dev_fraction)
    nameless = sum(not row.get("speaker") for row in rows)
    if nameless:
        raise UserError(
            f"{nameless} clips have no speaker, so speakers cannot be kept apart",
            f"--protocol {protocol}",
            "Name the column with --speaker-column, or use --protocol random.",
        )
    groups = tested_groups(rows, protocol, seed)
    if len(groups) < 3:
        what = f"has {len(groups)} groups of speakers; training, selection and test need 3"
        raise UserError(what, f"--protocol {protocol}", HOW)
    return [fold(name, groups, seed, dev_fraction) for name in groups]


def tested_groups(rows: Sequence[Example], protocol: str, seed: int) -> dict[str, list[Example]]:
    """Clips by the group they are tested with."""
    speakers = sorted({row["speaker"] for row in rows})
    sessions = {row.get("session", "") for row in rows}
    if protocol == "auto":
        if len(sessions) > 1 and "" not in sessions:
            protocol = "loso"
        else:
            protocol = "groups" if len(speakers) >= MANY else "lospo"
    if protocol == "loso":
        if "" in sessions or len(sessions) < 2:
            raise UserError("these clips have no sessions", "--protocol loso", "Use lospo.")
        return grouped(rows, {name: name for name in sessions}, "session")
    if protocol == "groups":
        return grouped(rows, neighbours(speakers, GROUPS), "speaker")
    if protocol == "lospo":
        return grouped(rows, {name: name for name in speakers}, "speaker")
    if protocol.startswith("kfold:"):
        number = int(protocol.removeprefix("kfold:"))
        if number > len(speakers):
            what = f"has {len(speakers)} speakers"
            raise UserError(what, f"--protocol {protocol}", HOW)
        return grouped(rows, balanced(rows, number, seed), "speaker")
    raise UserError(f"{protocol} makes no folds", "--protocol", "Use loso, lospo or kfold:N.")


def grouped(
    rows: Sequence[Example], group: Mapping[str, str], field: str
) -> dict[str, list[Example]]:
    """Clips by the group of one of their fields; groups sorted by name."""
    found: dict[str, list[Example]] = defaultdict(list)
    for row in rows:
        found[group[row[field]]].append(row)
    return {name: found[name] for name in sorted(found)}


def neighbours(speakers: Sequence[str], number: int) -> dict[str, str]:
    """Speaker → one of ``number`` groups of neighbours in the order of their names."""
    return {
        speaker: f"group-{at * number // len(speakers) + 1}" for at, speaker in enumerate(speakers)
    }


def balanced(rows: Sequence[Example], number: int, seed: int) -> dict[str, str]:
    """Speaker → one of ``number`` groups of about equally many clips."""
    sizes = Counter(row["speaker"] for row in rows)
    order = sorted(sizes)
    random.Random(f"kfold:{seed}").shuffle(order)
    loads = [0] * number
    group: dict[str, str] = {}
    for speaker in sorted(order, key=lambda name: -sizes[name]):
        smallest = loads.index(min(loads))
        group[speaker] = f"group-{smallest + 1}"
        loads[smallest] += sizes[speaker]
    return group


def fold(
    tested: str, groups: Mapping[str, Sequence[Example]], seed: int, dev_fraction: float
) -> Fold:
    """The round that tests one group; whole groups select.

    The groups that select are those behind the tested one in a fixed order, as many as
    ``dev_fraction`` of the clips needs, so that over the rounds every group selects.
    """
    names = list(groups)
    random.Random(f"dev:{seed}").shuffle(names)
    start = names.index(tested)
    others = names[start + 1 :] + names[:start]
    left = sum(len(groups[name]) for name in others)
    dev: list[Example] = []
    while len(others) > 1 and (not dev or len(dev) < dev_fraction * left):
        if dev and len(dev) + len(groups[others[0]]) > 2 * dev_fraction * left:
            break
        dev += groups[others.pop(0)]
    train = [row for name in sorted(others) for row in groups[name]]
    made = Fold(tested, train, dev, list(groups[tested]))
    if shared_speakers(made):
        raise RuntimeError(f"fold {tested} shares speakers {shared_speakers(made)}")
    return made


def random_folds(rows: Sequence[Example], seed: int, dev_fraction: float) -> list[Fold]:
    """Fifths of the clips, whoever speaks: speaker-dependent."""
    order = list(rows)
    random.Random(f"random:{seed}").shuffle(order)
    made = []
    for at in range(RANDOM_FOLDS):
        test = order[at::RANDOM_FOLDS]
        rest = [row for number, row in enumerate(order) if number % RANDOM_FOLDS != at]
        size = max(1, round(dev_fraction * len(rest)))
        made.append(Fold(f"random-{at + 1}", rest[size:], rest[:size], test))
    return made


def speakers_of(rows: Sequence[Example]) -> list[str]:
    """Who speaks, sorted."""
    return sorted({row.get("speaker", "") for row in rows})


def shared_speakers(made: Fold) -> list[str]:
    """Who is in more than one of train, dev and test."""
    parts = (made.train, made.dev, made.test)
    count = Counter(name for part in parts for name in speakers_of(part))
    return sorted(name for name, parts_with in count.items() if parts_with > 1)


def leak_statement(made: Sequence[Fold], rows: Sequence[Example]) -> dict[str, Any]:
    """What every report says of its splits.

    Returns:
        ``statement``, one sentence; ``manifest``, the first 16 digits of a SHA-256 over the sorted
        ids, labels and speakers; ``folds``, for each the speakers of train, dev and test and those
        in more than one.
    """
    parts = [
        {
            "name": one.name,
            "train": ", ".join(speakers_of(one.train)),
            "dev": ", ".join(speakers_of(one.dev)),
            "test": ", ".join(speakers_of(one.test)),
            "shared": ", ".join(shared_speakers(one)) or "none",
        }
        for one in made
    ]
    leaking = [one.name for one in made if shared_speakers(one)]
    statement = "No speaker is in more than one of train, dev and test of a fold."
    if leaking:
        statement = f"Speaker-dependent: {len(leaking)} of {len(made)} folds share speakers."
    lines = sorted(f"{row['id']}\t{row['label']}\t{row.get('speaker', '')}" for row in rows)
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    return {"statement": statement, "manifest": digest, "folds": parts}


def title(protocol: str, made: Sequence[Fold]) -> str:
    """The protocol in words, for titles."""
    dependent = any(shared_speakers(one) for one in made)
    names = {"loso": "leave one session out", "lospo": "leave one speaker out"}
    words = names.get(protocol, f"protocol {protocol}")
    kind = "SPEAKER-DEPENDENT random split" if protocol == "random" else words
    independent = "speaker-dependent" if dependent else "speaker-independent"
    return f"{kind}, {len(made)} folds, {independent}, inner dev set"
