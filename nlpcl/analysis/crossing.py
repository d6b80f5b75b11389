"""Every run on every corpus: what a model learnt on one is worth on another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.core.needs import parts
from nlpcl.core.splits import Example, Splits
from nlpcl.core.tables import Cell, Report, Table
from nlpcl.data.classes import listed
from nlpcl.data.holdout import unused_name, without
from nlpcl.metrics.clusters import clusters_of
from nlpcl.metrics.intervals import score_intervals
from nlpcl.metrics.resampling import summed_units
from nlpcl.runs.evaluation import classes_of, heard
from nlpcl.runs.learnt import Learnt, is_same_part, learnt
from nlpcl.runs.rows import check_mapping, class_names, load_splits
from nlpcl.runs.run import Run
from nlpcl.tasks.renaming import check_gold, renamed

Changed = Callable[[Run, str | None], RunConfig]
"""A run and a corpus → the run's settings with the flags that were given; None: its own data."""


@dataclass
class Column:
    """The rows on which all runs are tested.

    Args:
        splits: with one test set.
        notes: on where the rows come from.
    """

    splits: Splits
    notes: list[str]

    @property
    def name(self) -> str:
        """Of the test set."""
        return next(iter(self.splits.test))

    @property
    def rows(self) -> list[Example]:
        """Of the test set."""
        return self.splits.test[self.name]


def cross_report(
    runs: Sequence[Run],
    data: Sequence[str],
    changed: Changed,
    names: Mapping[str, str],
    *,
    keep: bool = False,
) -> tuple[Report, list[dict[str, Any]]]:
    """A table of runs by test corpora with the headline measure, and all prediction rows.

    All runs answer the same rows of a corpus: its test set, or where it has none what the runs
    trained on it have held out, without texts that any run was trained or selected on.

    Args:
        runs: of one task.
        data: names of corpora, files or folders.
        changed: gives the settings for reading a corpus.
        names: class of models and corpora → what it is called here.
        keep: leave out nothing that a run has learnt.

    Raises:
        UserError: runs of several tasks, a corpus without rows that are new to all runs, or with
            classes that a model does not know.
    """
    specs = {run.spec.name: run.spec for run in runs}
    if len(specs) > 1:
        what = f"are runs of different tasks: {', '.join(sorted(specs))}"
        raise UserError(what, "--cross", "Give runs of one task.")
    titles = run_titles(runs)
    measure = runs[0].spec.measures.selection
    columns = columns_of(runs, data, changed, keep=keep)
    check_columns(runs, titles, columns, names)
    report, predictions, remarks = Report(), [], []
    table: list[list[Cell]] = []
    for title, run in zip(titles, runs, strict=True):
        cells: list[Cell] = []
        for column in columns:
            config = changed(run, None)
            scores, rows = run.test(column.splits, config, names)
            value, low, high = estimate(run, config, measure, scores.metrics, rows)
            cells += [value, low, high]
            key = f"{title}/{column.name}/{measure}"
            ends = {f"{key}_low": low, f"{key}_high": high}
            report.metrics |= {key: value} | {k: end for k, end in ends.items() if end is not None}
            predictions += [{"run": title, **row} for row in rows]
            remarks += remarks_on(run, title, column.name, rows)
        table.append([title, run.record["config"]["data"], *cells])
    heads = [f"{column.name} (n = {len(column.rows)})" for column in columns]
    report.tables.append(
        Table(
            "cross",
            ["run", "trained on", *(name for head in heads for name in (head, "low", "high"))],
            table,
            title=f"{measure} of runs (lines) on test corpora (columns), percent",
            note=" ".join(
                [*remarks, note_on(runs), *(note for one in columns for note in one.notes)]
            ),
            digits=1,
        )
    )
    return report, predictions


def note_on(runs: Sequence[Run]) -> str:
    """What the brackets are."""
    if runs[0].spec.measures.summed is None:
        return ""
    return (
        "In brackets: 95 % intervals over resampled test items or clusters of them, of the one "
        "model of each run. A column holds the same rows for all runs."
    )


def check_columns(
    runs: Sequence[Run], titles: Sequence[str], columns: Sequence[Column], names: Mapping[str, str]
) -> None:
    """Refuse classes that a model does not know, in whatever corpus, before any is scored.

    Raises:
        UserError: naming the run.
    """
    tests = {column.name: column.rows for column in columns}
    for title, run in zip(titles, runs, strict=True):
        if run.spec.answers == "labels":
            known = renamed(classes_of(run.model), names)
            check_gold(Splits(f"{title} on {', '.join(tests)}", test=tests), known)


