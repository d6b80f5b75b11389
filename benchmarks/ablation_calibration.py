"""Whether verdicts, intervals and "detectable" of ablations hold: simulated studies, compared.

    python benchmarks/ablation_calibration.py [--quick] [--trials 1000] [--part 1/8] [--extra]

Every study goes through the full comparison of ``nlpcl ablate``. An answer is right with a
probability that varies over items, over items (or clusters) within a variant (``item sd``), and
over trainings (``seed sd``, both in points of accuracy). First no variant differs: in how many
studies is any found (family-wise error), and how often do 95 % intervals cover 0? Then one variant
differs by what the first studies called detectable on average: how often is it found (power), and
how often do the intervals cover the true differences?

Exit code 1 where a rate leaves its range (family-wise error 3 to 7 %, coverage 93 to 97 %, power 75
to 85 %) by more than two standard errors of the simulation. ``--quick`` takes less than a minute on
one core; the whole grid takes hours: ``--part 1/8`` simulates every eighth of its cells, each as in
the whole. ``--extra`` shows studies that break the assumptions; they are held to no range.
"""

from __future__ import annotations

import argparse
import math
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from nlpcl.core.tables import Table
from nlpcl.metrics.confusion import macro_f1
from nlpcl.runs.ablation.comparison import Comparison, compare

RANGES = {"family": (3.0, 7.0), "coverage": (93.0, 97.0), "power": (75.0, 85.0)}
RIGHT = 0.6
"""Probability of a right answer."""
FEWEST = 20
"""Studies a cell below which its rates are noise."""
QUICK = 350
"""Studies a cell in a short run."""
CLASSES = np.array([0.5, 0.3, 0.2])
"""How frequent the classes are where macro-F1 is compared."""


@dataclass(frozen=True)
class Setting:
    """One cell of the grid.

    Args:
        seed_sd: standard deviation over trainings, points.
        item_sd: the same over items (or clusters) within a variant, as a probability.
        seeds: S.
        clusters: of the test set; 0: single items.
        variants: compared with the baseline.
        own: whether every seed has a test set of its own.
        measure: ``accuracy`` or ``macro_f1``.
        n: test items.
        noisy: how many times as much the last variant varies over seeds.
        noisy_baseline: that the baseline does so instead.
        collapse: probability that a training loses ten points.
        failed: trainings without an answer.
    """

    seed_sd: float
    item_sd: float
    seeds: int
    clusters: int
    variants: int
    own: bool = False
    measure: str = "accuracy"
    n: int = 400
    noisy: float = 1.0
    noisy_baseline: bool = False
    collapse: float = 0.0
    failed: int = 0

    def cells(self) -> list[Any]:
        """As a row of the table."""
        sets = "one a seed" if self.own else "common"
        clusters = self.clusters or None
        seeds = f"{self.seeds}{f' - {self.failed} runs' if self.failed else ''}"
        return [
            self.seed_sd,
            100 * self.item_sd,
            seeds,
            clusters,
            self.variants,
            sets,
            self.measure,
        ]


COLUMNS = ["seed sd", "item sd", "seeds", "clusters", "variants", "test sets", "measure"]


def grid() -> list[Setting]:
    """Every combination."""
    factors = product((0.0, 1.0, 3.0), (0.0, 0.15), (3, 5), (0, 20), (1, 6), (False, True))
    found = [Setting(*one) for one in factors]
    found += [replace(one, variants=3) for one in found if one.variants == 6 and not one.own]
    found += [replace(one, measure="macro_f1") for one in found if one.item_sd and not one.own]
    found += [replace(one, failed=2) for one in found if one.variants == 6 and one.seed_sd == 1]
    return found


def quick_grid() -> list[Setting]:
    """A few of them, of each kind."""
    return [
        Setting(0.0, 0.0, 3, 0, 6),
        Setting(2.0, 0.15, 3, 0, 1),
        Setting(2.0, 0.15, 3, 0, 6, measure="macro_f1"),
        Setting(1.0, 0.15, 5, 20, 3),
        Setting(2.0, 0.15, 3, 0, 6, own=True),
    ]


