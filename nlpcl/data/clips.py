"""Rows of speech clips, and the handling of their labels common to all corpora."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nlpcl.audio import ffmpeg
from nlpcl.audio.reading import SHORTEST, clip_seconds, suffixes
from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.splits import Example, Problem, Splits
from nlpcl.data.classes import MISSING, rename
from nlpcl.data.clip_check import is_silent
from nlpcl.data.labelled_text import csv_records
from nlpcl.data.locate import above_parts, missing, scan
from nlpcl.data.synonyms import with_synonyms

FOUR = ("angry", "happy", "neutral", "sad")
"""Emotions that occur in every corpus here."""
EMOTIONS = (
    *FOUR,
    *("calm", "fearful", "disgust", "surprised", "bored", "excited", "frustrated", "other"),
)
"""Names of emotions in all corpora here."""
EXCITED = {"excited": "happy"}
"""Renamed by default, as nearly all work on IEMOCAP does."""
LOSSLESS = (".wav", ".flac")
"""Endings of the copy that is read where a corpus comes in several forms."""
NO_EMOTION = MISSING | {"none"}
"""Labels of tables that are none."""
ALIKE = 20
"""From so many clips on, a common length is no coincidence."""


def clip(path: Path, label: str, speaker: str, corpus: str, **more: Any) -> Example:
    """One row.

    Args:
        path: the sound file.
        label: the emotion, an English word in lower case.
        speaker: a name unique across corpora.
        corpus: its name.
        more: ``id``, ``session``, ``gender`` (female, male or empty), ``text``, ``kind``, ``start``
            and ``end`` in seconds.
    """
    row = {"id": path.stem, "path": str(path), "label": label, "speaker": speaker}
    empty = {"session": "", "gender": "", "corpus": corpus, "start": None, "end": None}
    return row | empty | more


def read_meta(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV table that is part of a corpus.

    Raises:
        UserError: a column is missing.
    """
    records = (record for _, record in csv_records(path, columns))
    return [dict.fromkeys(columns, "") | record for record in records]


def named_files(
    splits: Splits,
    root: Path | None,
    name_of: Callable[[Path], str | None],
    example: str,
    part: str = "",
) -> dict[str, Path]:
    """The sound files of a corpus by clip name, sorted; of several copies, the one least deep.

    Args:
        splits: of the corpus; gets a note on copies that are passed over.
        root: the data folder.
        name_of: the clip's name from its path; None for a file that is not of the corpus.
        example: a file name, for the message where there is none.
        part: a regular expression for the names of folders that hold but a part of the corpus,
            such as a speaker's; with one of them as data folder all its neighbours are read.

    Raises:
        UserError: no data folder, or nothing of the corpus in it.
    """
    found: dict[str, Path] = {}
    copies: list[Path] = []
    whole = above_parts(root, part)
    if whole != root:
        splits.notes.append(f"{splits.name}: {root} is a part of it; read from {whole}")
    # Names that begin with a dot are what a Mac leaves beside every file.
    files = [path for path in scan(whole, splits.name) if not path.name.startswith(".")]
    sounds = [path for path in files if path.suffix.lower() in suffixes()]
    if skipped := ffmpeg.not_read(path for path in files if name_of(path) is not None):
        splits.notes.append(f"{splits.name}: {skipped}")
    # A copy without losses before one with them, where a corpus comes with both.
    for path in sorted(sounds, key=lambda path: path.suffix.lower() not in LOSSLESS):
        name = name_of(path)
        if name is not None and found.setdefault(name, path) != path:
            copies.append(path)
    if not found:
        raise missing(splits.name, root, f"sound files such as {example}")
    if copies:
        what = f"{len(copies)} further copies of clips not read, such as {copies[0]}"
        splits.notes.append(f"{splits.name}: {what}")
    return dict(sorted(found.items()))


def usable(rows: Iterable[Example], problems: list[Problem]) -> list[Example]:
    """The clips whose sound exists and is long enough, judging by the headers of their files.

    The others are added to ``problems``. Silence is not detected here, see :func:`audible`.
    """
    return [row for row, _ in timed(rows, problems)]


def timed(rows: Iterable[Example], problems: list[Problem]) -> list[tuple[Example, float]]:
    """:func:`usable` with the seconds of each clip."""
    kept: list[tuple[Example, float]] = []
    for row in rows:
        try:
            length = clip_seconds(row)
        except UserError as error:
            problems.append(Problem(str(row["path"]), None, f"{error.what}; clip skipped"))
            continue
        if length < SHORTEST:
            what = f"has {length:.3f} s of sound, less than {SHORTEST:g} s; clip skipped"
            problems.append(Problem(str(row["path"]), None, what))
        else:
            kept.append((row, length))
    return kept


def audible(
    rows: Iterable[tuple[Example, float]], problems: list[Problem]
) -> list[tuple[Example, float]]:
    """The clips that are not silent, with their seconds; the others are added to ``problems``."""
    kept: list[tuple[Example, float]] = []
    for row, length in rows:
        what = "is silent"
        try:
            if not is_silent(row):
                kept.append((row, length))
                continue
        except UserError as error:
            what = error.what
        problems.append(Problem(str(row["path"]), None, f"{what}; clip skipped"))
    return kept


