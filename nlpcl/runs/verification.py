"""Whether a run or ablation is whole, and whether its report follows from what lies in it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from nlpcl.core.errors import UserError
from nlpcl.core.json_files import DAMAGED, read_json
from nlpcl.core.tables import Table
from nlpcl.core.version import __version__
from nlpcl.metrics.collapse import answer
from nlpcl.runs import baselines
from nlpcl.runs.ablation.identity import code_identity, differing
from nlpcl.runs.ablation.reuse import MARK
from nlpcl.runs.answers import read_answers
from nlpcl.runs.checksums import FILES, faults, model_checksums, of_model
from nlpcl.runs.folder import FOLDS
from nlpcl.runs.rows import load_data
from nlpcl.runs.run import Run
from nlpcl.runs.shapes import AblationRecord

Verdict = Literal["yes", "no", "differs", "unknown"]
"""``differs`` is said of code alone: the run is whole, a new one may give other numbers."""
Finding = tuple[str, Verdict, str]
"""What was checked, whether it holds, and what was seen."""
Fingerprints = dict[str, str]
"""Of data, by the settings that they were read with."""
GRAVEST: tuple[Verdict, ...] = ("no", "unknown", "differs")
ANSWERS, REPORT = "predictions.jsonl", "report.json"
NEAR = 1e-6
"""Percent by which a recomputed number may differ from a reported one."""
NAMED = 3
"""Differences that are named."""
UNKNOWN = "it was trained by a version that kept no checksums"


def verify(folder: Path, *, again: bool = False) -> Table:
    """Check a run, with a line for each fold of a study; or an ablation, with a line a training.

    Args:
        folder: of the run or ablation.
        again: also let the models answer their test sets anew.

    Raises:
        UserError: it is neither.
    """
    if (folder / MARK).is_file():
        rows = list(cells(folder, again=again))
        name = folder.resolve().name
        return Table("verification", ["training", "holds", "seen"], rows, title=name)
    run = Run(folder)
    rows = [list(finding) for finding in findings(run, {}, again=again)]
    rows += [[f"fold {name}", *rest] for name, *rest in fold_findings(run, again=again)]
    return Table("verification", ["check", "holds", "seen"], rows, title=run.name)


def cells(folder: Path, *, again: bool) -> Iterator[list[str]]:
    """Each training of an ablation in one line.

    Raises:
        UserError: its record is damaged.
    """
    record = read_json(folder / MARK, AblationRecord)
    known: Fingerprints = {}
    if "cells" not in record:
        raise UserError("lists no trainings", folder / MARK, DAMAGED)
    for one in record["cells"]:
        title, place = f"{one['variant']} (seed {one['seed']})", folder / one["folder"]
        wanted = one.get("scores", {})
        found: list[Finding]
        try:
            run = Run(place)
            found = [*findings(run, known, again=again), *fold_findings(run, again=again)]
            found.append(("ablation", *as_the_table_says(run, wanted)))
        except UserError as error:
            found = [("run", "no", error.what)]
        yield [title, *in_one_line(found)]


def as_the_table_says(run: Run, wanted: Mapping[str, Mapping[str, float]]) -> tuple[Verdict, str]:
    """Whether the scores that an ablation has noted of a training are those of its report.

    Args:
        run: the training.
        wanted: measure → score, by test set; the first has no prefix in the report.
    """
    for place, (test, scores) in enumerate(wanted.items()):
        for name, value in scores.items():
            found = run.metrics.get(f"{test}/{name}" if place else name)
            if found is not None and not math.isclose(found, value, abs_tol=NEAR):
                return "no", f"{name} is {value:.4f} in {MARK}, {found:.4f} in the report"
    return "yes", "its scores are those of the report"


def fold_findings(run: Run, *, again: bool) -> Iterator[Finding]:
    """Each fold of a study in one line; what is to be said of the code of all is said once."""
    said = "code", *code(run)
    for name in [fold["name"] for fold in run.record.get("leaks", {}).get("folds", ())]:
        place = run.folder / FOLDS / name
        if (place / "run.json").is_file():
            found = [
                one for one in findings(Run(place, entry=run.entry), {}, again=again) if one != said
            ]
            yield name, *in_one_line(found)
        else:
            yield name, "no", "it is not there"


def in_one_line(found: Sequence[Finding]) -> tuple[Verdict, str]:
    """The gravest of several findings, in one."""
    for verdict in GRAVEST:
        if chosen := [f"{what}: {seen}" for what, one, seen in found if one == verdict]:
            return verdict, in_short(chosen)
    return "yes", f"{len(found)} checks"


def holds(table: Table) -> bool:
    """Whether nothing in a table of :func:`verify` is wrong."""
    return all(row[1] != "no" for row in table.rows)


def findings(run: Run, known: Fingerprints, *, again: bool) -> Iterator[Finding]:
    """Every check of a run, one after the other.

    Args:
        run: the run.
        known: fingerprints of data that were read, which are not read again.
        again: also let the model answer its test sets anew.
    """
    yield "finished", "no" if run.remark else "yes", run.remark or run.record.get("ended", "")
    yield "weights", *weights(run)
    if run.folder.parent.name != FOLDS:  # a fold's rows are those of its study
        yield "data", *data(run, known)
    yield "predictions", *kept(run, ANSWERS)
    yield "report", *kept(run, REPORT)
    if baselines.FILE in run.record.get(FILES, {}):
        yield "baseline", *kept(run, baselines.FILE)
    yield "report from predictions", *report_from_predictions(run)
    if again and not run.is_study:
        yield "predictions again", *answers_again(run)
    yield "code", *code(run)


def weights(run: Run) -> tuple[Verdict, str]:
    """Whether the files of the model are those that were saved."""
    if not run.has_model:
        return "no", "there is no model"
    wanted = of_model(run.record)
    if not wanted:
        return "unknown", UNKNOWN
    if wrong := faults(run.folder, wanted):
        return "no", in_short(wrong)
    added = sorted(set(model_checksums(run.folder)) - set(wanted))
    return "yes", f"{len(wanted)} files" + (f"; besides {in_short(added)}" * bool(added))


def data(run: Run, known: Fingerprints) -> tuple[Verdict, str]:
    """Whether the data are those that the run was trained and tested on."""
    wanted = run.record.get("data", {}).get("fingerprint")
    settings = [f.name for f in dataclasses.fields(run.config) if f.metadata.get("panel") == "Data"]
    key = repr([getattr(run.config, name) for name in (*settings, "seed")])
    try:
        found = known.get(key) or load_data(run.config).fingerprint()
    except UserError as error:
        return "unknown", f"they cannot be read: {error}"
    known[key] = found
    if found != wanted:
        return "no", f"fingerprint {found}, was {wanted}"
    return "yes", f"fingerprint {found}"


def kept(run: Run, name: str) -> tuple[Verdict, str]:
    """Whether a file of results is as it was written."""
    wanted = run.record.get(FILES, {}).get(name)
    if not (run.folder / name).is_file():
        return "no", f"there is no {name}"
    if wanted is None:
        return "unknown", UNKNOWN
    wrong = faults(run.folder, {name: wanted})
    return ("no", wrong[0]) if wrong else ("yes", "as it was written")


def report_from_predictions(run: Run) -> tuple[Verdict, str]:
    """Whether the reported measures are those of the kept answers."""
    if run.spec.measures.summed is None:
        return "unknown", f"a run of {run.spec.name} keeps no answers"
    if missing := [name for name in (ANSWERS, REPORT) if not (run.folder / name).is_file()]:
        return "no", f"there is no {' and no '.join(missing)}"
    try:
        rows = read_answers(run.folder / ANSWERS, run.spec.answers)
        found = measured(run, rows)
        reported = run.report["metrics"]
        wrong = [
            f"{name} is {reported[name]:.4f}, its answers give {value:.4f}"
            for name, value in found.items()
            if name in reported and not math.isclose(reported[name], value, abs_tol=NEAR)
        ]
        number = sum(name in reported for name in found)
    except (UserError, KeyError, TypeError, ValueError) as error:
        return "no", f"they cannot be compared ({type(error).__name__}: {error})"
    if wrong or not number:
        return "no", in_short(wrong) or "the report holds no measure of the answers"
    return "yes", f"{number} measures computed again from {len(rows)} answers"


def measured(run: Run, rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Every measure of the task on every test set, by its name in the report."""
    summed = run.spec.measures.summed
    assert summed is not None
    tests: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        tests.setdefault("" if run.is_study else row.get("test", ""), []).append(row)
    found: dict[str, float] = {}
    for place, (test, listed) in enumerate(tests.items()):
        for measure in run.spec.measures.known:
            sums, score = summed(measure, [listed], run.config)
            found[f"{test}/{measure}" if place else measure] = float(score(sums(listed).sum(0)))
    return found


def answers_again(run: Run) -> tuple[Verdict, str]:
    """Whether the model, asked again on the machine of the training, gives the same answers."""
    machine = {name: run.record.get(name, "auto") for name in ("device", "precision")}
    try:
        _, rows = Run(run.folder, **machine).evaluate()
        old = run.all_predictions
    except UserError as error:
        return "unknown", str(error)
    if len(rows) != len(old):
        return "no", f"{len(rows)} answers, were {len(old)}"
    changed = sum(answer(one) != answer(two) for one, two in zip(rows, old, strict=True))
    return ("no" if changed else "yes"), f"{changed} of {len(rows)} answers differ"


def code(run: Run) -> tuple[Verdict, str]:
    """How the code that trained it differs from today's."""
    versions = run.record.get("versions", {})
    was = f"trained by nlpcl {versions.get('nlpcl', 'of unknown version')}"
    kept_code = run.record.get("code")
    if not kept_code:
        return "unknown", f"{was}; this is nlpcl {__version__}"
    others = differing(kept_code, code_identity(run.entry, exact=True))
    if others:
        return "differs", f"{was}; since then changed: {in_short(others)}"
    return "yes", f"{was}, and by this code"


def in_short(names: Sequence[str]) -> str:
    """The first few of some texts."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
