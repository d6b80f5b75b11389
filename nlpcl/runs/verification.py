"""Whether a run folder is whole, and whether its report follows from what lies in it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from nlpcl.core.errors import UserError
from nlpcl.core.files import read_json_lines
from nlpcl.core.tables import Table
from nlpcl.core.version import __version__
from nlpcl.runs.ablation.identity import code_identity, differing
from nlpcl.runs.checksums import FILES, faults, model_checksums, of_model
from nlpcl.runs.folder import FOLDS
from nlpcl.runs.rows import load_splits, load_unsplit
from nlpcl.runs.run import Run

Verdict = Literal["yes", "no", "differs", "unknown"]
"""``differs`` is said of code alone: the run is whole, a new one may give other numbers."""
Finding = tuple[str, Verdict, str]
"""What was checked, whether it holds, and what was seen."""
ANSWERS, REPORT = "predictions.jsonl", "report.json"
NEAR = 1e-6
"""Percent by which a recomputed number may differ from a reported one."""
NAMED = 3
"""Differences that are named."""
UNKNOWN = "it was trained by a version that kept no checksums"


def verify(folder: Path, *, again: bool = False) -> Table:
    """Check a run, and each fold of a study.

    Args:
        folder: of the run.
        again: also let the model answer its test sets anew.

    Raises:
        UserError: it is no run.
    """
    run = Run(folder)
    rows = [list(finding) for finding in findings(run, again=again)]
    for name in [fold["name"] for fold in run.record.get("leaks", {}).get("folds", ())]:
        place = folder / FOLDS / name
        if (place / "run.json").is_file():
            fold = Run(place, entry=run.entry)
            rows += [[f"fold {name}: {what}", *rest] for what, *rest in findings(fold, again=again)]
        else:
            rows.append([f"fold {name}", "no", "it is not there"])
    return Table("verification", ["check", "holds", "seen"], rows, title=f"{run.name}")


def holds(table: Table) -> bool:
    """Whether nothing in a table of :func:`verify` is wrong."""
    return all(row[1] != "no" for row in table.rows)


def findings(run: Run, *, again: bool) -> Iterator[Finding]:
    """Every check of a run, one after the other."""
    yield "finished", "no" if run.remark else "yes", run.remark or run.record.get("ended", "")
    yield "weights", *weights(run)
    if run.folder.parent.name != FOLDS:  # a fold's rows are those of its study
        yield "data", *data(run)
    yield "predictions", *kept(run, ANSWERS)
    yield "report", *kept(run, REPORT)
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


def data(run: Run) -> tuple[Verdict, str]:
    """Whether the data are those that the run was trained and tested on."""
    wanted = run.record.get("data", {}).get("fingerprint")
    try:
        splits = load_unsplit(run.config) if run.is_study else load_splits(run.config)
    except UserError as error:
        return "unknown", f"they cannot be read: {error}"
    found = splits.fingerprint()
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
        rows = read_json_lines(run.folder / ANSWERS)
        if not all(isinstance(row, dict) for row in rows):
            raise ValueError(f"a line of {ANSWERS} is no object")
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
    answer = "target" if run.spec.answers == "edits" else "label"
    changed = sum(one.get(answer) != two.get(answer) for one, two in zip(rows, old, strict=True))
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
