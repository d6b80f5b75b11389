"""What ``run.json``, ``predictions.jsonl`` and the records of an ablation hold, as types.

They are checked as they are read, see :mod:`nlpcl.core.shapes`. Other keys may stand beside these.
"""

from __future__ import annotations

from typing import Any, TypedDict

from nlpcl.core.reports import TableRecord


class DataRecord(TypedDict, total=False):
    """What a run has been trained and tested on."""

    name: str
    sizes: dict[str, int]
    fingerprint: str
    protocol: str
    notes: list[str]
    problems: list[dict[str, Any]]


class _Fold(TypedDict):
    name: str


class LeaksRecord(TypedDict, total=False):
    """The folds of a study, and which speakers they share."""

    statement: str
    manifest: str
    folds: list[_Fold]


class _Run(TypedDict):
    model: str
    task: str
    config: dict[str, Any]


class RunRecord(_Run, total=False):
    """``run.json``; the settings in ``config`` are checked by their own types."""

    format: int
    state: str
    seed: int
    data: DataRecord
    versions: dict[str, str]
    commit: str | None
    code: dict[str, str]
    started: str
    ended: str
    seconds: float
    seconds_per_epoch: float | None
    device: str
    precision: str
    parameters: int
    speakers: list[str]
    progress: str
    files: dict[str, str]
    costs: TableRecord
    leaks: LeaksRecord
    model_fold: str
    baseline: str
    warnings: list[str]


class _Edit(TypedDict):
    position: int
    wrong: str
    right: str
    probability: float


class _Answer(TypedDict, total=False):
    id: str | int | None
    test: str
    fold: str
    text: str
    speaker: str
    targets: list[str]
    seconds: float


class EditedRow(_Answer):
    """A row of ``predictions.jsonl`` with edits."""

    source: str
    gold: str
    target: str
    edits: list[_Edit]


class _GoldSpan(TypedDict):
    start: int
    end: int
    type: str


class _FoundSpan(_GoldSpan):
    score: float
    probability: float
    text: str


class _TextAnswer(TypedDict, total=False):
    id: str | int | None
    test: str
    group: str
    language: str


class SpansRow(_TextAnswer):
    """A row of ``predictions.jsonl`` with entities."""

    text: str
    gold: list[_GoldSpan]
    entities: list[_FoundSpan]
    windows: int


class PlainSpansRow(_TextAnswer):
    """A row of ``baseline.jsonl`` with entities."""

    gold: list[_GoldSpan]
    entities: list[_GoldSpan]


class LabelledRow(_Answer):
    """A row of ``predictions.jsonl`` with a class."""

    gold: str
    label: str
    probabilities: dict[str, float]


class _Cell(TypedDict):
    variant: str
    seed: int
    folder: str
    state: str


class CellRecord(_Cell, total=False):
    """A training in ``ablation.json``."""

    reason: str
    parameters: int | None
    seconds: float | None
    peak_memory_mb: float | None
    scores: dict[str, dict[str, float]]


class _Comparison(TypedDict):
    test: str
    metric: str
    variant: str
    baseline: str
    difference: float | None


class ComparisonRecord(_Comparison, total=False):
    """A comparison in ``ablation.json``."""

    low: float | None
    high: float | None
    p_value: float | None
    p_holm: float | None
    p_dunnett: float | None
    n: int
    seeds: int
    is_found: bool


class AblationRecord(TypedDict, total=False):
    """``ablation.json``."""

    model: str
    task: str
    state: str
    baseline: str
    seeds: list[int]
    notes: list[str]
    variants: dict[str, dict[str, Any]]
    cells: list[CellRecord]
    comparisons: list[ComparisonRecord]


class CellNote(TypedDict, total=False):
    """What lies beside the run folder of a training: ``seed-N.json``."""

    settings: dict[str, Any]
    code: dict[str, str]
    encoder: str | None
    state: str
    reason: str
    seconds: float | None
    peak_memory_mb: float | None
    other_code: list[str]
