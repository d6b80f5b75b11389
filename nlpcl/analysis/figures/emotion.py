"""Speech emotion: scores by speaker group, speaker probe, effect of length and noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from nlpcl.analysis.figures.classification import answers, finite
from nlpcl.analysis.figures.items import items
from nlpcl.analysis.figures.kinds import Kind, LeftOut, Material, Options
from nlpcl.analysis.figures.sources import where
from nlpcl.analysis.figures.style import (
    COLOURS,
    GRID,
    INK,
    MARKS,
    colour,
    panels,
    shortened,
    whiskers,
)
from nlpcl.core.errors import UserError
from nlpcl.metrics.groups import NO_GROUP, score_groups
from nlpcl.metrics.rates import wilson_interval
from nlpcl.runs.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TASKS = ("emotion",)
GROUPED = ("speaker", "gender", "session", "corpus")
MOST_GROUPS = 30
DURATIONS = (0.0, 2.0, 4.0, 8.0, math.inf)
"""Seconds between which clips are put together."""
MOST_SOUNDS = 600
"""Clips that are read for their noise."""
LEAST_IN_BIN = 5
LOUDEST_SNR = 60.0
"""Decibels above which digital silence between words would tell nothing."""


def load_groups(run: Run, options: Options) -> Material:
    """Compute accuracy and UA by speaker, gender, session and corpus."""
    labels, gold, found, _ = answers(run)
    speakers = [str(row.get("speaker", "")) for row in run.predictions]
    rows: list[dict[str, Any]] = []
    for name in GROUPED:
        values = [str(row.get(name) or "") for row in run.predictions]
        if len({value for value in values if value}) < 2:
            continue
        clusters = None if name == "speaker" else speakers
        for group in score_groups(gold, found, len(labels), values, clusters=clusters):
            if group.name == NO_GROUP:
                continue
            for measure, title in (("wa", "accuracy"), ("ua", "UA")):
                one = group.intervals[measure]
                ends = {"low": finite(one.low), "high": finite(one.high)}
                told = {"by": name, "group": group.name, "n": group.n, "score": title}
                rows.append(told | {"value": one.value} | ends | {"interval": one.method})
    if not rows:
        raise LeftOut("the clips name no two speakers, genders, sessions or corpora")
    listed = list(dict.fromkeys(row["by"] for row in rows))
    caption = (
        f"By {', '.join(listed)}; percent with 95 % intervals (accuracy: Wilson's, UA: resampled "
        "items; resampled speakers where a group has five or more). UA is over the classes of the "
        f"group. {shown_note(rows)}"
    )
    return Material({"rows": rows}, rows, caption + where(run, len(gold), "clips"))


def shown_note(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a note if only the lowest-scoring groups are drawn."""
    for name in GROUPED:
        count = len({row["group"] for row in rows if row["by"] == name})
        if count > MOST_GROUPS:
            return f"Of {count} {name}s the {MOST_GROUPS} with the lowest UA are drawn. "
    return ""


