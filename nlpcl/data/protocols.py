"""Evaluation protocols of speech: folds of clips whose train, dev and test share no speaker.

``dev`` is always taken from what is left after the test set and shares no speaker with the rest,
except under ``random``, which every title calls speaker-dependent, and with ``dev_of_clips``, which
titles and statements say. It consists of whole speakers,
or, under ``loso``, of whole sessions, so that models are selected under the conditions of the test.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example
from nlpcl.data.dev_clips import with_dev_clips

GROUPS = 6
"""Number of speaker groups for a corpus of many speakers and no sessions, as EmoBox for RAVDESS."""
MANY = 12
"""From so many speakers on, they are tested in groups."""
RANDOM_FOLDS = 5
HOW = "Choose another --protocol, or give clips of more speakers."
NAMELESS = "(not named)"
"""Name of the speaker of clips without one."""


@dataclass(frozen=True)
class Fold:
    """One fold of a protocol.

    Args:
        name: of the session, speaker or group that is tested.
        train, dev, test: clip rows.
    """

    name: str
    train: Sequence[Example]
    dev: Sequence[Example]
    test: Sequence[Example]


def folds(
    rows: Sequence[Example],
    protocol: str,
    seed: int = 0,
    dev_fraction: float = 0.1,
    *,
    dev_of_clips: bool = False,
) -> list[Fold]:
    """The folds of a protocol; every clip is tested once.

    Args:
        rows: clips with ``speaker``, ``label`` and optionally ``session``.
        protocol: ``loso`` leaves one session out, ``lospo`` one speaker, ``kfold:N`` one of N
            groups of speakers, ``random`` a fifth of the clips; ``auto`` as :func:`resolved`.
        seed: for the clips of ``random``, the groups of ``kfold`` and the dev speakers.
        dev_fraction: approximate fraction of the remaining clips to use as dev, in whole speakers
            (``loso``: sessions), at least one.
        dev_of_clips: take clips of the training speakers as dev instead, for corpora of few
            speakers; see :func:`nlpcl.data.dev_clips.with_dev_clips`.

    Raises:
        UserError: too few clips, speakers or sessions, a speaker in several sessions, clips without
            a speaker, or an unknown protocol.
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
    known = resolved(rows, protocol)
    groups = tested_groups(rows, known, seed)
    unit = "session" if known == "loso" else "speaker"
    made = [fold(name, groups, unit, seed, dev_fraction) for name in groups]
    if dev_of_clips:
        divided = (with_dev_clips(one.train, one.dev, seed, dev_fraction) for one in made)
        made = [replace(one, train=p[0], dev=p[1]) for one, p in zip(made, divided, strict=True)]
    if not all(one.train and one.dev for one in made):
        what = f"has too few {unit}s: beside those tested, two are needed to train and to select"
        how = HOW if dev_of_clips else f"{HOW} Or select on clips of heard speakers: --dev clips."
        raise UserError(what, f"--protocol {protocol}", how)
    return made


def resolved(rows: Sequence[Example], protocol: str) -> str:
    """The protocol that ``auto`` stands for; other protocols unchanged.

    It is ``loso`` if there are at least three sessions of different speakers, else ``groups`` (six,
    of speakers with neighbouring names) if there are at least 12 speakers, else ``lospo``.
    """
    if protocol != "auto":
        return protocol
    sessions = {row.get("session", "") for row in rows}
    if len(sessions) > 2 and "" not in sessions and not wanderers(rows):
        return "loso"
    return "groups" if len(speakers_of(rows)) >= MANY else "lospo"


def wanderers(rows: Sequence[Example]) -> list[str]:
    """The speakers that occur in more than one session, sorted."""
    pairs = {(row["speaker"], row.get("session", "")) for row in rows}
    count = Counter(speaker for speaker, _ in pairs)
    return sorted(speaker for speaker, sessions in count.items() if sessions > 1)


def tested_groups(rows: Sequence[Example], protocol: str, seed: int) -> dict[str, list[Example]]:
    """Clips by the group they are tested in; the names are valid folder names."""
    speakers = speakers_of(rows)
    if protocol == "loso":
        sessions = sorted({row.get("session", "") for row in rows})
        if "" in sessions or len(sessions) < 2:
            raise UserError("these clips have no sessions", "--protocol loso", "Use lospo.")
        shared = wanderers(rows)
        if shared:
            count = f"{len(shared)} of {len(speakers)} speakers"
            what = f"{count} are in several sessions, such as {shared[0]}"
            raise UserError(what, "--protocol loso", "Use lospo or kfold:N.")
        return grouped(rows, folder_names(sessions), "session")
    if protocol == "groups":
        return grouped(rows, neighbours(speakers, GROUPS), "speaker")
    if protocol == "lospo":
        return grouped(rows, folder_names(speakers), "speaker")
    if re.fullmatch(r"kfold:\d+", protocol):
        number = int(protocol.removeprefix("kfold:"))
        if not 2 <= number <= len(speakers):
            what = f"cannot be made of {len(speakers)} speakers"
            raise UserError(what, f"--protocol {protocol}", HOW)
        return grouped(rows, balanced(rows, number, seed), "speaker")
    raise UserError(f"{protocol} makes no folds", "--protocol", "Use loso, lospo or kfold:N.")


