"""Measures as sums over items equal the scores of all items at once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nlpcl import tasks
from nlpcl.core.errors import UserError
from nlpcl.metrics.measures import harmonic, of_classes, of_spelling
from nlpcl.metrics.spelling import spelling_scores

PAIRS = [
    ("我再家。", "我在家。", "我在家。"),
    ("我再家。", "我在家。", "我再家。"),
    ("他在家。", "他在家。", "他再家。"),
    ("他在家。", "他在家。", "他在家。"),
    ("听道好消以。", "听到好消息。", "听到好消以。"),
]


@pytest.mark.parametrize("metric", of_spelling().known)
def test_spelling_scores_are_sums_over_sentences(metric):
    rows = [{"source": s, "gold": g, "target": t} for s, g, t in PAIRS]
    parts, score = of_spelling().summed(metric, [rows], SimpleNamespace(ignore_de=False))
    whole = spelling_scores(*zip(*PAIRS, strict=True)).as_metrics()
    assert float(score(parts(rows).sum(0))) == pytest.approx(whole[metric])
    assert score is harmonic


def test_class_scores_are_sums_over_items():
    from sklearn.metrics import balanced_accuracy_score, f1_score

    gold, found = list("aabbccc"), list("abbbcca")
    rows = [{"gold": g, "label": f} for g, f in zip(gold, found, strict=True)]
    for metric, value in (
        ("ua", balanced_accuracy_score(gold, found)),
        ("macro_f1", f1_score(gold, found, average="macro")),
        ("wa", 5 / 7),
    ):
        parts, score = of_classes("ua").summed(metric, [rows], None)
        assert float(score(parts(rows).sum(0))) == pytest.approx(100 * value)


def test_metrics_by_name():
    assert tasks.spec("emotion").measures.check([]) == ["ua"]
    assert tasks.spec("correction").measures.check(["clean_intact", "clean_intact"]) == [
        "clean_intact"
    ]
    assert tasks.spec("masked_lm").measures.check([]) == ["masked_accuracy"]
    for task in ("emotion", "masked_lm"):
        with pytest.raises(UserError, match="unknown metric 'f2'"):
            tasks.spec(task).measures.check(["f2"])
