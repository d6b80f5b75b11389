"""Flags of ``nlpcl eval``: which exclude or need one another, and what they stand for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nlpcl.core.config import flag
from nlpcl.core.errors import UserError
from nlpcl.core.needs import parts
from nlpcl.data.classes import label_map
from nlpcl.data.synonyms import split_auto, with_synonyms
from nlpcl.runs.evaluation import classes_of
from nlpcl.runs.run import Run

MODULE = "module"
"""The name in ``--by`` that stands for the parts of the model."""


def refuse_for_identity(given: Mapping[str, Any], data: str | None) -> None:
    """Refuse data and settings of data: ``--identity`` has sentences of its own."""
    for name in (*(["data"] if data is not None else []), *given):
        what = "has no effect: --identity asks about sentences of its own"
        raise UserError(what, flag(name), "Leave one of them out.")


def refuse_for_folds(given: Iterable[str]) -> None:
    """Refuse settings of data where the folds of a study answer, as they did in its training."""
    for name in given:
        what = "has no effect: its folds were scored with the settings of their training"
        raise UserError(what, flag(name), "Give --data too, to score its one model.")


def refuse_for_others(run: Run, **asked: bool) -> None:
    """Refuse an analysis, by its flag's name, for a model of another kind than it is for."""
    analyses = {"explain": "words", "identity": "identity", "robustness": "robustness"}
    kinds = {"robustness": "models of speech"}
    for name in [name for name, wanted in asked.items() if wanted]:
        if analyses[name] not in run.spec.analyses:
            kind = kinds.get(name, "classifiers of text")
            what = f"is for {kind}; {run.record['model']} is none"
            raise UserError(what, flag(name), "Leave it out.")


def check_runs(runs: Sequence[Path], data: str | None, *, cross: bool, keep: bool) -> None:
    """Refuse several runs without ``--cross``, what needs data without any, and a run twice."""
    if len(runs) > 1 and not cross:
        what = f"{len(runs)} runs are scored together with --cross alone"
        raise UserError(what, "eval", "Give one run, or --cross with --data a,b,c.")
    if cross and data is None:
        raise UserError("needs corpora to test on", "--cross", "Give --data a,b,c.")
    if keep and data is None:
        what = "has no effect: the run's own test sets are what it has not learnt"
        raise UserError(what, "--keep-overlap", "Give --data, or leave it out.")
    if data is not None and cross and len(set(parts(data))) < len(parts(data)):
        what = f"{data!r} has an empty or repeated part"
        raise UserError(what, "--data", "Give each one once.")
    if len({run.resolve() for run in runs}) < len(runs):
        raise UserError("a run is named twice", "eval", "Give each one once.")


def checked_groups(
    by: str | None,
    *,
    explain: bool,
    identity: bool,
    neutral: str | None,
    cross: bool,
    robustness: bool = False,
) -> list[str]:
    """Return the names in ``--by``, and reject flags that exclude each other."""
    groups = [] if by is None else [name.strip() for name in by.split(",")]
    asked = [
        name
        for name, is_asked in (
            ("--by", groups),
            ("--explain", explain),
            ("--identity", identity),
            ("--cross", cross),
            ("--robustness", robustness),
        )
        if is_asked
    ]
    if len(asked) > 1:
        raise UserError("stand for different tables", " and ".join(asked), "Give one of them.")
    if MODULE in groups and len(groups) > 1:
        raise UserError("module stands alone", f"--by {by}", "Give --by module.")
    if neutral is not None and not identity:
        raise UserError("belongs to --identity", "--neutral", "Give both.")
    return groups


def names(given: Mapping[str, Any], models: Iterable[Any]) -> dict[str, str]:
    """Class → new name, as given for this evaluation; for rows and models alike.

    Args:
        given: the flags given.
        models: that are evaluated; looked at where synonyms are to be renamed.
    """
    is_auto, rest = split_auto(given.get("map_labels", ""))
    mapping = label_map(rest)
    if not is_auto:
        return mapping
    return with_synonyms({label for model in models for label in classes_of(model)}, mapping)
