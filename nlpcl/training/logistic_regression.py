"""Logistic regression with an L2 penalty, as a plain baseline of classifiers.

Legend: ``N`` rows, ``D`` features, ``C`` classes.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

ITERATIONS = 500
"""Of L-BFGS at most."""


def probabilities(
    rows: Any,
    labels: Sequence[str],
    others: Sequence[Any],
    classes: Sequence[str],
    *,
    strength: float,
    is_balanced: bool = False,
) -> list[np.ndarray]:
    """Class probabilities of further rows by a logistic regression fitted to labelled ones.

    The same for the same rows: nothing is drawn at random.

    Args:
        rows: ``(N, D)``, dense or sparse.
        labels: of the rows ``(N,)``, two different ones at least.
        others: further rows, each ``(M, D)``.
        classes: names C, in order; one that no row has gets probability 0.
        strength: inverse C of the penalty: the larger, the less is penalised.
        is_balanced: weight classes inversely to their frequencies.

    Returns:
        For each of ``others`` the probabilities ``(M, C)``.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    weights = "balanced" if is_balanced else None
    model: Any = LogisticRegression(C=strength, max_iter=ITERATIONS, class_weight=weights)
    with warnings.catch_warnings():
        # Where classes can be separated the answers are settled long before the weights.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows, labels)
    places = [list(classes).index(name) for name in model.classes_.tolist()]
    found = []
    for one in others:
        table = np.zeros((one.shape[0], len(classes)))
        if one.shape[0]:
            table[:, places] = model.predict_proba(one)
        found.append(table)
    return found
