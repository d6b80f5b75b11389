"""What is said of the speakers that the parts of a fold share: in titles and in every report."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from nlpcl.core.splits import Example
from nlpcl.data.protocols import Fold, resolved, shared_speakers, speakers_of

WORDS = {
    "loso": "leave one session out",
    "lospo": "leave one speaker out",
    "groups": "groups of neighbouring speakers",
}


def tested_speakers(made: Fold) -> list[str]:
    """Speakers of the test who are in train or dev too."""
    return sorted({*speakers_of(made.test)} & {*speakers_of([*made.train, *made.dev])})


def leak_statement(made: Sequence[Fold], rows: Sequence[Example]) -> dict[str, Any]:
    """The statement on speaker leakage that every report contains.

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
    leaking = [one.name for one in made if tested_speakers(one)]
    statement = "No speaker is in more than one of train, dev and test of a fold."
    if leaking:
        statement = f"Speaker-dependent: {len(leaking)} of {len(made)} folds share speakers."
    elif any(map(shared_speakers, made)):
        statement = "No speaker of a test is in train or dev of its fold. Dev SHARES its speakers "
        statement += "with train: epochs are selected on speakers that have been heard."
    lines = sorted(f"{row['id']}\t{row['label']}\t{row.get('speaker', '')}" for row in rows)
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    return {"statement": statement, "manifest": digest, "folds": parts}


def title(protocol: str, made: Sequence[Fold]) -> str:
    """The protocol in words, for titles; a random split is always called speaker-dependent."""
    if protocol == "random":
        return f"SPEAKER-DEPENDENT random split of the clips, {len(made)} folds, inner dev set"
    rows = [row for one in made[:1] for part in (one.train, one.dev, one.test) for row in part]
    words = WORDS.get(resolved(rows, protocol), "groups of speakers")
    kind = "SPEAKER-DEPENDENT" if any(map(tested_speakers, made)) else "speaker-independent"
    is_heard = kind.islower() and any(map(shared_speakers, made))
    inner = "inner dev set of HEARD speakers" if is_heard else "inner dev set"
    return f"{words}, {len(made)} folds, {kind}, {inner}"
