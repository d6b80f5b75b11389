"""Loading of the rows that a configuration names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from nlpcl import tasks
from nlpcl.core import progress
from nlpcl.core.config import RunConfig, flag
from nlpcl.core.errors import UserError
from nlpcl.core.needs import changed, parts
from nlpcl.core.splits import Example, Splits
from nlpcl.data import loading
from nlpcl.data.classes import check_classes, check_names
from nlpcl.data.inventory import inventory
from nlpcl.data.protocols import Fold, folds
from nlpcl.data.synonyms import proposed

PERMISSIONS = ("keep_overlap", "unescape_html")
"""Settings that allow something to be done where there is a case for it."""


def load_splits(config: RunConfig, *, as_test: bool = False, for_test: bool = False) -> Splits:
    """The data that a configuration names.

    Args:
        config: the run's settings.
        as_test: hold nothing of a single file out: it is the test set.
        for_test: only the test sets are wanted; the others may be damaged.
    """
    splits = loading.load(
        config.data,
        tasks.spec(config.task).schema,
        root=config.data_root,
        columns=config.columns(),
        dev_fraction=config.dev_fraction,
        seed=config.seed,
        keep_overlap=config.keep_overlap,
        as_test=as_test,
        for_test=for_test,
        unescape_html=config.unescape_html,
        options=config.data_options(),
    )
    splits.keep(config.train_fraction)
    return splits


def load_unsplit(config: RunConfig) -> Splits:
    """Load every row of the corpora into ``train``, for a protocol to split."""
    joined = Splits(config.data)
    for part in parts(config.data):
        splits, _ = loading.load_as_is(
            part,
            tasks.spec(config.task).schema,
            root=config.data_root,
            columns=config.columns(),
            options=config.data_options(),
        )
        joined.train += [*splits.train, *splits.dev, *(r for t in splits.test.values() for r in t)]
        joined.problems += splits.problems
        joined.notes += splits.notes
        joined.renamed += splits.renamed
    return joined


def load_data(config: RunConfig) -> Splits:
    """The data of a training: split, or for folds all rows in ``train``."""
    return load_unsplit(config) if config.folds else load_splits(config)


def study_folds(rows: Sequence[Example], settings: Any) -> list[Fold]:
    """The folds of a cross-validation of all rows.

    Raises:
        UserError: the protocol does not fit them.
    """
    return folds(
        rows,
        settings.protocol,
        settings.seed,
        settings.dev_fraction,
        dev_of_clips=settings.dev == "clips",
    )


def study_rows(
    rows: Sequence[Example], predictions: Sequence[Mapping[str, Any]], fold: str
) -> tuple[list[Example], list[bool]]:
    """The rows of a study's classes, with flags for those that its one model is tested on.

    Args:
        rows: all rows of its data.
        predictions: of the study.
        fold: of its model.
    """
    tested = {row["id"] for row in predictions if row.get("fold") == fold}
    labels = set(predictions[0]["probabilities"])
    kept = [row for row in rows if row.get("label") in labels]
    return kept, [row["id"] in tested for row in kept]


def check_rows(config: RunConfig, splits: Splits, *, quiet: bool) -> None:
    """Refuse rows that no model should be trained on, and say what there is.

    Raises:
        UserError: labels that are no classes, or a mapping of classes that no row has.
    """
    check_mapping(config, splits)
    rows = [*splits.train, *splits.dev]
    if tasks.spec(config.task).answers == "labels" and all("label" in row for row in rows):
        can_map = "map_labels" in config.data_options()
        check_classes(rows, f"--data {config.data}", can_map=can_map)
        if alike := proposed({row["label"] for row in rows}):
            shown = ", ".join(f"{old!r} and {new!r}" for old, new in alike.items())
            splits.notes.append(f"classes that may be one: {shown}; --map-labels auto merges them")
    if not quiet:
        for line in inventory(splits):
            progress.say(line)


def refuse_idle(config: RunConfig, splits: Splits, given: Collection[str] | None = None) -> None:
    """Refuse a setting that was given and has no effect on the data; a permission is but noted.

    Args:
        config: all settings.
        splits: the data.
        given: names of those that were given; by default all that are not at their defaults.

    Raises:
        UserError: saying why it has none.
    """
    idle = config.idle(splits)
    for name in changed(config) if given is None else given:
        if name not in idle:
            continue
        if name in PERMISSIONS:
            splits.notes.append(f"{flag(name)} changes nothing: {idle[name]}")
        else:
            raise UserError(f"has no effect: {idle[name]}", flag(name), "Leave it out.")


def refuse_equal_on(splits: Splits, variants: Collection[RunConfig]) -> None:
    """Refuse variants that differ in a setting without an effect on the data.

    Raises:
        UserError: saying why it has none.
    """
    for config in variants:
        for name, why in config.idle(splits).items():
            if len({getattr(one, name) for one in variants}) > 1:
                what = f"sets nothing apart: {why}"
                raise UserError(what, flag(name), "Leave it out of the variants and sweeps.")


def check_mapping(
    config: RunConfig,
    splits: Splits,
    known: Collection[str] = (),
    trained: RunConfig | None = None,
) -> None:
    """Refuse a new name for a class, or a type of entities, that is nowhere.

    Args:
        config: the run's settings.
        splits: of its data.
        known: further classes, such as those of a model.
        trained: the settings that an evaluation changed. What is as it was there, or as a task has
            it by default, may find nothing to do.

    Raises:
        UserError: naming the nearest class.
    """
    usual = [one.data_options() for one in (type(config)(), trained) if one is not None]
    for setting, kind in {"map_labels": "class", "map_types": "type"}.items():
        mapping = config.data_options().get(setting, {})
        if all(mapping != one.get(setting) for one in usual):
            check_names(mapping, {*class_names(splits), *known}, flag(setting), kind)


def class_names(splits: Splits) -> set[str]:
    """The classes of all rows, or types of entities, as they are called and as they were."""
    rows = [*splits.train, *splits.dev, *(row for part in splits.test.values() for row in part)]
    labels = {row["label"] for row in rows if "label" in row}
    types = {one["type"] for row in rows for one in row.get("entities", ())}
    return labels | types | splits.renamed.keys()