def chosen(
    splits: Splits,
    labels: str | Sequence[str] | None = None,
    map_labels: Mapping[str, str] | None = None,
    kind: str = "all",
    usual: Sequence[str] = (),
    *,
    synonyms: bool = False,
) -> Splits:
    """Rename the emotions of clips, then keep those of the chosen emotions.

    Args:
        splits: of a corpus, all clips in ``train``; changed.
        labels: emotions to keep, as a list or joined by commas; ``four`` alone stands for angry,
            happy, neutral and sad, ``all`` for all, None for ``usual``.
        map_labels: emotion → its new name, empty to drop it; None is excited=happy. Emotions that
            no clip has are ignored.
        kind: ``improvised`` or ``scripted`` speech only, where the corpus tells.
        usual: the emotions of the corpus that are kept without ``labels``; empty for all.
        synonyms: rename other names of the emotions too, see :mod:`nlpcl.data.synonyms`.

    Raises:
        UserError: an unknown emotion or kind, or no clip is left.
    """
    if kind != "all":
        _choose_kind(splits, kind)
    renamed = EXCITED if map_labels is None else map_labels
    wanted = names_of(labels)
    before = Counter(str(row["label"]) for row in splits.train)
    known = {*EMOTIONS, *before}
    renamed = with_synonyms(before, renamed) if synonyms else renamed
    rename(splits, renamed)
    found = Counter(str(row["label"]) for row in splits.train)
    known |= set(renamed.values())
    for name in wanted:
        if name not in known and name != "all":
            raise unknown_name("emotion", name, known, where="--labels")
    kept = wanted or list(usual)
    if kept and kept != ["all"]:
        _keep(splits, kept, found)
    return splits


def _choose_kind(splits: Splits, kind: str) -> None:
    if kind not in ("improvised", "scripted"):
        raise unknown_name("kind", kind, ("all", "improvised", "scripted"), where="--kind")
    splits.train = [row for row in splits.train if row.get("kind") == kind]
    if not splits.train:
        what = f"{splits.name} does not tell which speech is {kind}"
        raise UserError(what, f"--kind {kind}", "Leave it out.")
    splits.notes.append(f"{splits.name}: {kind} speech only")


def _keep(splits: Splits, kept: Sequence[str], found: Counter[str]) -> None:
    splits.train = [row for row in splits.train if row["label"] in kept]
    if not splits.train:
        how = f"It has: {', '.join(sorted(found))}."
        listed = ", ".join(map(repr, kept))
        raise UserError(f"{splits.name} has no clip of {listed}", "--labels", how)
    absent = [name for name in kept if name not in found]
    if absent:
        splits.notes.append(f"{splits.name}: no clip of {', '.join(absent)}")
    others = {name: count for name, count in found.most_common() if name not in kept}
    if others:
        listed = ", ".join(f"{name} {count}" for name, count in others.items())
        what = f"{sum(others.values())} clips of other emotions left out ({listed})"
        splits.notes.append(f"{splits.name}: {what}")


def without_missing(splits: Splits, meant: Container[str] = ()) -> Splits:
    """Skip clips whose label is what programs write where there is none, such as ``nan``.

    Args:
        splits: of the user's own table, all clips in ``train``; changed.
        meant: labels that are asked for by name, which are classes like others.
    """
    kept = []
    for row in splits.train:
        if row["label"] in NO_EMOTION and row["label"] not in meant:
            what = f"no label ({row['label']!r}); row skipped"
            splits.problems.append(Problem(str(row["id"]), None, what))
        else:
            kept.append(row)
    if splits.train and not kept:
        what = f"not one of {len(splits.train)} clips has a label ({splits.train[0]['label']!r})"
        raise UserError(what, splits.name, "Is it the right column (--label-column)?")
    splits.train = kept
    return splits


def with_usable(splits: Splits) -> Splits:
    """Keep the usable and audible clips of ``train``, and note if all have the same length.

    Raises:
        UserError: not one is.
    """
    kept = audible(timed(splits.train, splits.problems), splits.problems)
    if splits.train and not kept:
        first = splits.problems[-1]
        raise UserError("not one clip can be used", splits.name, f"The last one: {first}.")
    lengths = {round(length, 3) for _, length in kept}
    if len(kept) >= ALIKE and len(lengths) == 1:
        what = f"every clip is {lengths.pop():g} s long: this copy was cut or filled up"
        splits.notes.append(f"{splits.name}: {what}")
    splits.train = [row for row, _ in kept]
    return splits


def divided(splits: Splits) -> Splits:
    """Move clips to the split that their field ``split`` names; the others stay in ``train``."""
    parts: dict[str, list[Example]] = {"train": [], "dev": list(splits.dev), "test": []}
    for row in splits.train:
        parts[row.get("split") or "train"].append(row)
    if not parts["test"] and len(parts["dev"]) == len(splits.dev):
        return splits
    test = {splits.name: parts["test"]} if parts["test"] else {}
    own = ", ".join(name for name, rows in parts.items() if rows)
    protocol = splits.protocol or f"its own {own}"
    return replace(
        splits,
        train=parts["train"],
        dev=parts["dev"],
        test=splits.test | test,
        protocol=protocol,
    )


def names_of(labels: str | Sequence[str] | None) -> list[str]:
    """Emotions from a list or from text joined by commas, ``four`` spelt out."""
    given = labels.split(",") if isinstance(labels, str) else labels or ()
    listed = [name.strip().lower() for name in given if name.strip()]
    return list(FOUR) if listed == ["four"] else listed


def count_clips(splits: Splits) -> dict[str, Any]:
    """Number of clips: total, by emotion and speaker, and by gender, session and kind if known."""
    rows = splits.train
    counts: dict[str, Any] = {"clips": len(rows)}
    for name in ("label", "speaker", "gender", "session", "kind"):
        found = Counter(str(row.get(name) or "") for row in rows)
        if name in ("label", "speaker") or set(found) - {""}:
            counts[f"{name}s"] = dict(sorted(found.items()))
    counts["speaker_count"] = len(set(counts["speakers"]) - {""})
    return counts
