"""Scores of each type of entities, and errors by kind, against hand-made predictions."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from nlpcl.analysis.figures import entities
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.metrics.entities import entity_scores
from nlpcl.metrics.spans import row_spans
from nlpcl.runs.run import Run

OPTIONS = Options()


@pytest.fixture
def run(make_run, mention):
    """Two LOC right, one with a wrong edge; a PER called LOC; an ORG missed; a PER invented."""

    def row(number, gold, found):
        spans = [mention(*span, 0.9) for span in found]
        text = {"text": "x" * 12, "gold": [mention(*span) for span in gold], "entities": spans}
        return {"test": "invented", "id": f"text-{number}", "windows": 1} | text

    rows = [
        row(0, [(0, 2, "LOC"), (4, 6, "LOC")], [(0, 2, "LOC"), (4, 6, "LOC")]),
        row(1, [(0, 2, "LOC"), (4, 6, "PER")], [(0, 3, "LOC"), (4, 6, "LOC")]),
        row(2, [(0, 2, "ORG")], [(8, 10, "PER")]),
        row(3, [], []),
    ]
    return Run(make_run(task="entities", model="globalpointer", rows=rows))


def test_scores_of_types_are_those_of_their_entities(run):
    found = entities.load_types(run, OPTIONS)
    rows = {row["type"]: row for row in found.rows}
    assert list(rows) == ["all types", "LOC", "ORG", "PER"]  # most gold entities first
    counts = {name: (row["hits"], row["predicted"], row["gold"]) for name, row in rows.items()}
    assert counts == {
        "all types": (2, 5, 5), "LOC": (2, 4, 3), "ORG": (0, 0, 1), "PER": (0, 1, 1),
    }  # fmt: skip
    assert rows["LOC"]["F1"] == pytest.approx(400 / 7)
    assert (rows["LOC"]["precision"], rows["LOC"]["recall"]) == (50, pytest.approx(200 / 3))
    assert (rows["ORG"]["precision"], rows["ORG"]["recall"], rows["ORG"]["F1"]) == (None, 0, 0)
    assert "n = 4 texts" in found.caption


def test_intervals_of_types_are_those_of_the_report(run):
    gold, predicted = (
        [row_spans(row[name]) for row in run.predictions] for name in ("gold", "entities")
    )
    scores = entity_scores(gold, predicted)
    rows = {row["type"]: row for row in entities.load_types(run, OPTIONS).rows}
    one = scores.type_intervals["LOC"]
    assert (rows["LOC"]["low"], rows["LOC"]["high"]) == (one.low, one.high)
    assert one.low < rows["LOC"]["F1"] < one.high
    one = scores.intervals["f1"]
    assert (rows["all types"]["low"], rows["all types"]["high"]) == (one.low, one.high)
    # Resampling says nothing of a type whose F1 is 0.
    assert (rows["PER"]["low"], rows["PER"]["high"]) == (None, None)


def test_types_are_drawn_as_bars_with_marks(run, drawn):
    found = entities.load_types(run, OPTIONS)
    (axes,) = entities.draw_types(**found.values).axes
    # From top to bottom; the first bar is of all types.
    assert drawn.rows(axes) == [
        (pytest.approx(3), pytest.approx(40)), (pytest.approx(2), pytest.approx(400 / 7)),
        (pytest.approx(1), 0), (pytest.approx(0), 0),
    ]  # fmt: skip
    lines = drawn.lines(axes)
    assert_allclose([x for x, _ in lines["precision"]], [40, 50, np.nan, 0])
    assert_allclose([x for x, _ in lines["recall"]], [40, 200 / 3, 0, 0])
    assert [round(y) for _, y in lines["recall"]] == [3, 2, 1, 0]
    assert drawn.ticks(axes.yaxis)[:2] == ["all types (n = 5)", "LOC (n = 3)"]
    ends = drawn.whiskers(axes)[0][:, :, 0].tolist()
    assert [(row["low"], row["high"]) for row in found.rows[:2]] == [
        (pytest.approx(low), pytest.approx(high)) for low, high in ends
    ]


def test_every_entity_has_one_outcome(run):
    rows = {(row["of"], row["type"]): row for row in entities.load_errors(run, OPTIONS).rows}
    told = {
        key: {name: row[name] for name in entities.OUTCOMES if row.get(name)}
        for key, row in rows.items()
    }
    assert told == {
        ("gold", "all types"): {"right": 2, "wrong edge": 1, "wrong type": 1, "missed": 1},
        ("predicted", "all types"): {"right": 2, "wrong edge": 1, "wrong type": 1, "invented": 1},
        ("gold", "LOC"): {"right": 2, "wrong edge": 1},
        ("predicted", "LOC"): {"right": 2, "wrong edge": 1, "wrong type": 1},
        ("gold", "ORG"): {"missed": 1},
        ("predicted", "ORG"): {},
        ("gold", "PER"): {"wrong type": 1},
        ("predicted", "PER"): {"invented": 1},
    }
    assert {key: row["n"] for key, row in rows.items()} == {
        key: sum(counts.values()) for key, counts in told.items()
    }


def test_an_entity_wrong_in_both_is_counted_where_it_is_gold_and_where_it_is_predicted():
    pairs = [(frozenset({(0, 4, "ORG")}), frozenset({(0, 2, "LOC")}))]
    counts = entities.outcome_counts(pairs)
    assert counts["gold", "ORG"] == counts["predicted", "LOC"] == {"wrong type and edge": 1}
    assert not counts["gold", "LOC"]


def test_bars_of_errors_are_stacked_to_the_whole(run, drawn):
    left, right = entities.draw_errors(**entities.load_errors(run, OPTIONS).values).axes
    assert (drawn.title(left), drawn.title(right)) == ("gold entities", "predicted entities")
    assert drawn.ticks(left.yaxis) == ["PER", "ORG", "LOC", "all types"]
    lengths = np.array([[bar.get_width() for bar in bars] for bars in left.containers])
    assert_allclose(lengths.sum(0), 100)
    assert_allclose(lengths[:, 3], [40, 20, 20, 0, 20])  # right, edge, type, both, missed
    starts = np.array([[bar.get_x() for bar in bars] for bars in left.containers])
    assert_allclose(starts[:, 3], [0, 40, 60, 80, 80])
    lengths = np.array([[bar.get_width() for bar in bars] for bars in right.containers])
    assert_allclose(lengths.sum(0), [100, 0, 100, 100])  # no ORG was predicted
    colours = {bars.get_label(): bars[0].get_facecolor() for bars in left.containers}
    assert colours["right"] == right.containers[0][0].get_facecolor()
    assert "missed" in colours and "invented" not in colours


def test_many_types_are_cut_and_said_so(make_run, mention):
    rows = [
        {"test": "t", "id": str(at), "text": "xx", "windows": 1, "entities": []}
        | {"gold": [mention(0, 1, f"type-{kind}") for kind in range(at, 25)]}
        for at in range(25)
    ]
    run = Run(make_run(task="entities", model="globalpointer", rows=rows))
    for load in (entities.load_types, entities.load_errors):
        found = load(run, OPTIONS)
        shown = {row["type"] for row in found.values["rows"]}
        assert len({row["type"] for row in found.rows}) == 26
        assert len(shown) == 21 and "type-24" in shown and "type-4" not in shown
        assert "The 20 types with most gold entities of 25." in found.caption


def test_without_entities_there_is_nothing_to_draw(make_run):
    row = {"test": "t", "id": "0", "text": "x", "windows": 1, "gold": [], "entities": []}
    run = Run(make_run(task="entities", model="globalpointer", rows=[row]))
    for load in (entities.load_types, entities.load_errors):
        with pytest.raises(LeftOut, match="no test text has an entity"):
            load(run, OPTIONS)
