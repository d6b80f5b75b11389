"""Classes of a model under other names, for data whose classes are named or divided otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Splits
from nlpcl.data.classes import FLAG, as_flag, class_key, listed
from nlpcl.data.synonyms import AUTO, proposed


def renamed(labels: Sequence[str], names: Mapping[str, str]) -> list[str]:
    """The classes under their new names, each once; one that is dropped from data keeps its own.

    Raises:
        UserError: all are given one name.
    """
    found = list(dict.fromkeys(names.get(label) or label for label in labels))
    if len(found) < 2 <= len(labels):
        what = f"every class of the model becomes {found[0]!r}"
        raise UserError(what, FLAG, "Keep two classes or more apart.")
    return found


def merged(
    values: Sequence[Sequence[float]], labels: Sequence[str], names: Mapping[str, str]
) -> list[list[float]]:
    """Probabilities ``(N, C)`` of the classes as those of :func:`renamed`: merged ones are summed.

    Args:
        values: probabilities in the order of ``labels``.
        labels: the model's classes.
        names: class → new name.
    """
    found = renamed(labels, names)
    if len(found) == len(labels):
        return [list(row) for row in values]
    import numpy as np  # the command line imports this module before it needs numbers

    places = np.zeros((len(labels), len(found)))
    for at, label in enumerate(labels):
        places[at, found.index(names.get(label) or label)] = 1.0
    return (np.asarray(values, dtype=np.float64).reshape(-1, len(labels)) @ places).tolist()


def check_gold(splits: Splits, labels: Collection[str]) -> None:
    """Refuse test rows of classes that a model cannot answer: a score would be of the others only.

    Args:
        splits: with test sets.
        labels: the model's classes, as they are called in this evaluation.

    Raises:
        UserError: naming the classes and the flag that says what they are.
    """
    gold = Counter(str(row["label"]) for rows in splits.test.values() for row in rows)
    unknown = {name: number for name, number in sorted(gold.items()) if name not in labels}
    if not unknown:
        return
    alike = {class_key(label): label for label in labels}
    found = proposed(unknown.keys(), labels)
    found |= {name: alike[class_key(name)] for name in unknown if class_key(name) in alike}
    mapping = {name: found.get(name, "CLASS") for name in unknown}
    auto = f" Or {FLAG} {AUTO}, for names of one emotion." if len(found) == len(mapping) else ""
    shown = ", ".join(f"{name!r} ({number} rows)" for name, number in list(unknown.items())[:5])
    more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    raise UserError(
        f"the model knows no class {shown}{more}: {sum(unknown.values())} of {gold.total()} test "
        "rows could not be scored",
        splits.name,
        f"It knows {listed(labels)}. Say what they are, or drop one with nothing behind its =: "
        f"{as_flag(mapping)}.{auto}",
    )