def draw_groups(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one panel per grouping, one row per group."""
    names = list(dict.fromkeys(row["by"] for row in rows))
    worst = {name: lowest(rows, name) for name in names}
    sizes = [len(groups) + 1.6 for groups in worst.values()]
    figure, grid = panels(
        len(names),
        1,
        height=(0.27 * sum(sizes) + 0.5) / len(names),
        sharex=True,
        gridspec_kw={"height_ratios": sizes},
    )
    for axes, (name, groups) in zip(grid, worst.items(), strict=True):
        for number, score in enumerate(("accuracy", "UA")):
            by_group = {r["group"]: r for r in rows if r["by"] == name and r["score"] == score}
            chosen = [by_group[group] for group in groups]
            places = np.arange(len(groups)) + (0.16, -0.16)[number]
            values = [row["value"] for row in chosen]
            ends = whiskers(values, [row["low"] for row in chosen], [row["high"] for row in chosen])
            axes.errorbar(
                values, places, xerr=ends, fmt="os"[number], color=colour(number), label=score,
                markersize=4.5, elinewidth=1.3, capsize=2,
            )  # fmt: skip
        n = {row["group"]: row["n"] for row in rows if row["by"] == name}
        labels = [f"{shortened(group)} (n = {n[group]})" for group in groups]
        axes.set_yticks(range(len(groups)), labels)
        axes.set(ylim=(-0.6, len(groups) - 0.4), title=f"by {name}", xlim=(0, 102))
    grid[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    grid[-1].set(xlabel="percent")
    return figure


def lowest(rows: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    """Select the groups to draw: all by name, or the lowest-scoring if there are too many."""
    scored = {r["group"]: r["value"] for r in rows if r["by"] == name and r["score"] == "UA"}
    kept = sorted(scored, key=lambda group: scored[group])[:MOST_GROUPS]
    return sorted(kept, reverse=True)


def load_probe(runs: Sequence[Run], options: Options) -> Material:
    """Load the accuracy of the speaker probe and UA of every run and fold."""
    rows: list[dict[str, Any]] = []
    for run in runs:
        parts = [("", run.metrics), *run.fold_metrics.items()]
        for fold, metrics in parts:
            if "probe_speaker_heard" in metrics and "ua" in metrics:
                chance = metrics.get("probe_speaker_heard_chance")
                told = {"run": run.name, "fold": fold, "probe": metrics["probe_speaker_heard"]}
                ends = {"low": metrics.get("ua_low"), "high": metrics.get("ua_high")}
                rows.append(told | {"chance": chance, "UA": metrics["ua"]} | ends)
    if not rows:
        raise LeftOut("report.json holds no speaker probe")
    caption = (
        "Right and low is best kept apart: UA should be high while a fresh logistic regression on "
        "the embedding reads little of the speaker (clips of training speakers). Large: the whole "
        "study with the 95 % interval of UA; small: its folds; dashed: always naming the most "
        f"frequent speaker. {', '.join(run.name for run in runs)}; {runs[0].protocol}."
    )
    return Material({"rows": rows}, rows, caption.replace("Right and low is best kept apart: ", ""))


def draw_probe(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Plot UA against the accuracy of the probe."""
    figure, (axes,) = panels(width=5.4, height=3.4)
    for number, name in enumerate(dict.fromkeys(row["run"] for row in rows)):
        own = [row for row in rows if row["run"] == name]
        folds = [row for row in own if row["fold"]]
        shade, mark = colour(number), MARKS[number % len(MARKS)]
        axes.scatter(
            [r["probe"] for r in folds],
            [r["UA"] for r in folds],
            s=16,
            c=shade,
            marker=mark,
            alpha=0.5,
        )
        for row in own:
            if not row["fold"]:
                ends = whiskers([row["UA"]], [row["low"]], [row["high"]])
                axes.errorbar(
                    [row["probe"]], [row["UA"]], ends, fmt=mark, color=shade, markersize=9,
                    capsize=3, label=shortened(name, 40),
                )  # fmt: skip
    chances = [row["chance"] for row in rows if row["chance"] is not None]
    if chances:
        axes.axvline(float(np.mean(chances)), color=INK, linestyle="--", linewidth=1)
    axes.set(xlabel="speaker read from the embedding, percent right", ylabel="UA, percent")
    axes.margins(0.12)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def load_duration(run: Run, options: Options) -> Material:
    """Compute accuracy by clip length and by estimated signal-to-noise ratio."""
    _, gold, found, _ = answers(run)
    right = gold == found
    lengths = np.array([float(row.get("seconds") or math.nan) for row in run.predictions])
    if not np.isfinite(lengths).any():
        raise LeftOut("the predictions hold no length of clips")
    edges = np.array(DURATIONS)
    filled = [((lengths > a) & (lengths <= b)).sum() for a, b in pairwise(edges)]
    if sum(count >= LEAST_IN_BIN for count in filled) < 2:
        edges = quarters(lengths)
    rows = bins("seconds", lengths, right, edges)
    levels, reason = noise(run, options.seed)
    if levels is not None:
        rows += bins("SNR", levels, right, quarters(levels))
    caption = (
        f"Percent right with Wilson's 95 % intervals; bins of fewer than {LEAST_IN_BIN} clips are "
        "left out. SNR is estimated from each clip: its 95th above its 10th percentile of levels "
        f"of 25 ms, in dB. {reason}"
    )
    return Material({"rows": rows}, rows, caption + where(run, len(gold), "clips"))


def quarters(values: np.ndarray) -> np.ndarray:
    """Edges of four bins with about equal numbers of values."""
    edges = np.quantile(values[np.isfinite(values)], [0, 0.25, 0.5, 0.75, 1])
    edges[0] -= 1e-6
    return np.unique(edges)


def bins(
    name: str, values: np.ndarray, right: np.ndarray, edges: np.ndarray
) -> list[dict[str, Any]]:
    """Accuracy in bins; a bin excludes its lower edge."""
    rows = []
    for low, high in pairwise(edges):
        inside = (values > low) & (values <= high)
        n = int(inside.sum())
        if n >= LEAST_IN_BIN:
            ends = wilson_interval(int(right[inside].sum()), n)
            told = {"of": name, "above": float(low), "up to": float(high), "n": n}
            rows.append(told | {"accuracy": 100 * float(right[inside].mean())})
            rows[-1] |= {"low": ends[0], "high": ends[1]}
    return rows


def noise(run: Run, seed: int) -> tuple[np.ndarray | None, str]:
    """Estimated SNR in dB of each prediction's clip, NaN if unreadable; or None and the reason."""
    try:
        clips = {row["id"]: row for row in items(run, MOST_SOUNDS, seed).examples}
    except (UserError, LeftOut) as error:
        return None, f"No SNR: {error} "
    levels = np.full(len(run.predictions), math.nan)
    for number, row in enumerate(run.predictions):
        if row["id"] in clips:
            levels[number] = level_above_noise(clips[row["id"]])
    known = int(np.isfinite(levels).sum())
    if known < 2 * LEAST_IN_BIN or np.nanstd(levels) < 1e-6:
        return None, "No SNR: too few clips could be measured. "
    return levels, f"SNR of {known} clips. "


def level_above_noise(clip: Mapping[str, Any]) -> float:
    """Difference in dB between loud and quiet stretches of a clip; NaN if unreadable."""
    from nlpcl.audio.reading import read_clip

    try:
        waveform = read_clip(clip).numpy()
    except UserError:
        return math.nan
    frames = waveform[: len(waveform) // 400 * 400].reshape(-1, 400)
    power = (frames.astype(np.float64) ** 2).mean(1)
    loud, quiet = np.quantile(power, 0.95), np.quantile(power, 0.10)
    if not loud > 0:
        return math.nan
    return float(min(LOUDEST_SNR, 10 * np.log10(loud / max(quiet, 1e-12))))


def draw_duration(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw one panel for length and one for noise."""
    names = list(dict.fromkeys(row["of"] for row in rows))
    if not names:
        raise LeftOut("no bin holds enough clips")
    figure, grid = panels(1, len(names), height=2.6, sharey=True)
    for axes, name in zip(grid, names, strict=True):
        own = [row for row in rows if row["of"] == name]
        values = [row["accuracy"] for row in own]
        ends = whiskers(values, [row["low"] for row in own], [row["high"] for row in own])
        axes.bar(range(len(own)), values, 0.7, color=COLOURS[0], alpha=0.85)
        axes.errorbar(
            range(len(own)), values, ends, fmt="none", ecolor=INK, capsize=3, elinewidth=1
        )
        axes.set_xticks(range(len(own)), [f"{between(row)}\nn = {row['n']}" for row in own])
        axes.set(xlabel="seconds" if name == "seconds" else "estimated SNR, dB", ylim=(0, 103))
        axes.grid(False, axis="x")
        axes.tick_params(axis="x", color=GRID)
    grid[0].set(ylabel="accuracy, percent")
    return figure


def between(row: Mapping[str, Any]) -> str:
    """Format the bounds of a bin."""
    low, high = max(0.0, row["above"]), row["up to"]
    if math.isinf(high):
        return f"> {low:g}"
    return f"{low:.3g}–{high:.3g}"


FAMILY = "speech emotion"
KINDS = (
    Kind("groups", "Speakers, genders, sessions", load_groups, draw_groups, TASKS),
    Kind("probe", "Speaker probe against UA", load_probe, draw_probe, TASKS, scope="runs"),
    Kind("duration", "Length and noise of clips", load_duration, draw_duration, TASKS),
)
