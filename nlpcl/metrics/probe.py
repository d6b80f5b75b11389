"""How much of the speaker is left in an embedding: a fresh logistic regression tries to read it.

An adversary's own accuracy is no evidence: it can be fooled while the information stays. The probe
is trained anew on the frozen embedding, after standardising each dimension.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nlpcl.metrics.arrays import Integers

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Names = NDArray[np.str_]
    Vectors = NDArray[np.float32]

ITERATIONS = 200


@dataclass(frozen=True)
class Probe:
    """What a probe could read, both in percent.

    Args:
        accuracy: over the items of all test parts.
        majority_accuracy: accuracy of always naming the most frequent class.
    """

    accuracy: float
    majority_accuracy: float


def probe(
    embeddings: ArrayLike,
    targets: Sequence[str],
    *,
    target: str = "speaker",
    groups: Sequence[str] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Probe:
    """Train and test a logistic regression that names the target of an embedding.

    Without ``groups`` items are split at random, stratified by target: for "speaker", whose
    classes must be in training. With ``groups`` no group is in both parts: for "gender", with
    speakers as groups, lest the probe recognise speakers instead.

    Args:
        embeddings: (N, D), finite.
        targets: names (N,); items without a name ("") are left out.
        target: what is read, for messages.
        groups: names (N,).
        folds: test parts; fewer when a class has fewer items or groups.
        seed: of the splits.

    Raises:
        ValueError: shapes that do not fit, NaN, fewer than two classes, or classes with fewer than
            two items (groups) each.
    """
    import numpy as np

    values = np.asarray(embeddings, dtype=np.float32)
    names = np.asarray(targets, dtype=np.str_)
    if values.ndim != 2 or len(values) != len(names) or not values.shape[-1]:
        raise ValueError(f"embeddings have shape {values.shape} for {len(names)} {target} names")
    if groups is not None and len(groups) != len(names):
        raise ValueError(f"{len(groups)} groups for {len(names)} items")
    if not np.isfinite(values).all():
        raise ValueError("embeddings must be finite")
    owners = None if groups is None else np.asarray(groups, dtype=np.str_)
    # What a class must have two of: groups where they are kept apart, else items.
    items = range(len(names)) if owners is None else owners.tolist()
    sizes = Counter(name for _, name in {*zip(items, names.tolist(), strict=True)})
    usable = np.array([bool(name) and sizes[name] > 1 for name in names.tolist()], dtype=np.bool_)
    classes = np.unique(names[usable])
    if len(classes) < 2:
        kind = "items" if owners is None else "groups"
        raise ValueError(f"a {target} probe needs two classes of at least two {kind} each")
    values, names = values[usable], names[usable]
    owners = None if owners is None else owners[usable]
    folds = max(2, min(folds, *(sizes[name] for name in classes.tolist())))
    right = 0
    for train, test in splits(names, owners, folds, seed):
        right += int((answers(values[train], names[train], values[test]) == names[test]).sum())
    most = int(np.unique(names, return_counts=True)[1].max())
    return Probe(100 * right / len(names), 100 * most / len(names))


def splits(
    names: Names, owners: Names | None, folds: int, seed: int
) -> Iterator[tuple[Integers, Integers]]:
    """Training and test indices; every item is tested once."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedKFold if owners is None else StratifiedGroupKFold
    return kind(n_splits=folds, shuffle=True, random_state=seed).split(names, names, owners)


def answers(train: Vectors, names: Names, test: Vectors) -> Names:
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