def remarks_on(run: Run, title: str, test: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What must be known of one cell: that the model has collapsed, or heard the speakers."""
    collapse, known = run.spec.collapse(rows), heard(run.record, rows)
    said = [f"COLLAPSED: {title} {collapse} of {test}."] if collapse else []
    return said + [f"{title} on {test}: {known}"] * bool(known)


def run_titles(runs: Sequence[Run]) -> list[str]:
    """The names of run folders; whole paths where two have one name."""
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else [str(run.folder) for run in runs]


def columns_of(
    runs: Sequence[Run], data: Sequence[str], changed: Changed, *, keep: bool
) -> list[Column]:
    """The test sets of all corpora, without what a run has learnt unless that is to be kept."""
    known = Learnt((), ()) if keep else learnt(runs)
    notes = ["Rows that a run has learnt are NOT left out."] if keep else known.doubts
    columns: dict[str, Column] = {}
    for part, (config, splits) in corpora(runs, data, changed).items():
        mapping = config.data_options().get("map_labels", {})
        dropped = [old for old, new in mapping.items() if not new and splits.renamed[old]]
        owned = own_tests(runs, part, changed)
        for name, rows in splits.test.items():
            held = [] if keep else [tests[name] for tests in owned if name in tests]
            kept = in_all(held) if held else rows
            new = without(kept, known.keys)
            if not new:
                what = f"holds no row that is new to all runs (of {len(rows)})"
                raise UserError(what, f"--data {part}", "Leave out the runs trained on it.")
            said = [f"{name}: rows of {listed(dropped)} LEFT OUT."] if dropped else []
            if held and len(kept) < len(rows):
                said.append(f"{name}: the {len(kept)} of {len(rows)} rows that its runs held out.")
            if len(new) < len(kept):
                said.append(f"{name}: rows that a run has learnt left out: {len(kept) - len(new)}.")
            title = unused_name(name, columns)
            one = replace(splits, test={title: new})
            columns[title] = Column(one, [*said, *(notes if not columns else [])])
    return list(columns.values())


def corpora(
    runs: Sequence[Run], data: Sequence[str], changed: Changed
) -> dict[str, tuple[RunConfig, Splits]]:
    """Each corpus with the settings that it was read with.

    Raises:
        UserError: one has no test set, or a class is renamed that neither a corpus nor a run has.
    """
    found: dict[str, tuple[RunConfig, Splits]] = {}
    names = known_classes(runs)
    for part in data:
        config = changed(runs[0], part)
        splits = load_splits(config, as_test=True)
        if not splits.test:
            raise UserError("has no test set", f"--data {part}", "Give another corpus.")
        names |= class_names(splits)
        found[part] = config, splits
    for config, splits in found.values():
        check_mapping(config, splits, names, runs[0].config)
    return found


def known_classes(runs: Iterable[Run]) -> set[str]:
    """The classes of all models that have some."""
    if next(iter(runs)).spec.answers != "labels":
        return set()
    return {name for run in runs for name in (run.model.config.id2label or {}).values()}


def own_tests(runs: Sequence[Run], part: str, changed: Changed) -> list[dict[str, list[Example]]]:
    """The test sets of the runs that were trained on a corpus, as their seeds held them out."""
    found = []
    for run in runs:
        if run.is_study or not any(is_same_part(part, own) for own in parts(run.config.data)):
            continue
        config = changed(run, run.config.data)
        found.append(load_splits(config, for_test=True).test)
    return found


def in_all(tests: Sequence[Sequence[Example]]) -> list[Example]:
    """The rows that every one of several test sets holds, by their ids."""
    shared = set.intersection(*({row["id"] for row in rows} for rows in tests))
    return [row for row in tests[0] if row["id"] in shared]


def estimate(
    run: Run,
    config: RunConfig,
    measure: str,
    metrics: Mapping[str, float],
    rows: Sequence[Mapping[str, Any]],
) -> tuple[float, float | None, float | None]:
    """A measure with its interval; without one where only a report knows the measure."""
    summed = run.spec.measures.summed
    if summed is None or not rows:
        return metrics[measure], None, None
    sums, score = summed(measure, [rows], config)
    together = clusters_of(rows)
    units = summed_units(sums(rows)[:, None, None], together and together.names)
    found = score_intervals(units, {measure: score})[measure]
    return metrics.get(measure, found.value), found.low, found.high
