"""Running an ablation, from plan to report."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nlpcl.core import progress
from nlpcl.core.errors import UserError
from nlpcl.core.files import remove_parts, write_json
from nlpcl.core.locks import only_writer, refuse_ranks
from nlpcl.core.tables import Report
from nlpcl.runs.ablation.engine import check_data, common_reason, train_cells
from nlpcl.runs.ablation.outcomes import Result, Scores, collect, score
from nlpcl.runs.ablation.plain import plain_table
from nlpcl.runs.ablation.plan import Plan
from nlpcl.runs.ablation.report import as_record, make_report
from nlpcl.runs.ablation.reuse import MARK, prepare_folder, unfinished
from nlpcl.runs.folder import stamped_folder


@dataclass(frozen=True)
class Study:
    """A finished ablation.

    Args:
        folder: where everything is.
        report: its tables.
        results: of its cells.
        scores: with comparisons; the first one leads.
    """

    folder: Path
    report: Report
    results: Sequence[Result]
    scores: Sequence[Scores]

    @property
    def failed(self) -> list[Result]:
        """The cells that failed."""
        return [one for one in self.results if one.state == "failed"]


def ablate(
    plan: Plan,
    *,
    out: str | Path | None = None,
    metrics: Sequence[str] = (),
    jobs: int = 1,
    quiet: bool = True,
    reuse_other_code: bool = False,
    with_plain: bool = True,
) -> Study:
    """Train every variant with every seed and compare them.

    Args:
        plan: from :func:`nlpcl.runs.ablation.plan.make_plan`.
        out: the ablation's folder; one that is not finished is gone on with.
        metrics: to compare; the task's selection metric by default.
        jobs: trainings at a time, each in a process of its own.
        quiet: no progress.
        reuse_other_code: keep finished cells that other code has trained, and mark them.
        with_plain: also compare with the task's plain baseline, if it has one.

    Raises:
        UserError: whatever keeps all cells from being trained.
        KeyboardInterrupt: stopped by Ctrl-C; the same call goes on.
    """
    if jobs < 1:
        raise UserError(f"{jobs} is not at least 1", "--jobs", "Give another value.")
    refuse_ranks()
    chosen = plan.task.measures.check(metrics)
    folder = Path(out) if out is not None else stamped_folder(f"ablate-{plan.entry.name}")
    prepare_folder(plan, folder)
    with removed_if_empty(folder), only_writer(folder, progress.say):
        remove_parts(folder)
        cells = unfinished(plan, folder, reuse_other_code=reuse_other_code)
        if cells:
            check_data(plan, cells[0].config, quiet=quiet)
            write_json(folder / MARK, as_record(plan, collect(plan, folder), [], [], "running"))
        try:
            train_cells(plan, cells, folder, jobs=jobs, quiet=quiet)
            return summarised(plan, folder, chosen, with_plain=with_plain)
        except KeyboardInterrupt:
            results = collect(plan, folder)
            write_json(folder / MARK, as_record(plan, results, [], [], "interrupted"))
            how = f"Give the same command with --out {folder} to go on."
            raise KeyboardInterrupt(how) from None


@contextlib.contextmanager
def removed_if_empty(folder: Path) -> Generator[None]:
    """Remove a folder that was made for what a mistake kept from beginning."""
    try:
        yield
    except UserError:
        with contextlib.suppress(OSError):  # something lies there
            folder.rmdir()
        raise


def summarised(
    plan: Plan, folder: Path, metrics: Sequence[str], *, with_plain: bool = True
) -> Study:
    """Compare what was trained and write the report."""
    results = collect(plan, folder)
    if not any(one.state == "finished" for one in results):
        write_json(folder / MARK, as_record(plan, results, [], [], "failed"))
        reasons = [one.reason for one in results if one.reason]
        shared = common_reason(reasons)
        raise UserError(f"no training finished: {shared or reasons[0]}", folder)
    compared = [one for name in metrics for one in score(plan, results, name)]
    headline = plan.task.measures.headline if plan.task.measures.summed else ()
    further = [
        one
        for name in headline
        if name not in metrics
        for one in score(plan, results, name, with_tests=False)
    ]
    report = make_report(plan, results, compared, further)
    if with_plain:
        add_plain(report, plan, results, folder, metrics[0])
    state = "finished" if all(one.state == "finished" for one in results) else "failed"
    write_json(folder / MARK, as_record(plan, results, compared, further, state))
    write_json(folder / "report.json", report.as_dict())
    return Study(folder, report, results, compared)


def add_plain(
    report: Report, plan: Plan, results: Sequence[Result], folder: Path, metric: str
) -> None:
    """Add the comparison with a plain baseline behind that of the variants."""
    try:
        found = plain_table(plan, results, folder, metric)
    except UserError as error:
        report.tables[0].note = f"{report.tables[0].note} No plain baseline: {error}".strip()
        return
    if found is not None:
        place = 2 if report.tables[1].name == "verdicts" else 1
        report.tables.insert(place, found)
