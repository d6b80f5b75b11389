"""How a speech model's answers hold when the recording changes: gain, noise, band, codec, silence.

Each test clip is answered as ``nlpcl predict`` answers it, as it is and under each condition; what
counts is the answer, so that nothing but that is kept and any number of clips fits in memory.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.bypass import parts
from nlpcl.audio.distortion import (
    amplified,
    mp3,
    noisy,
    padded,
    reverberated,
    room_response,
    sampled_at,
    telephone,
    writes_mp3,
)
from nlpcl.audio.reading import read_clip
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Example, Splits
from nlpcl.core.tables import Cell, Report, Table
from nlpcl.metrics.clusters import clusters_of
from nlpcl.metrics.confusion import SCORES, cell
from nlpcl.metrics.intervals import paired_bootstrap
from nlpcl.metrics.rates import exact_interval
from nlpcl.metrics.resampling import classification_units
from nlpcl.runs.evaluation import classes_of, heard
from nlpcl.runs.run import Run
from nlpcl.tasks.emotion.rows import NO_SPEECH
from nlpcl.tasks.renaming import check_gold, merged, renamed

if TYPE_CHECKING:
    from torch import Generator, Tensor

Change = Callable[["Tensor", "Generator"], "Tensor"]
SECONDS = 30.0
"""Of sound that is answered at once, under one condition after another."""
AS_IT_IS = "as it is"
NOTE = (
    "Change of UA in points, with its paired 95 % interval over resampled clips or clusters of "
    "them; changed: clips with another answer than as they are, 'no speech' included, which counts "
    "as wrong. Answers are those of nlpcl predict, to one clip at a time. Gain is clipped at full "
    "scale and rounded to 16 bits; noise is white; the room is invented (T60 0.6 s)."
)


@dataclass(frozen=True)
class Condition:
    """A change of the recording.

    Args:
        name: in the table.
        change: a waveform and a generator, seeded by the clip, → the changed waveform.
    """

    name: str
    change: Change


def conditions() -> list[Condition]:
    """All conditions, the clip as it is first."""

    def plain(function: Callable[..., Tensor], *given: Any) -> Change:
        return lambda waveform, generator: function(waveform, *given)

    def noise(waveform: Tensor, generator: Generator, *, snr: float) -> Tensor:
        return noisy(waveform, snr, generator)

    def room(waveform: Tensor, generator: Generator) -> Tensor:
        return reverberated(waveform, room_response(0.6, 0.0, generator))

    found = [Condition(AS_IT_IS, plain(lambda waveform: waveform))]
    found += [Condition(f"gain {db:+d} dB", plain(amplified, db)) for db in (-30, -20, -10, 6)]
    found += [Condition(f"noise, SNR {db} dB", partial(noise, snr=db)) for db in (30, 20, 10, 5)]
    found += [
        Condition("telephone, 300-3400 Hz", plain(telephone)),
        Condition("sampled at 8 kHz", plain(sampled_at, 8_000)),
        Condition("room", room),
        Condition("1 s of silence before", plain(padded, 1.0, 0.0)),
        Condition("1 s of silence after", plain(padded, 0.0, 1.0)),
    ]
    return [*found, Condition("mp3", plain(mp3))] if writes_mp3() else found


def robustness_report(
    run: Run, splits: Splits | None, config: Any, names: Mapping[str, str] | None = None
) -> tuple[Report, list[dict[str, Any]]]:
    """A table of conditions: UA, its change, and the fraction of answers that change.

    Args:
        run: a trained speech model, or a study: then each fold's own model answers for its own
            test clips.
        splits: the test rows; None for a study.
        config: of the evaluation.
        names: class of the model → what the rows call it.

    Returns:
        The report, and a row a clip with its answer under each condition.

    Raises:
        UserError: clips of a class that the model does not know, or none that can be read.
    """
    known = conditions()
    rows: list[dict[str, Any]] = []
    unread: list[str] = []
    labels = renamed(classes_of(run.model), names or {})
    for part, own in parts(run, splits, config):
        check_gold(own, labels)
        for test, clips in own.test.items():
            for row in answered(part, config, names, clips, known, unread):
                rows.append({"test": test, **row})
    if not rows:
        raise UserError(f"not one clip can be read: {unread[0]}", "--data", "See: nlpcl data check")
    protocol = run.record["data"]["protocol"] if splits is None else splits.protocol
    report = Report()
    for number, test in enumerate(dict.fromkeys(row["test"] for row in rows)):
        own_rows = [row for row in rows if row["test"] == test]
        table, metrics = table_of(own_rows, labels, [one.name for one in known])
        prefix = f"{test}/" if number else ""
        table.name = f"{prefix}robustness"
        table.title = f"Robustness, {test} test, n = {len(own_rows)}. {protocol}".strip()
        said = [NOTE, table.note, heard(run.record, own_rows) if splits is not None else ""]
        said += ["mp3 left out: this libsndfile does not write it."] if not writes_mp3() else []
        said += [f"{len(unread)} clips could not be read, such as {unread[0]}."] if unread else []
        if run.config.normalises_speakers:  # pyright: ignore[reportAttributeAccessIssue]
            said.append("The speakers' own statistics are not used.")
        table.note = " ".join(filter(None, said))
        report.tables.append(table)
        report.metrics |= {f"{prefix}{name}": value for name, value in metrics.items()}
    return report, rows


def answered(
    run: Run,
    config: Any,
    names: Mapping[str, str] | None,
    clips: Sequence[Example],
    known: Sequence[Condition],
    unread: list[str],
) -> Iterator[dict[str, Any]]:
    """Yield a row a clip with its answers; clips that cannot be read are added to ``unread``."""
    task: Any = run.task_for(config, names)
    labels = renamed(task.labels, task.names)
    for batch in batches(clips, unread):
        given: dict[str, list[str]] = {}
        for one in known:
            changed = [one.change(sound, seeded(clip, one)) for clip, sound in batch]
            prepared = [task.prepare(waveform) for waveform in changed]
            spoken = [waveform for waveform in prepared if waveform is not None]
            found = task.probabilities(run.model, spoken, run.precision) if spoken else []
            best = iter(np.argmax(merged(found, task.labels, task.names), axis=1) if found else ())
            given[one.name] = [
                NO_SPEECH if waveform is None else labels[int(next(best))] for waveform in prepared
            ]
        for at, (clip, _) in enumerate(batch):
            about = {key: clip.get(key, "") for key in ("id", "speaker", "gender", "session")}
            answers = {name: found[at] for name, found in given.items()}
            yield about | {"gold": clip["label"], "answers": answers}


def batches(clips: Sequence[Example], unread: list[str]) -> Iterator[list[tuple[Example, Tensor]]]:
    """Yield clips with their waveforms, about ``SECONDS`` at once."""
    batch: list[tuple[Example, Tensor]] = []
    for clip in clips:
        try:
            batch.append((clip, read_clip(clip)))
        except UserError as error:
            unread.append(str(error))
            continue
        if sum(len(waveform) for _, waveform in batch) >= SECONDS * 16_000:
            yield batch
            batch = []
    if batch:
        yield batch


def seeded(clip: Mapping[str, Any], condition: Condition) -> Generator:
    """A generator that a clip and a condition determine, whatever else is tested."""
    import torch

    return torch.Generator().manual_seed(zlib.crc32(f"{condition.name} {clip['id']}".encode()))


def table_of(
    rows: Sequence[Mapping[str, Any]], labels: Sequence[str], names: Sequence[str]
) -> tuple[Table, dict[str, float]]:
    """The table of one test set, and its metrics.

    Args:
        rows: with ``gold``, ``speaker`` and ``answers``.
        labels: the classes.
        names: of the conditions, the clip as it is first.
    """
    place = {name: at for at, name in enumerate([*labels, NO_SPEECH])}
    gold = np.array([place[row["gold"]] for row in rows])
    given = {name: np.array([place[row["answers"][name]] for row in rows]) for name in names}
    together = clusters_of(rows)
    before = given[names[0]]
    cells: list[list[Cell]] = []
    metrics: dict[str, float] = {}
    for name, after in given.items():
        units = classification_units(
            gold, np.stack([after, before])[:, None], len(place), together and together.names
        )
        ua = float(SCORES["ua"](units.sums(units.copies[None])[0, 0]).mean())
        silent = int((after == place[NO_SPEECH]).sum())
        changed = 100 * float((after != before).mean())
        metrics |= {f"{name}/ua": ua, f"{name}/changed": changed}
        if name == names[0]:
            cells.append([name, ua, None, None, None, None, silent])
            continue
        difference = paired_bootstrap(units, SCORES["ua"])
        # Resampling answers that are all the same gives no interval of width 0, but none.
        ends = [cell(end) if changed else None for end in (difference.low, difference.high)]
        metrics[f"{name}/ua_change"] = difference.value
        cells.append([name, ua, difference.value, *ends, changed, silent])
    columns = ["condition", "UA", "change", "low", "high", "changed (%)", "no speech"]
    most = exact_interval(0, len(rows))[1]
    note = f"Where no answer changed, up to {most:.1f} % may (exact 95 % interval)."
    said = note if any(row[5] == 0 for row in cells) else ""
    return Table("robustness", columns, cells, note=said, digits=1), metrics
