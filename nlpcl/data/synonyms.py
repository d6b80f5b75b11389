"""Names that corpora and languages give to one emotion: ``anger``, ``愤怒`` and ``Wut`` are angry.

Neutral and calm are different classes in corpora that have both, and 平静 is used for either, so
that none of them is mapped to another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

AUTO = "auto"
"""Stands for these names in ``--map-labels``."""
_NAMES = {
    "angry": "anger ang angriness rage 愤怒 生气 怒 气愤 恼怒 wut ärger aerger wütend zorn",
    "happy": "happiness hap joy joyful joyous 高兴 开心 快乐 喜悦 喜 愉快 freude glück fröhlich",
    "sad": "sadness sadly 悲伤 难过 伤心 悲哀 悲 哀伤 trauer traurig traurigkeit",
    "fearful": "fear fea afraid scared anxiety 恐惧 害怕 惧 恐 惊恐 angst ängstlich furcht",
    "disgust": "disgusted dis 厌恶 嫌恶 恶心 恶 ekel",
    "surprised": "surprise sur pleasant_surprise 惊讶 惊奇 惊 吃惊 惊喜 überraschung",
    "neutral": "neu neutrality 中性 无情绪 无情感 neutralität",
    "bored": "boredom bor 无聊 厌倦 langeweile gelangweilt",
    "excited": "excitement exc 兴奋 激动",
    "frustrated": "frustration fru 挫败",
    "calm": "calmness calmly",
    "other": "others oth 其他 其它",
}
SYNONYMS: Mapping[str, str] = {
    name: present for present, names in _NAMES.items() for name in names.split()
}
"""Name in small letters → the name of the emotion here."""
CODES: tuple[Mapping[str, str], ...] = (
    {
        **{"w": "angry", "l": "bored", "e": "disgust", "a": "fearful", "f": "happy", "t": "sad"},
        "n": "neutral",
    },
    {
        **{"a": "angry", "d": "disgust", "f": "fearful", "h": "happy", "n": "neutral"},
        **{"sa": "sad", "su": "surprised"},
    },
)
"""Letters of EmoDB and of SAVEE, which mean different things: of use where all of a corpus fit."""
FEWEST_CODES = 3
"""Classes from which single letters are taken for a corpus's code."""


def synonyms(labels: Iterable[str]) -> dict[str, str]:
    """The classes of one corpus or model that have another name here → that name.

    Args:
        labels: all of its classes, in whatever case.
    """
    plain = {label: key(label) for label in labels}
    found = {label: SYNONYMS[name] for label, name in plain.items() if name in SYNONYMS}
    fitting = [code for code in CODES if set(plain.values()) <= code.keys()]
    if len(fitting) == 1 and len(plain) >= FEWEST_CODES:
        return {label: fitting[0][name] for label, name in plain.items()}
    return {label: name for label, name in found.items() if name != label}


def split_auto(text: str) -> tuple[bool, str]:
    """Whether ``auto`` is among the parts of a mapping, and the other parts."""
    parts = text.split(",") if not text.lstrip().startswith("{") else [text]
    rest = [part for part in parts if part.strip().casefold() != AUTO]
    return len(rest) < len(parts), ",".join(rest)


def with_synonyms(labels: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """A mapping that renames synonyms too; what it says itself holds, of their new names as well.

    Args:
        labels: all classes of a corpus or model.
        mapping: class → its new name, empty to drop it.
    """
    found = {old: mapping.get(new, new) for old, new in synonyms(labels).items()}
    return found | dict(mapping)


def key(label: str) -> str:
    """A label as it is looked up."""
    return "_".join(label.strip().casefold().replace("-", " ").replace("_", " ").split())


def proposed(labels: Collection[str], known: Collection[str] = ()) -> dict[str, str]:
    """Names that stand for an emotion which another name among them stands for too → one of them.

    Args:
        labels: classes of several corpora, or of rows to be evaluated.
        known: classes of a model; their names are kept. Otherwise the name here is, if it is among
            the labels, else the first in order.
    """
    together: dict[str, list[str]] = {}
    names = synonyms([*labels, *known])
    for label in sorted({*labels, *known}):
        together.setdefault(names.get(label, label), []).append(label)
    mapping: dict[str, str] = {}
    for present, group in together.items():
        of_model = [label for label in group if label in known]
        if len(group) < 2 or len(of_model) > 1:
            continue
        kept = of_model[0] if of_model else present if present in group else group[0]
        mapping |= {label: kept for label in group if label != kept}
    return mapping
