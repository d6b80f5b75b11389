"""The adapter of HateXplain, on invented files in both layouts; counts of the real one."""

from __future__ import annotations

import csv
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlpcl.core.errors import UserError
from nlpcl.data import corpora
from nlpcl.data import loading as data
from nlpcl.data.check import check
from nlpcl.data.hatexplain import agreed_targets, majority_label, rationale_spans
from nlpcl.data.labelled_text import LABELLED

ROOT = Path(__file__).parents[3] / "shared" / "data"
COLUMNS = ["post_id", "label", "text", "text_source", "annotator_labels", "targets", "rationales"]


def save_table(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def save_tables(folder, test):
    for part in ("train", "val"):
        save_table(
            folder / f"{part}.csv", [[f"{part}1", "normal", f"a {part} post", "x", "", "", ""]]
        )
    save_table(folder / "test.csv", test)


MARKED = [
    "t1",
    "hatespeech",
    "zorblaxians are vermin , go home",
    "x",
    "[0, 0, 2]",
    '[["Zor", "Other"], ["Zor", "Zor"], ["None"]]',
    "[[1, 0, 1, 0, 0, 0], [1, 0, 1, 0, 1, 1], [0, 0, 0, 0, 1, 1]]",
]


def test_table_with_targets_and_rationale(tmp_path):
    save_tables(tmp_path / "hatexplain", [MARKED])
    splits = data.load("hatexplain", schema=LABELLED, root=tmp_path)
    row = splits.test["hatexplain"][0]
    assert (row["id"], row["label"], row["targets"]) == ("t1", "hatespeech", ["Zor"])
    marked = [row["text"][start:end] for start, end in row["rationale"]]
    assert marked == ["zorblaxians", "vermin", "go home"]
    assert "targets" not in splits.train[0]
    assert any("train has no targets and no rationales" in note for note in splits.notes)


def test_undecided_contradictory_and_broken_rows(tmp_path):
    undecided = ["t2", "normal", "b c", "x", "[0, 1, 2]", "", ""]
    contradicted = ["t3", "normal", "d e", "x", "[2, 2, 1]", "{", "[[1]]"]
    unknown = ["t4", "funny", "f g", "x", "", "", ""]
    empty = ["t5", "normal", " ", "x", "", "", ""]
    save_tables(tmp_path, [undecided, contradicted, unknown, empty, MARKED])
    splits = corpora.dataset("hatexplain").load(tmp_path)
    rows = {row["id"]: row for row in splits.test["hatexplain"]}
    assert set(rows) == {"t1", "t3"}
    assert rows["t3"]["label"] == "offensive"
    assert "rationale" not in rows["t3"]
    said = " | ".join(problem.what for problem in splits.problems)
    for part in (
        "1 undecided posts left out",
        "its annotators say offensive",
        "broken targets",
        "a rationale of 1 marks for 2 tokens",
        "no known label",
        "no text",
    ):
        assert part in said


def test_posts_outside_the_official_split_are_noted(tmp_path):
    save_tables(tmp_path, [MARKED])
    divisions = {"train": ["train1"], "val": [], "test": ["t1"]}
    (tmp_path / "post_id_divisions.json").write_text(json.dumps(divisions), encoding="utf-8")
    notes = corpora.dataset("hatexplain").load(tmp_path).notes
    assert "hatexplain: 1 val posts are not in val of post_id_divisions.json" in notes


def annotator(label, *targets):
    return {"label": label, "annotator_id": 1, "target": list(targets)}


def test_the_authors_own_files(tmp_path):
    tokens = ["quillans", "are", "fine"]
    calm = [annotator("normal", "None")] * 3
    posts = {
        "p1": {"annotators": calm, "rationales": [], "post_tokens": tokens},
        "p2": {
            "annotators": [annotator("offensive", "Qui"), annotator("offensive", "Qui"), calm[0]],
            "rationales": [[1, 1, 0], [0, 1, 1]],
            "post_tokens": ["quillans", "go", "away"],
        },
        "p3": {
            "annotators": [annotator("normal"), annotator("offensive"), annotator("hatespeech")],
            "rationales": [],
            "post_tokens": ["undecided"],
        },
        "p4": {"annotators": calm, "rationales": [], "post_tokens": ["outside"]},
        "p5": {"annotators": 7},
        "p6": {"annotators": calm, "rationales": [], "post_tokens": ["validation"]},
    }
    (tmp_path / "Data").mkdir()
    (tmp_path / "Data" / "dataset.json").write_text(json.dumps(posts), encoding="utf-8")
    divisions = {"train": ["p1"], "val": ["p6"], "test": ["p2"]}
    (tmp_path / "Data" / "post_id_divisions.json").write_text(json.dumps(divisions))
    splits = corpora.dataset("hatexplain").load(tmp_path)
    assert [row["id"] for row in splits.train] == ["p1"]
    assert (splits.train[0]["text"], splits.train[0]["targets"]) == ("quillans are fine", [])
    (row,) = splits.test["hatexplain"]
    assert (row["label"], row["targets"], row["rationale"]) == ("offensive", ["Qui"], [[9, 11]])
    assert "hatexplain: 1 posts on which no two agree left out" in splits.notes
    assert "hatexplain: 1 posts that are in no split left out" in splits.notes
    assert [problem.what for problem in splits.problems] == [
        "post 5 has no post_tokens or annotators; skipped"
    ]


@pytest.mark.parametrize("content", ["[1]", "{", '{"train": []}'])
def test_broken_division_file(tmp_path, content):
    (tmp_path / "dataset.json").write_text("{}")
    (tmp_path / "post_id_divisions.json").write_text(content)
    with pytest.raises(UserError, match="post_id_divisions"):
        corpora.dataset("hatexplain").load(tmp_path)


def test_votes_and_targets():
    assert majority_label(["normal", "offensive", "normal"]) == "normal"
    assert majority_label(["normal", "offensive", "hatespeech"]) is None
    assert majority_label([]) is None
    assert agreed_targets([["B", "A"], ["A", "B"], ["None"]]) == ["A", "B"]
    assert agreed_targets([["None"], ["None"], ["A"]]) == []


token = st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=4)


@given(st.data())
def test_spans_cut_out_exactly_the_marked_tokens(drawn):
    tokens = drawn.draw(st.lists(token, max_size=8))
    mask = st.lists(st.integers(0, 1), min_size=len(tokens), max_size=len(tokens))
    masks = drawn.draw(st.lists(mask, max_size=3))
    text = " ".join(tokens)
    spans = rationale_spans(tokens, masks)
    found = [part for start, end in spans for part in text[start:end].split(" ")]
    votes = [sum(mask[at] for mask in masks) for at in range(len(tokens))]
    assert found == [one for one, count in zip(tokens, votes, strict=True) if count >= 2]
    assert all(a[1] + 1 < b[0] for a, b in pairwise(spans))


@pytest.mark.data
@pytest.mark.skipif(not ROOT.is_dir(), reason="the real corpora are not in ../shared/data")
def test_real_counts_and_spans(unlike_known):
    report = check("hatexplain", LABELLED, ROOT)
    assert unlike_known(report) == {}
    splits = data.load("hatexplain", schema=LABELLED, root=ROOT)
    rows = splits.test["hatexplain"]
    assert all("rationale" in row and "targets" in row for row in [*rows, *splits.dev])
    assert not any(row["rationale"] for row in rows if row["label"] == "normal")
    for row in rows:
        for start, end in row["rationale"]:
            assert row["text"][start:end].strip() == row["text"][start:end]
            assert row["text"][end : end + 1] in ("", " ")
