"""Scores of entities against seqeval, naive loops and numbers worked by hand."""

from __future__ import annotations

import random
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlpcl.core.tables import Table
from nlpcl.metrics.entities import MOST_TYPES, entity_scores, exact_score
from nlpcl.metrics.entity_counts import COUNTED, MEASURES, macro_rate, rate, text_counts
from nlpcl.metrics.spans import paired, surface_forms

PIECES = st.lists(st.tuples(st.integers(1, 4), st.sampled_from(["A", "B", "C", ""])), max_size=6)
LENGTH = 24


def flat(pieces):
    """Pieces of a text, those with a type being spans."""
    spans, at = set(), 0
    for length, kind in pieces:
        if kind:
            spans.add((at, at + length, kind))
        at += length
    return spans


def bio(spans):
    tags = ["O"] * LENGTH
    for start, end, kind in spans:
        tags[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    return tags


@settings(max_examples=30)
@given(st.lists(st.tuples(PIECES, PIECES), min_size=1, max_size=4))
def test_flat_scores_equal_seqeval(texts):
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support as elsewhere

    gold, found = ([flat(pieces) for pieces in side] for side in zip(*texts, strict=True))
    tags = [[bio(spans) for spans in side] for side in (gold, found)]
    scores = entity_scores(gold, found, resamples=2)
    metrics = scores.as_metrics()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = {kind: elsewhere(*tags, average=kind) for kind in ("micro", "macro")}
        each = elsewhere(*tags, average=None)
    for kind, suffix in (("micro", ""), ("macro", "_macro")):
        if kind == "macro" and not scores.types:
            continue  # seqeval means an empty list: NaN
        ours = [metrics[f"{name}{suffix}"] for name in ("precision", "recall", "f1")]
        assert ours == pytest.approx([100 * value for value in theirs[kind][:3]], rel=1e-13)
    assert scores.exact.gold == theirs["micro"][3]
    for at, score in enumerate(scores.types.values()):
        ours = (score.precision, score.recall, score.f1)
        assert ours == pytest.approx([100 * part[at] for part in each[:3]], rel=1e-13)
        assert score.gold == each[3][at]


#        0 1 2 3 4 5 6 7
TEXTS = ["北京大学在北京海淀", "张伟爱张伟", "今天", "上海"]
GOLD = [
    [(0, 4, "ORG"), (0, 2, "LOC"), (5, 7, "LOC"), (7, 9, "LOC")],
    [(0, 2, "PER"), (3, 5, "PER")],
    [],
    [(0, 2, "LOC")],
]
FOUND = [
    [(0, 4, "ORG"), (0, 4, "ORG"), (0, 2, "PER"), (5, 9, "LOC")],  # one of them twice
    [(0, 2, "PER"), (3, 5, "PER")],
    [(0, 2, "TIME")],
    [],
]


def test_worked_by_hand():
    scores = entity_scores(GOLD, FOUND, texts=TEXTS, known=["北京", "张伟"], resamples=20)
    assert (scores.exact.hits, scores.exact.predicted, scores.exact.gold) == (3, 6, 7)
    metrics = scores.as_metrics()
    # LOC 0 of 1 predicted, 4 gold; ORG 1, 1, 1; PER 2, 3, 2; TIME 0, 1, 0
    wanted = {
        "precision": 300 / 6,
        "recall": 300 / 7,
        "f1": 600 / 13,
        "f1_macro": (0 + 100 + 80 + 0) / 4,
        "precision_macro": (0 + 100 + 200 / 3 + 0) / 4,
        "recall_macro": (0 + 100 + 100 + 0) / 4,
        "precision_boundary": 400 / 6,
        "recall_boundary": 400 / 7,
        "f1_boundary": 800 / 13,
        "type_accuracy": 75.0,
        # correct: 3 and 北京 as PER; partial: 海淀 or 北京 in 5:9
        "f1_partial": 100 * 2 * 4.5 / 13,
        "f1_type": 100 * 2 * 4 / 13,
        "f1_ORG": 100.0,
        "f1_PER": 80.0,
        "f1_LOC": 0.0,
        "f1_TIME": 0.0,
        # 北京 twice and 张伟 twice are known; found are 张伟 twice, and 北京 wrongly
        "recall_seen": 50.0,
        "f1_seen": 100 * 4 / 7,
        "recall_unseen": 100 / 3,
        "f1_unseen": 100 * 2 / 6,
        "n": 4,
        "n_gold": 7,
        "n_predicted": 6,
        "n_wrong_type": 1,
        "n_wrong_edge": 1,
        "n_wrong_both": 0,
        "n_missed": 2,
        "n_invented": 1,
    }
    values = {name: metrics[name] for name in wanted}
    assert values == pytest.approx(wanted)
    ends = {f"{name}_{end}" for name in MEASURES for end in ("low", "high")}
    assert set(metrics) - set(wanted) <= ends
    assert vars(scores.depths[1]) == {"gold": 1, "found": 0, "predicted": 1, "right": 0}


def test_tables():
    scores = entity_scores(GOLD, FOUND, texts=TEXTS, known=["北京"], resamples=20)
    tables = {table.name: table for table in scores.tables("toy test. fixed split")}
    assert list(tables) == [
        "entities",
        "entity_types",
        "entity_partial",
        "entity_lengths",
        "entity_depths",
        "entity_seen",
        "entity_errors",
    ]
    first = tables["entities"]
    assert first.title == "toy test. fixed split (n=4)"
    assert [row[0] for row in first.rows] == list(MEASURES)
    found = scores.intervals["f1"]
    assert first.rows[0][:4] == ["f1", found.value, found.low, found.high]
    assert found.value == pytest.approx(600 / 13)
    assert "7 gold, 6 predicted, 3 both" in first.note and "over 4 items" in first.note
    types = [row[0] for row in tables["entity_types"].rows]
    assert types == ["LOC", "PER", "ORG", "TIME"]  # by gold entities
    person = tables["entity_types"].rows[1]
    assert person[:6] == ["PER", 2, 3, pytest.approx(200 / 3), 100.0, 80.0]
    assert person[6] == scores.type_intervals["PER"].low
    # What is not known, or the same for all, has no table.
    bare = [table.name for table in entity_scores([[(0, 1, "A")]], [[]], resamples=2).tables()]
    assert "entity_depths" not in bare and "entity_seen" not in bare
    assert all(isinstance(table, Table) for table in scores.tables())


def test_nothing_to_divide_by_is_zero_and_has_no_interval():
    for gold, found in (([[]], [[]]), ([[], []], [[], []])):
        scores = entity_scores(gold, found, resamples=5)
        assert set(scores.overall) == set(MEASURES)
        assert set(scores.overall.values()) == {0.0}
        assert not scores.intervals and not scores.types
        assert scores.tables()[0].rows[0][:4] == ["f1", 0.0, None, None]
    only_gold = entity_scores([[(0, 1, "A")], []], [[], []], resamples=5)
    assert only_gold.overall["precision"] == only_gold.overall["f1"] == 0.0
    assert "precision" not in only_gold.intervals and "recall" in only_gold.intervals
    with pytest.raises(ValueError):
        entity_scores([], [])
    with pytest.raises(ValueError, match="no span"):
        entity_scores([[(1, 1, "A")]], [[]])


def test_the_corpus_counts_and_not_its_batches():
    """The example of three batches with 50, 0 and 1 hits, whose mean F1 is another number."""
    gold = [[(at, at + 1, "A")] for at in range(57)]
    found = [own if at < 51 else [] for at, own in enumerate(gold)]
    parts = [entity_scores(gold[a:b], found[a:b], resamples=2) for a, b in ((0, 50), (50, 57))]
    whole = entity_scores(gold, found, resamples=2)
    assert whole.overall["f1"] == pytest.approx(100 * 2 * 51 / (51 + 57))
    assert np.mean([one.overall["f1"] for one in parts]) == pytest.approx((100 + 25) / 2)


def drawn(seed: int, n: int = 120):
    """Gold and predicted spans of n texts, nested and overlapping; two have an entity of type C."""
    generator = random.Random(seed)
    gold, found = [], []
    for _ in range(n):
        spans = set()
        for _ in range(generator.randint(0, 3)):
            start = generator.randint(0, 9)
            spans.add((start, start + generator.randint(1, 4), generator.choice("AB")))
        kept = {span for span in spans if generator.random() < 0.7}
        kept = {(*span[:2], "A") if generator.random() < 0.2 else span for span in kept}
        kept |= {(2, 4, "B")} if generator.random() < 0.3 else set()
        gold.append(spans)
        found.append(kept)
    for spans in (gold[0], gold[1], found[0]):
        spans.add((12, 14, "C"))
    return gold, found


def naive_scores(gold, found):
    """F1 over all and by type, their mean, and recall, from lists of spans."""
    wanted = [(at, span) for at, spans in enumerate(gold) for span in spans]
    proposed = [(at, span) for at, spans in enumerate(found) for span in spans]
    right = set(wanted) & set(proposed)
    values = {"f1": 200 * len(right) / (len(wanted) + len(proposed))}
    for kind in {span[2] for _, span in wanted + proposed}:
        of_kind = [sum(span[2] == kind for _, span in one) for one in (right, wanted, proposed)]
        values[kind] = 200 * of_kind[0] / (of_kind[1] + of_kind[2])
    values["f1_macro"] = np.mean([value for name, value in values.items() if name != "f1"])
    return values | {"recall": 100 * len(right) / len(wanted)}


def test_intervals_equal_a_naive_bootstrap_of_texts():
    gold, found = drawn(0)
    scores = entity_scores(gold, found, resamples=4000)
    intervals = {**scores.intervals, **scores.type_intervals}
    generator = np.random.default_rng(3)
    naive: dict[str, list[float]] = {}
    for _ in range(1000):
        chosen = generator.integers(0, len(gold), len(gold))
        values = naive_scores([gold[at] for at in chosen], [found[at] for at in chosen])
        for name, value in values.items():
            naive.setdefault(name, []).append(value)
    assert set(naive) == {"f1", "f1_macro", "recall", "A", "B", "C"}
    # Type C is rare: a resample without it says nothing of it.
    assert 800 < len(naive["C"]) < 1000
    for name, value in naive_scores(gold, found).items():
        ours, low, high = intervals[name], *np.quantile(naive[name], [0.025, 0.975])
        assert ours.value == pytest.approx(value)
        assert ours.standard_error == pytest.approx(np.std(naive[name]), rel=0.1), name
        if name != "C":
            assert (ours.low, ours.high) == pytest.approx((low, high), abs=1.5), name


def test_whole_clusters_are_resampled():
    gold = [[(0, 1, "A")]] * 40
    found = [[(0, 1, "A")] if at % 4 < 2 else [(0, 2, "A")] for at in range(40)]
    alone = entity_scores(gold, found).intervals["f1"]
    together = entity_scores(gold, found, clusters=[str(at % 4) for at in range(40)])
    assert together.intervals["f1"].clusters == 4
    assert together.intervals["f1"].standard_error > 2 * alone.standard_error
    assert together.overall["f1"] == 50.0


def test_same_seed_same_intervals():
    gold, found = drawn(1)
    first, again, other = (entity_scores(gold, found, resamples=50, seed=s) for s in (0, 0, 1))
    assert first == again and first.intervals != other.intervals


def test_many_types_are_in_the_tables_alone():
    gold = [[(at, at + 1, f"T{at}")] for at in range(MOST_TYPES + 1)]
    many = entity_scores(gold, gold, resamples=2)
    assert not any(name.startswith("f1_T") for name in many.as_metrics())
    assert len(many.tables()[1].rows) == MOST_TYPES + 1
    few = entity_scores(gold[1:], gold[1:], resamples=2)
    assert few.as_metrics()["f1_T30"] == 100.0


def test_a_type_named_like_a_measure_hides_none():
    scores = entity_scores([[(0, 1, "macro"), (1, 2, "A")]], [[(1, 2, "A")]], resamples=2)
    assert scores.as_metrics()["f1_macro"] == 50.0
    assert scores.types["macro"].f1 == 0.0


def test_counts_of_texts_add_up_to_the_scores():
    gold, found = drawn(2)
    pairs = paired(gold, found)
    scores = entity_scores(gold, found, resamples=2)
    for name, one in MEASURES.items():
        sums = text_counts(one.counts, pairs, list(scores.types)).sum(0)
        value = rate(one.kind, sums) if one.counts else macro_rate(one.kind, sums)
        assert float(value) == pytest.approx(scores.overall[name]), name
    assert exact_score(pairs) == scores.exact
    assert {one.counts for one in MEASURES.values()} == {"", *COUNTED}
    for scheme, name in (("partial", "f1_partial"), ("type", "f1_type"), ("strict", "f1")):
        assert scores.partial[scheme].f1 == pytest.approx(scores.overall[name])


def test_places_and_types_by_naive_loops():
    gold, found = drawn(5)
    places = right = typed = wanted = proposed = 0
    for own, other in zip(gold, found, strict=True):
        for start in range(15):
            for end in range(start + 1, 16):
                kinds = {kind for a, b, kind in own if (a, b) == (start, end)}
                others = {kind for a, b, kind in other if (a, b) == (start, end)}
                wanted += bool(kinds)
                proposed += bool(others)
                places += bool(kinds and others)
                right += len(kinds & others)
                typed += bool(kinds) and kinds == others
    overall = entity_scores(gold, found, resamples=2).overall
    assert overall["recall_boundary"] == pytest.approx(100 * places / wanted)
    assert overall["precision_boundary"] == pytest.approx(100 * places / proposed)
    assert overall["type_accuracy"] == pytest.approx(100 * typed / places)
    assert overall["recall"] == pytest.approx(100 * right / sum(map(len, gold)))
    assert 0 < typed < places


def test_surface_forms_of_training_divide_all_spans():
    known = surface_forms(TEXTS[:1], GOLD[:1])
    assert known == {"北京大学", "北京", "海淀"}
    seen = entity_scores(GOLD, FOUND, texts=TEXTS, known=known, resamples=2).seen
    assert (seen["seen"].gold, seen["unseen"].gold) == (4, 3)
    with pytest.raises(ValueError):
        entity_scores(GOLD, FOUND, known=known)
