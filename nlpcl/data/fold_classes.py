"""Classes that a fold of a protocol lacks, found before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nlpcl.core.errors import UserError
from nlpcl.data.protocols import Fold


def lacking_classes(made: Sequence[Fold]) -> list[str]:
    """A line for each fold without training clips of a class that it is tested on.

    Raises:
        UserError: the training clips of a fold are all of one class.
    """
    lines: list[str] = []
    for one in made:
        learnt = {row["label"] for row in one.train}
        if len(learnt) < 2:
            what = f"all training clips of fold {one.name} are {', '.join(sorted(learnt))}"
            raise UserError(what, "--protocol", "Choose another, such as kfold:2 or random.")
        tested = Counter(row["label"] for row in one.test)
        lines += [
            f"fold {one.name}: no training clip of {name}, so that its {number} test clips of it "
            "can only be answered wrong"
            for name, number in sorted(tested.items())
            if name not in learnt
        ]
    return lines
