"""What is no classification, and classes under other names."""

from __future__ import annotations

import json

import pytest

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Problem, Splits
from nlpcl.data import loading
from nlpcl.data.check import check
from nlpcl.data.classes import as_flag, check_classes, class_key, label_map, rename
from nlpcl.data.inventory import inventory
from nlpcl.data.labelled_text import LABELLED


def rows(*labels):
    return [{"id": f"a:{at}", "text": f"text {at}", "label": one} for at, one in enumerate(labels)]


REFUSED = {
    "several": (["a|b", "a", "b"], "several classes in one row, such as 'a|b', in 1 row"),
    "several by a mark": (["a;b", "a", "b"], "several classes"),
    "scores": (["0.13", "0.57", "0"], "scores, not classes"),
    "scores and none": (["0.13", "0.57", "nan"], "scores, not classes"),
    "many": ([f"user {at}" for at in range(51)], "51 classes in 51 rows"),
    "missing": (["a", "NaN", "b", "NaN"], r"2 rows of the class 'NaN'.*first: a:1.*NaN="),
    "null": (["a", "null"], "1 row of the class 'null'"),
    "case": (["hate", "HATE", "hate", "x"], r"'HATE' \(1 rows\), 'hate' \(2 rows\).*HATE=hate"),
    "blanks": (["not offensive", "notoffensive"], "case, blanks or type"),
    "width": (["ａｂ", "ab"], "case, blanks or type"),
    "invisible": (["ab", "a\u200bb"], "case, blanks or type"),
    "type": (["1", "true", "1.0", "0"], "'1' .*'1.0' .*'true'"),
    "false": (["0", "false"], "case, blanks or type"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_classification_is_refused(kind):
    labels, words = REFUSED[kind]
    with pytest.raises(UserError, match=words) as caught:
        check_classes(rows(*labels), "--data x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "labels",
    [
        ["hate", "not hate"],
        ["0", "1", "2"],
        ["0.0", "1.0"],
        ["none", "offensive/abusive", "a, b and c"],
        [f"class {at}" for at in range(50)],
        ["中性", "仇恨"],
    ],
)
def test_classes_pass(labels):
    check_classes(rows(*labels), "--data x")


def test_the_remedy_mends_it_and_is_left_out_where_there_is_no_flag():
    given = rows("hate", "HATE", "hate")
    with pytest.raises(UserError) as caught:
        check_classes(given, "x")
    flag = str(caught.value).split('--map-labels "')[1].split('"')[0]
    splits = rename(Splits("x", train=given), label_map(flag))
    check_classes(splits.train, "x")
    with pytest.raises(UserError) as caught:
        check_classes(given, "x", can_map=False)
    assert "--map-labels" not in str(caught.value)


def test_a_mapping_is_read_and_written():
    wanted = {"non-toxic": "not offensive", "hate": "offensive", "nan": ""}
    assert label_map("non-toxic=not offensive, hate = offensive,nan=") == wanted
    assert label_map("") == {}
    strange = {"a,b": "c", "d=e": ""}
    assert label_map(json.dumps(strange)) == strange
    for mapping in (wanted, strange):
        assert label_map(as_flag(mapping).split(" ", 1)[1].strip("\"'")) == mapping


@pytest.mark.parametrize("text", ["hate", "=x", "a=b=c", "a=b,a=c", "{", '{"a": 1}', "a=b,,c=d"])
def test_a_mapping_that_cannot_be_read(text):
    with pytest.raises(UserError, match="--map-labels"):
        label_map(text)


def test_rows_are_renamed_dropped_and_counted():
    splits = Splits("x", train=rows("a", "b"), test={"x": rows("a", "b", "b", "c")}, protocol="own")
    rename(splits, {"a": "b", "b": "", "absent": "z"})
    assert [row["label"] for row in splits.train] == ["b"]
    assert [row["label"] for row in splits.test["x"]] == ["b", "c"]
    assert splits.renamed == {"a": 2, "b": 3}
    assert splits.protocol == "own, 2 of 4 rows LEFT OUT: 'b'"
    assert splits.notes == ["x: 'a' as 'b' (2 rows), 'b' dropped (3 rows)"]


def test_numbers_are_told_by_their_value():
    assert class_key("1") == class_key("1.0") == class_key("True") == class_key("１")
    assert class_key("10") != class_key("1")


def test_the_inventory_names_classes_and_what_was_not_read():
    splits = Splits("x", train=rows("hate", "none", "none"), notes=["x: a note"])
    splits.problems += [Problem("a.csv", 3, "empty label; row skipped")] * 2
    splits.problems.append(Problem("a.csv", 9, "control character, kept", is_used=True))
    title, *lines = inventory(splits)
    assert title == "2 classes in 3 training rows:"
    assert lines[0].split() == ["none", "2", "66.7", "%", "text", "1"]
    assert lines[1].split() == ["hate", "1", "33.3", "%", "text", "0"]
    assert lines[2:] == [
        "2 rows skipped: empty label (2; first a.csv:3)",
        "1 row doubtful but used: control character, kept (1; first a.csv:9)",
        "x: a note",
    ]
    long = [{"text": "很长\n" * 60, "label": "a" * 70}, {"path": "/x/y.wav", "label": "b"}]
    from rich.cells import cell_len

    found = inventory(Splits("x", train=long))
    assert all(cell_len(line) <= 80 and "\n" not in line for line in found)
    assert found[2].endswith("y.wav")


def test_data_check_lists_rows_of_doubtful_classes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"t{n},hate\nu{n},x\n" for n in range(5)) + "v,HATE\n")
    report = check(str(path), LABELLED)
    (problem,) = report.findings["doubtful class"]
    assert problem.line == 12
    assert "'HATE'" in problem.what


def load(path, **options):
    return loading.load(str(path), LABELLED, dev_fraction=0.2, **options)


def test_names_are_mapped_before_splits_are_compared(tmp_path):
    for part, label in (("train", "hate"), ("test", "HATE")):
        lines = [f"{part} {n},{label if n % 2 else 'none'}" for n in range(10)]
        (tmp_path / f"{part}.csv").write_text("text,label\n" + "\n".join(lines) + "\n")
    with pytest.raises(UserError, match="labels of test that train does not have: 'HATE'"):
        load(tmp_path)
    splits = load(tmp_path, options={"map_labels": {"HATE": "hate"}})
    assert {row["label"] for row in splits.test[tmp_path.name]} == {"hate", "none"}
    assert splits.renamed == {"HATE": 5}