def folder_names(names: Sequence[str]) -> dict[str, str]:
    """Name → valid folder name; all differ, even if case is ignored."""
    taken: set[str] = set()
    given: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^\w.-]+", "-", name)[:60].strip(".-") or "unnamed"
        unused, number = plain, 1
        while unused.casefold() in taken:
            number += 1
            unused = f"{plain}-{number}"
        taken.add(unused.casefold())
        given[name] = unused
    return given


def grouped(
    rows: Sequence[Example], group: Mapping[str, str], field: str
) -> dict[str, list[Example]]:
    """Clips by the group of one of their fields; groups sorted by name."""
    found: dict[str, list[Example]] = defaultdict(list)
    for row in rows:
        found[group[row[field]]].append(row)
    return {name: found[name] for name in sorted(found)}


def neighbours(speakers: Sequence[str], number: int) -> dict[str, str]:
    """Speaker → one of ``number`` groups of speakers that are adjacent in sorted order."""
    count = len(speakers)
    return {name: f"group-{at * number // count + 1}" for at, name in enumerate(speakers)}


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
    tested: str,
    groups: Mapping[str, Sequence[Example]],
    unit: str,
    seed: int,
    dev_fraction: float,
) -> Fold:
    """The fold that tests one group.

    Dev speakers are searched from the group after the tested one on, in a fixed order, so that they
    differ from fold to fold.

    Args:
        tested: name of the group.
        groups: clips by group.
        unit: what dev consists of whole ones of: ``speaker`` or ``session``.
        seed: for the order.
        dev_fraction: fraction of the clips not tested to use as dev.
    """
    names = list(groups)
    random.Random(f"dev:{seed}").shuffle(names)
    start = names.index(tested)
    names = names[start + 1 :] + names[:start]
    sizes = Counter(row[unit] for name in names for row in groups[name])
    chosen = selecting(sizes, dev_fraction * sizes.total())
    rest = [row for name in sorted(names) for row in groups[name]]
    dev = [row for row in rest if row[unit] in chosen]
    train = [row for row in rest if row[unit] not in chosen]
    made = Fold(tested, train, dev, list(groups[tested]))
    if shared_speakers(made):
        raise RuntimeError(f"fold {tested} shares speakers {shared_speakers(made)}")
    return made


def selecting(sizes: Mapping[str, int], wanted: float) -> set[str]:
    """Names whose clips add up to about ``wanted``: at least one, and not all.

    ``sizes`` are numbers of clips by name, in the order in which names are tried.
    """
    chosen: set[str] = set()
    held = 0
    for name, size in sizes.items():
        if len(chosen) + 1 < len(sizes) and abs(held + size - wanted) < abs(held - wanted):
            chosen.add(name)
            held += size
    if not chosen and len(sizes) > 1:
        # None is small enough: take the first in order that is about as small as the smallest.
        smallest = min(sizes.values())
        chosen.add(next(name for name, size in sizes.items() if size <= 2 * smallest))
    return chosen


def random_folds(rows: Sequence[Example], seed: int, dev_fraction: float) -> list[Fold]:
    """Five folds of random clips regardless of the speaker, hence speaker-dependent.

    Raises:
        UserError: fewer clips than folds.
    """
    if len(rows) < RANDOM_FOLDS:
        what = f"{len(rows)} clips cannot be tested in {RANDOM_FOLDS} parts"
        raise UserError(what, "--protocol random", "Give more clips.")
    order = list(rows)
    random.Random(f"random:{seed}").shuffle(order)
    made = []
    for at in range(RANDOM_FOLDS):
        test = order[at::RANDOM_FOLDS]
        rest = [row for number, row in enumerate(order) if number % RANDOM_FOLDS != at]
        size = min(max(1, round(dev_fraction * len(rest))), len(rest) - 1)
        made.append(Fold(f"random-{at + 1}", rest[size:], rest[:size], test))
    return made


def speakers_of(rows: Sequence[Example]) -> list[str]:
    """The speakers of some clips, sorted."""
    return sorted({row.get("speaker") or NAMELESS for row in rows})


def shared_speakers(made: Fold) -> list[str]:
    """Speakers in more than one of train, dev and test; clips without one count as one speaker."""
    parts = (made.train, made.dev, made.test)
    count = Counter(name for part in parts for name in speakers_of(part))
    return sorted(name for name, parts_with in count.items() if parts_with > 1)
