"""The user's own labelled texts: columns, checks across splits, and what corpora share."""

from __future__ import annotations

import csv
import io
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Splits
from nlpcl.data import loading as data
from nlpcl.data.check import check
from nlpcl.data.holdout import hold_out, text_key
from nlpcl.data.labelled_text import LABELLED, count_labels, csv_records, finished, labelled


def load(path, **options):
    return data.load(str(path), schema=LABELLED, **options)


def save(path, rows, header=("text", "label")):
    lines = ["\t".join(map(str, row)) for row in ([header, *rows] if header else rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def numbered(number, tag="row"):
    return [(f"{tag} {n}", "yes" if n % 4 == 0 else "no") for n in range(number)]


def test_one_file_is_held_out_by_label(tmp_path):
    splits = load(save(tmp_path / "mine.tsv", numbered(100)))
    assert splits.sizes() == {"train": 81, "dev": 9, "test:mine": 10}
    assert Counter(row["label"] for row in splits.test["mine"]) == {"yes": 2, "no": 8}
    assert "stratified by label, equal texts on one side (seed 0)" in splits.protocol


def test_columns_by_known_names_and_by_the_users(tmp_path):
    path = save(
        tmp_path / "a.tsv", [("good day", 1, "x"), ("bad", 0, "y")], ("Tweet", "CLASS", "b")
    )
    rows = load(path, dev_fraction=0).train
    assert [(row["text"], row["label"]) for row in rows] == [("good day", "1"), ("bad", "0")]
    columns = {"text": "b", "label": "CLASS"}
    assert load(path, dev_fraction=0, columns=columns).train[0]["text"] == "x"
    with pytest.raises(UserError, match=r"unknown column 'c'.*'?b'?"):
        load(path, columns={"text": "c"})
    with pytest.raises(UserError, match="no column for the label among 'text', 'mark'"):
        load(save(tmp_path / "b.tsv", [("a", "b")], ("text", "mark")))
    with pytest.raises(UserError, match="unknown field 'source'"):
        load(path, columns={"source": "b"})


def test_optional_columns_of_a_table(tmp_path):
    header = ("id", "text", "label", "language", "targets", "group", "rationale")
    rows = [
        (7, "Tindrels go home", "x ", "en", "Tindrels| Quillans |Tindrels", "s1", "[[9, 16]]"),
        (8, "你好", "y", "zh", "", "", ""),
        (9, "hello", "y", "en", "[1]", "", "[[0, 9]]"),
    ]
    splits, _ = data.load_as_is(str(save(tmp_path / "a.tsv", rows, header)), schema=LABELLED)
    first, second, third = splits.train
    assert first["id"] == "7"
    assert first["label"] == "x"
    assert first["targets"] == ["Tindrels", "Quillans"]
    assert (first["group"], first["rationale"]) == ("s1", [[9, 16]])
    assert set(second) == {"id", "text", "label", "language", "file", "line"}
    assert set(third) == set(second)
    assert [(p.line, p.what) for p in splits.problems] == [
        (4, "targets are not a list of names; left out"),
        (4, "rationale is not a list of [start, end] inside the text; left out"),
    ]
    assert all(problem.is_used for problem in splits.problems), "their rows are not skipped"


def test_optional_fields_of_json(tmp_path):
    items = [
        {"text": "one two", "label": 3, "targets": ["A"], "rationale": [[4, 7], [0, 3]], "id": 1},
        {"text": "three", "label": True, "targets": [], "group": 5},
        {"text": "four", "label": "a", "id": [1], "rationale": [[0, True]]},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps(item) for item in items), encoding="utf-8")
    splits, _ = data.load_as_is(str(path), schema=LABELLED)
    one, two, three = splits.train
    assert (one["label"], one["id"], one["rationale"]) == ("3", "1", [[0, 3], [4, 7]])
    assert (two["label"], two["group"], two["targets"]) == ("true", "5", [])
    assert three["id"] == "a.jsonl:3"
    assert "rationale" not in three
    assert len(splits.problems) == 2


def test_bad_rows_are_counted_and_strange_ones_kept(tmp_path):
    long = "长" * 100_000
    rows = [("", "a"), (" ", "a"), ("x", ""), ("😀😀", "a"), (long, "b"), ("fine", "b")]
    splits, _ = data.load_as_is(str(save(tmp_path / "a.tsv", rows)), schema=LABELLED)
    assert [row["text"] for row in splits.train] == ["😀😀", long, "fine"]
    assert [problem.line for problem in splits.problems] == [2, 3, 4]


def test_not_utf8_names_the_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\ngood,a\n" + "坏,b\n".encode("gb18030"))
    with pytest.raises(UserError, match=r"a\.csv: not UTF-8 at line 3"):
        load(path)


def test_labels_that_differ_between_splits(tmp_path):
    save(tmp_path / "train.tsv", numbered(20))
    save(tmp_path / "test.tsv", [("one", "Yes"), ("two", "no")])
    with pytest.raises(
        UserError, match=r"labels of test .*not have: 'Yes'\. Train has 'no', 'yes'"
    ):
        load(tmp_path)
    save(tmp_path / "test.tsv", [("two", "no")])
    splits = load(tmp_path)
    assert any(note.endswith("no test row has the label 'yes'") for note in splits.notes)
    save(tmp_path / "dev.tsv", [(f"three {n}", f"label {n}") for n in range(9)])
    with pytest.raises(UserError, match=r"labels of dev.*'label 4' and 4 more"):
        load(tmp_path)


def test_a_split_without_labels(tmp_path):
    save(tmp_path / "train.tsv", numbered(20))
    save(tmp_path / "test.tsv", [("one",), ("two",)], ("text",))
    with pytest.raises(UserError, match=r"no column for the label among 'text'"):
        load(tmp_path)


def test_repeated_ids_and_conflicting_texts_are_noted(tmp_path):
    rows = [
        ("1", "Same text!", "a"),
        ("1", "same  text", "b"),
        ("1", "other", "b"),
        ("1#2", "x", "a"),
    ]
    path = save(tmp_path / "a.tsv", rows, ("id", "text", "label"))
    splits, _ = data.load_as_is(str(path), schema=LABELLED)
    assert [row["id"] for row in splits.train] == ["1", "1#3", "1#4", "1#2"]
    assert splits.notes == [
        "a: 2 train rows repeat an id; #2, #3, ... was added to it",
        "a: 1 text stands with several labels",
    ]


def test_check_of_an_own_file(tmp_path):
    path = save(tmp_path / "a.tsv", [*numbered(8), ("row 1", "no"), ("", "no")])
    report = check(str(path), schema=LABELLED)
    assert report.found["train_labels"] == {"no": 7, "yes": 2}
    assert (report.found["repeated"], report.found["skipped"]) == (1, 1)


class Table(list):
    column_names = ("sentence", "label", "lang")
    features = {"label": SimpleNamespace(names=["neg", "pos"])}  # noqa: RUF012


def test_classes_of_the_hub_have_their_names(monkeypatch):
    rows = [{"sentence": f"s {n}", "label": n % 2, "lang": "en"} for n in range(10)]
    table = Table([*rows, {"sentence": "unlabelled", "label": -1, "lang": "en"}])
    loaded = {"train": table, "test": Table(rows[:2])}
    fake = SimpleNamespace(load_dataset=lambda name, **_: loaded)
    monkeypatch.setitem(sys.modules, "datasets", fake)
    monkeypatch.setattr("nlpcl.core.hub.is_reachable", lambda: True)
    splits, is_unsplit = data.load_as_is("hf:a/b", schema=LABELLED)
    assert not is_unsplit
    assert Counter(row["label"] for row in splits.train) == {"neg": 5, "pos": 5}
    assert splits.train[0]["language"] == "en"
    assert [problem.line for problem in splits.problems] == [11]


cell = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(str.strip)


@given(st.lists(st.tuples(cell, cell, st.sampled_from(["", "A", "A|B"])), min_size=1, max_size=6))
def test_csv_gives_back_what_was_written(rows):
    stream = io.StringIO()
    csv.writer(stream).writerows([("text", "label", "targets"), *rows])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        path.write_bytes(stream.getvalue().encode())
        splits, _ = data.load_as_is(str(path), schema=LABELLED)
        records = list(csv_records(path, ["text", "label"]))
    found = [(r["text"], r["label"], "|".join(r.get("targets", []))) for r in splits.train]
    assert found == [(text, label.strip(), targets) for text, label, targets in rows]
    assert [(r["text"], r["label"], r["targets"]) for _, r in records] == rows


labelled_rows = st.lists(
    st.builds(
        lambda n, text, label, group: {"id": str(n), "text": text, "label": label, "group": group},
        st.integers(),
        st.text("ab c!", min_size=1, max_size=4),
        st.sampled_from("xyz"),
        st.sampled_from(["", "", "g1", "g2"]),
    ),
    max_size=40,
)


@given(labelled_rows, st.floats(0.05, 0.5), st.integers(0, 3))
def test_holding_out_keeps_groups_together_and_every_label(rows, fraction, seed):
    kept, held = hold_out(rows, fraction, seed, "test")
    assert sorted(map(id, kept + held)) == sorted(map(id, rows))
    assert (kept, held) == hold_out(rows, fraction, seed, "test")

    def keys(part):
        return {row["group"] or text_key(row["text"]) for row in part}

    assert keys(kept).isdisjoint(keys(held))
    if len(keys(rows)) > 1:
        assert kept
        assert held
    first = {}
    for row in rows:
        first.setdefault(row["group"] or text_key(row["text"]), row["label"])
    for label, number in Counter(first.values()).items():
        groups = {key for key, own in first.items() if own == label}
        if number > 1:
            assert groups & keys(kept)
            assert groups & keys(held)


@given(st.lists(st.sampled_from(["1", "1#2", "1#3", "2"]), max_size=12))
def test_ids_become_unique(identifiers):
    rows = [
        {"id": identifier, "text": str(n), "label": "a"} for n, identifier in enumerate(identifiers)
    ]
    finished(Splits("x", train=rows))
    found = [row["id"] for row in rows]
    assert len(set(found)) == len(found)
    assert set(identifiers) <= set(found)


def test_counts():
    row = {"id": "1", "text": "a", "label": "x", "targets": ["A"], "rationale": []}
    splits = Splits("s", train=[row, {**row, "label": "y"}], test={"t": [row], "u": [row]})
    assert count_labels(splits) == {
        "train": 2,
        "train_labels": {"x": 1, "y": 1},
        "train_with_targets": 2,
        "test:t": 1,
        "test:t_labels": {"x": 1},
        "test:t_with_targets": 1,
        "test:u": 1,
        "test:u_labels": {"x": 1},
        "test:u_with_targets": 1,
    }


def test_a_row_of_a_corpus_is_skipped_or_used_though_it_is_doubtful():
    problems = []
    file = Path("corpus.csv")
    assert labelled(file, 2, " ", "a", problems) == []
    assert labelled(file, 3, "text", None, problems) == []
    (row,) = labelled(file, 4, "te\x07xt", "a", problems)
    assert row["text"] == "te\x07xt"
    assert [(p.line, p.what, p.is_used) for p in problems] == [
        (2, "no text; row skipped", False),
        (3, "no known label; row skipped", False),
        (4, "control character U+0007, kept", True),
    ]
