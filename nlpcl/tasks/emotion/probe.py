"""Probes of speaker and gender in a trained model's embeddings of clips.

The adversary's own accuracy says nothing of that: it may be fooled while the information stays. A
logistic regression is trained afresh on the pooled vectors that the emotion head gets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.intervals import t_interval
from nlpcl.metrics.probe import Probe, probe

FOLDS = 3
"""Parts a probe is tested on; few, since every fold of a study is probed."""
HEARD, UNHEARD, GENDER = "speaker (trained on)", "speaker (not trained on)", "gender"
KEYS = {HEARD: "probe_speaker_heard", UNHEARD: "probe_speaker_unheard", GENDER: "probe_gender"}


def probes(
    embeddings: Any, rows: Sequence[Mapping[str, Any]], heard: set[str], seed: int = 0
) -> dict[str, Probe]:
    """Run the probes of one model.

    Args:
        embeddings: ``(N, D)``, of all clips the model has been trained, selected and tested on.
        rows: their clips.
        heard: speakers it has been trained on.
        seed: of the probe's own splits.

    Returns:
        By name: the speaker among those trained on, among the others, and the gender with no
        speaker in both parts of a split. What the clips do not allow is left out.
    """
    speakers = [str(row.get("speaker", "")) for row in rows]
    genders = [str(row.get("gender", "")) for row in rows]
    found: dict[str, Probe] = {}
    for name, known in ((HEARD, True), (UNHEARD, False)):
        chosen = [at for at, speaker in enumerate(speakers) if (speaker in heard) == known]
        if len({speakers[at] for at in chosen}) > 1:
            names = [speakers[at] for at in chosen]
            found[name] = probe(embeddings[chosen], names, folds=FOLDS, seed=seed)
    pairs = defaultdict(set)
    for speaker, gender in zip(speakers, genders, strict=True):
        pairs[gender].add(speaker)
    if sum(len(group) > 1 for gender, group in pairs.items() if gender) > 1:
        found[GENDER] = probe(
            embeddings, genders, target="gender", groups=speakers, folds=FOLDS, seed=seed
        )
    return found


def probe_metrics(found: Mapping[str, Probe]) -> dict[str, float]:
    """Return ``probe_speaker_heard`` etc. in percent, each with ``_chance``."""
    metrics: dict[str, float] = {}
    for name, one in found.items():
        metrics[KEYS[name]] = one.accuracy
        metrics[f"{KEYS[name]}_chance"] = one.majority_accuracy
    return metrics


def probe_summary(folds: Sequence[Mapping[str, float]]) -> tuple[dict[str, float], list[Table]]:
    """Average the probes over the models of a study.

    Args:
        folds: the metrics of each fold's report.

    Returns:
        The mean of each probe and of what chance gives, and a table with t-intervals over folds;
        both empty where nothing was probed.
    """
    metrics: dict[str, float] = {}
    rows: list[list[Cell]] = []
    for name, key in KEYS.items():
        values = [fold[key] for fold in folds if key in fold]
        if not values:
            continue
        chance = [fold[f"{key}_chance"] for fold in folds if key in fold]
        metrics |= {key: sum(values) / len(values), f"{key}_chance": sum(chance) / len(chance)}
        spread = t_interval(values)
        ends: list[Cell] = [None, None] if len(values) < 2 else [spread.low, spread.high]
        rows.append([name, spread.value, *ends, metrics[f"{key}_chance"], len(values)])
    if not rows:
        return {}, []
    columns = ["read from the embedding", "accuracy", "low", "high", "most frequent", "models"]
    note = "Percent right of a fresh logistic regression, beside always naming the most frequent;"
    note += (
        " the mean over the folds' models with its t-interval. Gender: no speaker in both parts."
    )
    return metrics, [Table("probe", columns, rows, title="Speaker probe", note=note, digits=1)]
