"""Every figure, by the model family it belongs to, in the order of the report."""

from __future__ import annotations

from nlpcl.analysis.figures import (
    ablation,
    attributions,
    classification,
    comparison,
    corrections,
    curves,
    embeddings,
    emotion,
    emotion_sound,
    hate,
    mistakes,
    modules,
    spelling,
)
from nlpcl.analysis.figures.kinds import Kind
from nlpcl.core.errors import unknown_name

FAMILIES: dict[str, tuple[Kind, ...]] = {
    "ablations": ablation.KINDS,
    "several runs": comparison.KINDS,
    "all models": curves.KINDS,
    "classifiers": classification.KINDS,
    "spelling": (*corrections.KINDS, *spelling.KINDS),
    "hate speech": (*attributions.KINDS, *hate.KINDS),
    "speech emotion": (*emotion.KINDS, *emotion_sound.KINDS),
    "embeddings": embeddings.KINDS,
    "single items": mistakes.KINDS,
    "cost": modules.KINDS,
}
KINDS = tuple(kind for kinds in FAMILIES.values() for kind in kinds)


def names() -> list[str]:
    """Names for ``--only``, in the order of the report."""
    return list(dict.fromkeys(kind.name for kind in KINDS))


def check(wanted: list[str]) -> list[str]:
    """Refuse unknown names.

    Raises:
        UserError: naming the nearest one.
    """
    for name in wanted:
        if name not in names():
            raise unknown_name("figure", name, names(), where="--only")
    return wanted