def extra_grid() -> Iterator[tuple[str, Setting]]:
    """Studies that break the assumptions, by what is wrong with them."""
    for seeds in (3, 5):
        plain = Setting(1.0, 0.15, seeds, 0, 6)
        for times in (2.0, 3.0, 6.0):
            yield f"one variant varies {times:g} times as much", replace(plain, noisy=times)
            yield (
                f"the baseline varies {times:g} times as much",
                replace(plain, noisy=times, noisy_baseline=True),
            )
        for share in (0.02, 0.1):
            what = f"{100 * share:g} % of trainings collapse"
            yield what, replace(plain, collapse=share)


def training_effects(setting: Setting, generator: np.random.Generator) -> np.ndarray:
    """What is special to each training, as a probability (V, S)."""
    shape = (setting.variants + 1, setting.seeds)
    effects = setting.seed_sd / 100 * generator.standard_normal(shape)
    effects[0 if setting.noisy_baseline else -1] *= setting.noisy
    # All variants share what a seed does to all of them.
    shared = 0.02 * generator.standard_normal((1, setting.seeds))
    return effects + shared - 0.1 * (generator.random(shape) < setting.collapse)


def simulated(
    setting: Setting, generator: np.random.Generator, effect: float = 0.0
) -> tuple[dict[str, dict[int, np.ndarray]], list[str] | None]:
    """Sums of items of a study, the first variant ``effect`` better, and their clusters."""
    systems, seeds, n = setting.variants + 1, setting.seeds, setting.n
    sets = seeds if setting.own else 1
    groups = setting.clusters or n
    width = math.sqrt(3)
    special = generator.uniform(-width, width, (systems, sets, groups)) * setting.item_sd
    difficulty = generator.uniform(-0.15, 0.15, (1, sets, groups))
    chance = np.repeat(special + difficulty, n // groups, axis=2)
    chance = RIGHT + chance + training_effects(setting, generator)[:, :, None]
    chance[1] += effect
    right = generator.random((systems, seeds, n)) < chance
    if setting.measure == "macro_f1":
        gold = generator.choice(len(CLASSES), n, p=CLASSES)
        wrong = (gold + generator.integers(1, len(CLASSES), right.shape)) % len(CLASSES)
        sums = np.eye(len(CLASSES) ** 2)[gold * len(CLASSES) + np.where(right, gold, wrong)]
    else:
        sums = np.stack([right, np.ones_like(right)], axis=-1).astype(np.float64)
    parts = {f"v{place}": dict(enumerate(sums[place])) for place in range(systems)}
    if setting.own:
        parts = {
            name: {s: apart(one, s, seeds) for s, one in own.items()} for name, own in parts.items()
        }
    for number in range(setting.failed):  # not of the variant that differs, which keeps its verdict
        del parts[f"v{setting.variants - number}"][number]
    named = [f"{at // (n // groups)}" for at in range(n * sets)] if setting.clusters else None
    return parts, named


def apart(sums: np.ndarray, seed: int, seeds: int) -> np.ndarray:
    """Items of one seed's test set among those of all seeds."""
    whole = np.full((seeds, *sums.shape), np.nan)
    whole[seed] = sums
    return whole.reshape(-1, sums.shape[-1])


def score(measure: str, sums: np.ndarray) -> np.ndarray:
    """Percent."""
    if measure == "accuracy":
        return 100 * sums[..., 0] / sums[..., 1]
    size = len(CLASSES)
    return macro_f1(sums.reshape(*sums.shape[:-1], size, size))


def true_difference(setting: Setting, effect: float) -> float:
    """What ``effect`` is in points of the measure, for infinitely many items."""
    if setting.measure == "accuracy":
        return 100 * effect
    size = len(CLASSES)

    def expected(right: float) -> float:
        wrong = (1 - right) / (size - 1)
        rates = np.full((size, size), wrong) + (right - wrong) * np.eye(size)
        return float(macro_f1(CLASSES[:, None] * rates))

    return expected(RIGHT + effect) - expected(RIGHT)


def studies(
    setting: Setting, trials: int, seed: int = 0, effect: float = 0.0
) -> Iterator[list[Comparison]]:
    """Comparisons of simulated studies."""
    for trial in range(trials):
        # No two rows of the table share their chance.
        generator = np.random.default_rng([zlib.crc32(repr(setting).encode()), seed, trial])
        parts, clusters = simulated(setting, generator, effect)
        yield compare(parts, "v0", lambda sums: score(setting.measure, sums), clusters)


def rates(setting: Setting, trials: int) -> dict[str, float]:
    """Percentages, and what was detectable in points."""
    covered: list[bool] = []
    family, least = [], []
    for found in studies(setting, trials):
        family.append(any(one.is_found for one in found))
        covered += [one.difference.low <= 0 <= one.difference.high for one in found]
        least.append(found[0].detectable)
    points = float(np.mean(least))
    effect = points / 100
    for _ in range(5):
        effect *= points / true_difference(setting, effect)
    hit = []
    for found in studies(setting, trials, 1, effect):
        hit.append(found[0].is_found and found[0].difference.value > 0)
        wanted = [true_difference(setting, effect), *[0.0] * (len(found) - 1)]
        covered += [
            one.difference.low <= value <= one.difference.high
            for one, value in zip(found, wanted, strict=True)
        ]
    percent = {"family": family, "coverage": covered, "power": hit}
    return {name: 100 * float(np.mean(one)) for name, one in percent.items()} | {
        "detectable": points
    }


def leaves(found: Mapping[str, float], trials: int) -> list[str]:
    """The rates that leave their range by more than the simulation's own error."""
    wrong = []
    for name, (low, high) in RANGES.items():
        error = 100 * math.sqrt(found[name] / 100 * (1 - found[name] / 100) / trials)
        if not low - 2 * error <= found[name] <= high + 2 * error:
            wrong.append(name)
    return wrong


def table(settings: list[tuple[str, Setting]], trials: int, console: Console) -> list[str]:
    """Print a row a cell; returns what leaves its range."""
    wrong: list[str] = []
    columns = [*COLUMNS, *RANGES, "detectable", "leaves"]
    rows: list[list[Any]] = []
    for what, setting in track(settings, console=console, transient=True):
        found = rates(setting, trials)
        outside = leaves(found, trials)
        wrong += outside
        rows.append([*setting.cells(), *found.values(), " ".join([*outside, what]) or None])
    title = f"Simulated ablations, {trials} studies without and {trials} with an effect a row"
    note = "Percent; detectable in points. " + "; ".join(
        f"{name} {low:g} to {high:g}" for name, (low, high) in RANGES.items()
    )
    console.print(Table("calibration", columns, rows, title=title, note=note, digits=1).as_rich())
    return wrong


def part(text: str) -> slice:
    """The cells of ``number/parts``: every so-manyth."""
    number, _, parts = text.partition("/")
    if not (number.isdecimal() and parts.isdecimal() and 1 <= int(number) <= int(parts)):
        raise argparse.ArgumentTypeError(f"{text} is no part, such as 1/8 (the first of eight)")
    return slice(int(number) - 1, None, int(parts))


def main() -> int:
    """Simulate and print; 1 where a rate leaves its range."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few cells, less than a minute")
    parser.add_argument("--extra", action="store_true", help="studies that break assumptions")
    parser.add_argument("--trials", type=int, help="studies a cell (default: 1000; quick: 350)")
    parser.add_argument("--part", type=part, default=slice(None), help="of the cells, as in 1/8")
    arguments = parser.parse_args()
    if arguments.trials is not None and arguments.trials < FEWEST:
        parser.error(
            f"argument --trials: {arguments.trials} studies tell nothing; {FEWEST} or more"
        )
    console = Console(width=130)
    trials = arguments.trials or (QUICK if arguments.quick else 1000)
    if arguments.extra:
        table(list(extra_grid()), trials, console)
        return 0
    chosen = quick_grid() if arguments.quick else grid()
    cells = [("", one) for one in chosen][arguments.part]
    return int(bool(table(cells, trials, console)))


if __name__ == "__main__":
    sys.exit(main())
