"""Tables of text classification from prediction rows."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from nlpcl.core.errors import UserError
from nlpcl.metrics.rates import wilson_interval
from nlpcl.tasks.classification.report import classification_report, tables_by
from nlpcl.tasks.classification.rows import Decision, neutral_label, positive_label, prediction_row


def rows_of(number=200, labels=("hate", "normal", "offensive"), seed=0):
    """Invented predictions; those on group b are biased towards the first class."""
    generator = np.random.default_rng(seed)
    rows = []
    for index in range(number):
        gold = int(generator.integers(len(labels)))
        targets = [["a"], ["b"], ["a", "b"], []][index % 4]
        logits = generator.normal(size=len(labels)) + 1.5 * np.eye(len(labels))[gold]
        logits[0] += 2.0 * ("b" in targets)
        shares = np.exp(logits) / np.exp(logits).sum()
        rows.append(
            {
                "test": "first" if index < number // 2 else "second",
                "id": str(index),
                "text": f"text {index}",
                "gold": labels[gold],
                "label": labels[int(shares.argmax())],
                "probabilities": dict(zip(labels, shares.tolist(), strict=True)),
                "targets": targets,
                "language": "en" if index % 3 else "zh",
                "is_truncated": False,
            }
        )
    return rows


@pytest.mark.parametrize(
    ("labels", "neutral"),
    [
        (("hate", "normal", "offensive"), "normal"),
        (("hate", "neither", "offensive"), "neither"),
        (("hateful", "not_hateful"), "not_hateful"),
        (("non-offensive", "offensive"), "non-offensive"),
        (("Not Hate", "Hate"), "Not Hate"),
        (("0", "1"), "0"),
        (("仇恨", "正常"), "正常"),
        (("x", "y"), "x"),
    ],
)
def test_the_neutral_class_is_known_by_its_name(labels, neutral):
    assert neutral_label(labels) == neutral
    if len(labels) == 2:
        assert positive_label(labels) != neutral


def test_without_a_known_name_the_commonest_class_is_neutral():
    assert neutral_label(("x", "y"), ["y", "y", "x"]) == "y"
    assert positive_label(("x", "y"), [1, 1, 0]) == "x"


def test_a_threshold_decides_between_two_classes():
    decision = Decision(("hate", "none"), 0.3, "hate")
    assert [decision([share, 1 - share]) for share in (0.29, 0.3, 0.9)] == ["none", "hate", "hate"]
    turned = Decision(("none", "hate"), 0.7, "hate")
    assert [turned([1 - share, share]) for share in (0.6, 0.71)] == ["none", "hate"]
    assert Decision(("a", "b", "c"))([0.2, 0.5, 0.3]) == "b"


@pytest.mark.parametrize("labels", [("hate", "none"), ("none", "hate")])
def test_ranking_speaks_of_the_positive_class_in_any_order_of_labels(labels):
    rows = rows_of(labels=labels)
    report = classification_report(rows, Decision(labels))
    wanted = roc_auc_score(
        [row["gold"] == "hate" for row in rows], [row["probabilities"]["hate"] for row in rows]
    )
    assert report.metrics["auroc"] == pytest.approx(100 * wanted)
    curve = next(table for table in report.tables if table.name == "threshold_curve")
    assert "'hate'" in curve.title
    assert "are those of 'hate'" in report.tables[0].note
    assert report.metrics["threshold"] == 0.5


def test_probabilities_keep_their_order_in_the_rows():
    """Confident answers must not become ties."""
    decision = Decision(("hateful", "normal"))
    rows = [
        prediction_row({"text": "a", "label": "normal"}, [p, 1 - p], decision, is_truncated=False)
        for p in (1e-8, 2e-8)
    ]
    assert rows[0]["probabilities"]["hateful"] < rows[1]["probabilities"]["hateful"]


def test_intervals_hold_the_value_and_shrink_with_more_items():
    widths = {}
    for number in (60, 600):
        report = classification_report(
            rows_of(number), Decision(("hate", "normal", "offensive")), "title"
        )
        values = report.metrics
        for name in ("wa", "ua", "macro_f1", "weighted_f1", "auroc", "average_precision"):
            low, high = values[f"{name}_low"], values[f"{name}_high"]
            assert low < values[name] < high
            widths.setdefault(name, []).append(high - low)
        headline = report.tables[0]
        assert list(headline.columns)[1:4] == ["value", "low", "high"]
        shown = {row[0]: row[1] for row in headline.rows}
        assert shown["auroc"] == pytest.approx(values["auroc"])
        assert shown["ece"] == pytest.approx(values["ece"])
        json.dumps(report.as_dict(), allow_nan=False)
    assert all(wide > 2 * narrow for wide, narrow in widths.values())


def test_sentence_groups_are_resampled_whole():
    rows = [row | {"group": f"g{at // 20}"} for at, row in enumerate(rows_of(200))]
    for at in range(0, 200, 20):
        rows[at : at + 20] = [rows[at] | {"group": f"g{at}"}] * 20
    alone = classification_report(
        [{k: v for k, v in row.items() if k != "group"} for row in rows],
        Decision(("hate", "normal", "offensive")),
    ).metrics
    whole = classification_report(rows, Decision(("hate", "normal", "offensive"))).metrics
    for name in ("wa", "auroc", "ece"):
        assert whole[name] == pytest.approx(alone[name])
        wide = whole[f"{name}_high"] - whole[f"{name}_low"]
        assert wide > 2 * (alone[f"{name}_high"] - alone[f"{name}_low"])


def test_bias_by_target():
    rows = rows_of()
    tables = tables_by(rows, ["target"])
    assert [table.name for table in tables] == [
        "bias", "worst_groups", "by_target", "classes_by_target", "group_gaps",
    ]  # fmt: skip
    assert tables_by(rows, ["targets"])[0] == tables[0]
    bias: Any = {row[0]: dict(zip(tables[0].columns, row, strict=True)) for row in tables[0].rows}
    inside = [row for row in rows if "b" in row["targets"]]
    negatives = [row for row in inside if row["gold"] == "normal"]
    wrong = sum(row["label"] != "normal" for row in negatives)
    found = bias["b"]
    assert (found["n"], found["negatives"]) == (len(inside), len(negatives))
    assert found["FPR"] == pytest.approx(100 * wrong / len(negatives))
    assert (found["low"], found["high"]) == pytest.approx(wilson_interval(wrong, len(negatives)))
    wanted = roc_auc_score(
        [row["gold"] != "normal" for row in inside],
        [1 - row["probabilities"]["normal"] for row in inside],
    )
    assert found["subgroup AUC"] == pytest.approx(100 * wanted)
    assert found["FPR"] > bias["a"]["FPR"]
    worst = {row[0]: row[1] for row in tables[1].rows}
    assert worst["false-positive rate"] == "b"
    last: list[Any] = list(tables[0].rows[-1])
    assert last[1] == len(rows)
    negatives = [row for row in rows if row["gold"] == "normal"]
    assert last[2] == len(negatives)
    assert last[4] < last[3] < last[5]
    assert "'normal'" in tables[0].note


def test_bias_stands_in_the_report_where_targets_are_named():
    decision = Decision(("hate", "normal", "offensive"))
    report = classification_report(rows_of(), decision)
    assert 50 < report.metrics["gmb_bpsn_auc"] < 100
    assert {"bias", "worst_groups", "by_language"} <= {table.name for table in report.tables}
    bare = [{k: v for k, v in row.items() if k not in ("targets", "language")} for row in rows_of()]
    report = classification_report(bare, decision)
    assert "gmb_bpsn_auc" not in report.metrics
    assert {"bias", "by_language"}.isdisjoint(table.name for table in report.tables)


def test_other_columns_are_groups_too():
    tables = tables_by(rows_of(), ["language", "test"])
    assert [table.name for table in tables] == [
        "by_language", "classes_by_language", "by_test", "classes_by_test", "group_gaps",
    ]  # fmt: skip
    assert [row[:2] for row in tables[0].rows] == [["en", 133], ["zh", 67]]


@pytest.mark.parametrize("name", ["tagret", "text", "gold", "id"])
def test_an_unknown_group_is_named(name):
    with pytest.raises(UserError, match="Known: language, target, test") as caught:
        tables_by(rows_of(), [name])
    assert name in str(caught.value)
