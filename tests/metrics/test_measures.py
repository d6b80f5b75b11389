"""Measures as sums over items equal the scores of all items at once."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nlpcl import tasks
from nlpcl.core.errors import UserError
from nlpcl.metrics.entities import entity_scores
from nlpcl.metrics.measures import harmonic, of_classes, of_entities, of_spelling
from nlpcl.metrics.resampling import summed_units
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


SPANS = [
    ([(0, 2, "A"), (0, 4, "B")], [(0, 2, "A"), (0, 3, "B")]),
    ([(1, 2, "A")], [(1, 2, "B"), (1, 2, "B"), (5, 6, "C")]),
    ([], [(0, 1, "A")]),
    ([(3, 9, "B")], []),
    ([], []),
]


def entity_rows(pairs):
    names = ("gold", "entities")
    sides = [
        [[dict(zip(("start", "end", "type"), one, strict=True)) for one in side] for side in p]
        for p in pairs
    ]
    return [dict(zip(names, both, strict=True)) for both in sides]


@pytest.mark.parametrize("metric", of_entities().known)
def test_entity_scores_are_sums_over_texts(metric):
    rows = entity_rows(SPANS)
    parts, score = of_entities().summed(metric, [rows], None)
    whole = entity_scores(*zip(*SPANS, strict=True), resamples=2).as_metrics()
    assert float(score(parts(rows).sum(0))) == pytest.approx(whole[metric])
    assert 0 < whole[metric] < 100
    # Two texts have counts of their own, the last has none.
    assert parts(rows).shape[0] == 5 and not parts(rows)[4].any()


def test_entity_measures():
    assert set(of_entities().headline) < set(of_entities().known)
    assert of_entities().check([]) == ["f1"]
    assert of_entities().known == tuple(entity_scores([[]], [[]], resamples=2).overall)


def test_types_are_those_of_all_systems_that_are_compared():
    one, other = entity_rows(SPANS[:1]), entity_rows(SPANS[1:2])
    parts, score = of_entities().summed("f1_macro", [one, other], None)
    assert parts(one).shape == parts(other).shape == (1, 9)
    assert float(score(parts(one).sum(0))) == pytest.approx((100 + 0) / 2)
    empty = entity_rows([([], [])])
    parts, score = of_entities().summed("f1_macro", [empty], None)
    # Texts without any type can be resampled like others.
    units = summed_units(parts(empty)[:, None, None])
    assert float(score(units.totals.sum(0)).squeeze()) == 0.0


def test_metrics_by_name():
    assert tasks.spec("emotion").measures.check([]) == ["ua"]
    assert tasks.spec("correction").measures.check(["clean_intact", "clean_intact"]) == [
        "clean_intact"
    ]
    assert tasks.spec("masked_lm").measures.check([]) == ["masked_accuracy"]
    for task in ("emotion", "masked_lm"):
        with pytest.raises(UserError, match="unknown metric 'f2'"):
            tasks.spec(task).measures.check(["f2"])
