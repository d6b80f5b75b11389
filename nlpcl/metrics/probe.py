"""How much of the speaker is left in an embedding: a fresh logistic regression tries to read it.

An adversary's own accuracy is no evidence: it can be fooled while the information stays. The probe
is trained anew on the frozen embedding, after standardising each dimension.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nlpcl.core.tables import Cell, Table
from nlpcl.metrics.confusion import cell
from nlpcl.metrics.intervals import Interval, cluster_bootstrap, wilson_interval

if TYPE_CHECKING:
    import numpy as np

ITERATIONS = 200


@dataclass(frozen=True)
class Probe:
    """What a probe could read.

    Args:
        target: what was read, e.g. ``"speaker"``.
        accuracy: percent, pooled over test parts, with its interval.
        largest_share: accuracy of always naming the most frequent class, percent.
        n: items used; classes: names; groups: number of groups kept apart, None without.
        left_out: items of classes too small to be in training and test.
        folds: test parts a repeat; repeats: times the split was drawn.
    """

    target: str
    accuracy: Interval
    largest_share: float
    n: int
    classes: tuple[str, ...]
    groups: int | None
    left_out: int
    folds: int
    repeats: int

    @property
    def uniform(self) -> float:
        """100 / classes."""
        return 100 / len(self.classes)

    def as_metrics(self) -> dict[str, float]:
        """``probe_TARGET_accuracy`` and ``probe_TARGET_chance`` (the largest share), percent."""
        return {
            f"probe_{self.target}_accuracy": self.accuracy.value,
            f"probe_{self.target}_chance": self.largest_share,
        }


def probe(
    embeddings: Any,
    targets: Sequence[str],
    *,
    target: str = "speaker",
    groups: Sequence[str] | None = None,
    folds: int = 5,
    repeats: int = 1,
    seed: int = 0,
    level: float = 0.95,
) -> Probe:
    """Train and test a logistic regression that names the target of an embedding.

    Without ``groups`` items are split at random, stratified by target: for "speaker", whose
    classes must be in training. With ``groups`` no group is in both parts and intervals resample
    groups: for "gender", with speakers as groups, lest the probe recognise speakers instead.

    Args:
        embeddings: (N, D), finite.
        targets: names (N,); items without a name ("") are left out.
        target: what is read, for tables.
        groups: names (N,).
        folds: test parts; fewer when a class has fewer items or groups.
        repeats: times the split is drawn anew.
        seed: of splits and resamples.
        level: nominal coverage of the interval.

    Raises:
        ValueError: shapes that do not fit, NaN, fewer than two classes, or classes with fewer than
            two items (groups) each.
    """
    import numpy as np

    values = np.asarray(embeddings, dtype=np.float32)
    names = np.asarray(targets, dtype=str)
    if values.ndim != 2 or len(values) != len(names) or not values.shape[-1]:
        raise ValueError(f"embeddings have shape {values.shape} for {len(names)} {target} names")
    if groups is not None and len(groups) != len(names):
        raise ValueError(f"{len(groups)} groups for {len(names)} items")
    if not np.isfinite(values).all():
        raise ValueError("embeddings must be finite")
    owners = None if groups is None else np.asarray(groups, dtype=str)
    # What a class must have two of: groups where they are kept apart, else items.
    pairs = set(enumerate(names.tolist())) if owners is None else {*zip(owners, names, strict=True)}
    sizes = Counter(str(name) for _, name in pairs)
    usable = np.array([bool(name) and sizes[name] > 1 for name in names.tolist()], dtype=bool)
    classes = np.unique(names[usable])
    if len(classes) < 2:
        kind = "items" if owners is None else "groups"
        raise ValueError(f"a {target} probe needs two classes of at least two {kind} each")
    values, names = values[usable], names[usable]
    owners = None if owners is None else owners[usable]
    folds = max(2, min(folds, *(sizes[str(name)] for name in classes)))
    right = np.zeros(len(names))
    for train, test in splits(names, owners, folds, repeats, seed):
        right[test] += answers(values[train], names[train], values[test]) == names[test]
    accuracy = accuracy_interval(100 * right / repeats, owners, seed, level)
    largest = 100 * max(Counter(names.tolist()).values()) / len(names)
    kept_apart = None if owners is None else len(np.unique(owners))
    left_out = int((~usable).sum())
    kinds = tuple(classes.tolist())
    return Probe(target, accuracy, largest, len(names), kinds, kept_apart, left_out, folds, repeats)


def accuracy_interval(
    right: np.ndarray, owners: np.ndarray | None, seed: int, level: float
) -> Interval:
    """Mean of ``right`` (N,), percent: resampled groups, or Wilson's interval for items."""
    if owners is not None:
        return cluster_bootstrap(
            lambda weights: (weights @ right) / weights.sum(-1),
            owners.tolist(),
            seed=seed,
            level=level,
        )
    n, value = len(right), float(right.mean())
    low, high = wilson_interval(value * n / 100, n, level)
    error = float(right.std() / n**0.5)
    return Interval(value, low, high, level, error, n, n, "Wilson")


def splits(
    names: np.ndarray, owners: np.ndarray | None, folds: int, repeats: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Training and test indices, every item tested once a repeat."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if owners is None else StratifiedGroupKFold
    for repeat in range(repeats):
        splitter = kind(n_splits=folds, shuffle=True, random_state=seed + repeat)
        yield from splitter.split(names, names, owners)


def answers(train: np.ndarray, names: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Names that a logistic regression fitted to the training part gives the test part."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=ITERATIONS))
    with warnings.catch_warnings():
        # Separable classes push the weights outwards for ever; the answers are settled long before.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train, names)
    return model.predict(test)


def probe_table(probes: Sequence[Probe], title: str = "Probe") -> Table:
    """One row a probe beside what chance gives."""
    rows: list[list[Cell]] = [
        [
            found.target,
            found.accuracy.value,
            cell(found.accuracy.low),
            cell(found.accuracy.high),
            found.largest_share,
            found.uniform,
            found.n,
            len(found.classes),
            "random, stratified" if found.groups is None else f"{found.groups} groups kept apart",
        ]
        for found in probes
    ]
    columns = ["target", "accuracy", "low", "high", "largest share", "1 / classes"]
    columns += ["n", "classes", "split"]
    note = "Percent. Logistic regression on the frozen embedding, trained afresh;"
    note += " 95 % intervals: Wilson, or resampled groups where they are kept apart."
    left = sum(found.left_out for found in probes)
    if left:
        note += f" {left} items left out: no name, or too few of their class."
    return Table("probe", columns, rows, title=title, note=note, digits=1)
