"""Rows with entities: folders, counts, what a check finds, types under other names."""

from __future__ import annotations

import json

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data.check import check
from nlpcl.data.html_entities import decode
from nlpcl.data.loading import load, load_as_is
from nlpcl.data.spans import SPANS, count_spans, overlapping, spans_of


def row(text, *spans, **more):
    return {"text": text, "entities": [list(span) for span in spans], **more}


def save(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in rows]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def tokens(path, *cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{cell}\n" for cell in cells), encoding="utf-8")
    return path


def test_a_folder_of_different_formats(tmp_path):
    folder = tmp_path / "mine"
    save(folder / "train.jsonl", row("北京很大", (0, 2, "LOC")), row("好"))
    tokens(folder / "my-dev.iob2", "Ann B-PER", "left O")
    (folder / "test").mkdir()
    (folder / "test" / "d1.txt").write_text("in Rome", encoding="utf-8")
    (folder / "test" / "d1.ann").write_text("T1\tLOC 3 7\tRome\n", encoding="utf-8")
    (folder / "README.md").write_text("train, dev and test")
    splits = load(str(folder), SPANS)
    assert splits.sizes() == {"train": 2, "dev": 1, "test:mine": 1}
    assert splits.protocol.startswith("mine: its own train, dev, test")
    assert [spans_of(one) for one in splits.test["mine"]] == [[(3, 7, "LOC")]]
    assert [note.split(": ")[1] for note in splits.notes] == [
        "spaCy offsets",
        "CoNLL columns, tags BIO (IOB2)",
        "brat standoff, 1 document",
    ]
    save(folder / "train.json", row("x"))
    with pytest.raises(UserError, match=r"several files for train: train\.json, train\.jsonl"):
        load(str(folder), SPANS)


def test_parts_by_their_endings_and_a_damaged_train_beside_a_sound_test(tmp_path):
    for part in ("train", "dev", "test"):
        tokens(tmp_path / f"weiboNER_2nd_conll.{part}", f"{part} B-X")
    assert load(str(tmp_path), SPANS).train[0]["text"] == "train"
    tokens(tmp_path / "weiboNER_2nd_conll.train", "no tags")
    with pytest.raises(UserError, match="no column of tags"):
        load(str(tmp_path), SPANS)
    splits = load(str(tmp_path), SPANS, for_test=True)
    assert splits.sizes() == {"train": 0, "dev": 1, f"test:{tmp_path.name}": 1}
    assert any("train not read" in note for note in splits.notes)


def test_a_folder_without_any_part_is_refused(tmp_path):
    with pytest.raises(UserError, match="no train, dev or test file"):
        load(str(tmp_path), SPANS)
    with pytest.raises(UserError, match=r"unknown dataset 'nothing'.*a file of entities"):
        load("nothing", SPANS)
    with pytest.raises(UserError, match="no such file"):
        load(str(tmp_path / "a.jsonl"), SPANS)
    with pytest.raises(UserError, match=r"unknown field 'txt'.*entities, tag, text, token"):
        load(str(save(tmp_path / "a.jsonl", row("a"))), SPANS, columns={"txt": "a"})


def test_a_single_file_gives_dev_and_test_without_equal_texts_on_two_sides(tmp_path):
    rows = [
        row(
            f"第{n % 30}句在北京",
            (-2 + len(f"第{n % 30}句在北京"), len(f"第{n % 30}句在北京"), "LOC"),
        )
        for n in range(60)
    ]
    splits = load(str(save(tmp_path / "a.jsonl", *rows)), SPANS)
    sides = [{one["text"] for one in part} for part in (splits.train, splits.dev, splits.test["a"])]
    assert sum(map(len, sides)) == 30
    assert "10 % of train held out with equal texts on one side" in splits.protocol
    assert set(splits.train[0]) == {"id", "text", "entities"}


def test_names_of_keys_and_columns(tmp_path):
    path = save(tmp_path / "a.jsonl", {"body": "in Rome", "marks": [[3, 7, "LOC"]], "text": "no"})
    splits, _ = load_as_is(str(path), SPANS, columns={"text": "body", "entities": "marks"})
    assert [(one["text"], spans_of(one)) for one in splits.train] == [("in Rome", [(3, 7, "LOC")])]
    path = tokens(tmp_path / "a.txt", "1 B-X Ann B-PER", "2 O left O", "3 O I-5 O")
    splits, _ = load_as_is(str(path), SPANS, columns={"token": "3", "tag": "2"})
    assert [(one["text"], spans_of(one)) for one in splits.train] == [
        ("Ann left I-5", [(0, 3, "X")])
    ]
    for wrong in ("0", "x", "-1", "9" * 5000):
        with pytest.raises(UserError, match="no number of a column"):
            load_as_is(str(path), SPANS, columns={"tag": wrong})
    with pytest.raises(UserError, match="no tag in column 9"):
        load_as_is(str(path), SPANS, columns={"tag": "9"})


def test_pairs_that_share_characters():
    spans = [(0, 4, "A"), (0, 4, "B"), (0, 6, "C"), (2, 3, "A"), (5, 8, "A"), (8, 9, "A")]
    found = {(one, other): nested for one, other, nested in overlapping(spans)}
    assert found == {
        ((0, 4, "A"), (0, 4, "B")): True,
        ((0, 4, "A"), (0, 6, "C")): True,
        ((0, 4, "A"), (2, 3, "A")): True,
        ((0, 4, "B"), (0, 6, "C")): True,
        ((0, 4, "B"), (2, 3, "A")): True,
        ((0, 6, "C"), (2, 3, "A")): True,
        ((0, 6, "C"), (5, 8, "A")): False,
    }


def test_counts(tmp_path):
    save(
        tmp_path / "train.jsonl",
        row("北京大学在北京", (0, 4, "ORG"), (0, 2, "LOC"), (5, 7, "LOC")),
        row("上海滩头", (0, 3, "LOC"), (2, 4, "LOC")),
        row("好"),
    )
    save(tmp_path / "test.jsonl", row("张三", (0, 2, "PER")))
    splits, _ = load_as_is(str(tmp_path), SPANS)
    assert count_spans(splits) == {
        "train": 3,
        "train_entities": 5,
        "train_types": {"LOC": 4, "ORG": 1},
        "train_without_entities": 1,
        "train_nested_pairs": 1,
        "train_overlapping_pairs": 1,
        "test": 1,
        "test_entities": 1,
        "test_types": {"PER": 1},
        "test_without_entities": 0,
    }


def test_a_check_finds_every_kind_by_file_and_line(tmp_path):
    save(
        tmp_path / "train.jsonl",
        row("北京大学在北京", (0, 4, "ORG"), (0, 2, "LOC"), (5, 7, "LOC")),
        row("上海滩头", (0, 3, "LOC"), (2, 4, "LOC")),
        row("in Rome ", (3, 8, "LOC"), (0, 0, "X")),
        row("北京说", (0, 2, "ORG")),
        row("北京说了"),
        row("北京说!"),
        row("in Oslo", (2, 7, "LOC")),
        row("in Bonn\u200b", (3, 8, "LOC")),
        row("华为来", (0, 2, "ORG")),
        row("华为去", (0, 2, "ORG")),
        row("华为走", (0, 2, "COM")),
        row("小米来", (0, 2, "ORG")),
        row("小米去", (0, 2, "COM")),
    )
    tokens(tmp_path / "test.conll", "a O", "b I-X", "", "in O", "Rome B-LOC", "B-Y")
    report = check(str(tmp_path), SPANS)
    found = {
        kind: [(problem.file.rsplit("/", 1)[-1], problem.line) for problem in problems]
        for kind, problems in report.findings.items()
        if problems
    }
    train, test = "train.jsonl", "test.conll"
    assert found == {
        "doubtful but used": [(test, 6), (train, 3)],
        "overlap": [(train, 3)],
        "overlapping spans": [(train, 2)],
        "nested spans": [(train, 1)],
        "blanks at edges": [(train, 3), (train, 7), (train, 8)],
        "illegal tags": [(test, 2)],
        "several types": [(train, 4), (train, 11), (train, 12)],
    }
    several = [problem.what for problem in report.findings["several types"]]
    assert several[0] == "'北京' is ORG (1), more often LOC (2)"
    assert several[2] == "'小米' is ORG (1), as often COM (1)"
    words = "LOC '上海滩' (0-3) and LOC '滩头' (2-4)"
    assert report.findings["overlapping spans"][0].what == words
    assert report.found["illegal_tags"] == 1
    assert "problems" in [table.name for table in report.tables()]


def test_a_check_reads_inclusive_ends_if_told(tmp_path):
    path = save(tmp_path / "a.jsonl", row("北京", (0, 1, "LOC")), row("京", (0, 0, "LOC")))
    assert check(str(path), SPANS).found["doubtful_but_used"] == 1
    report = check(str(path), SPANS, options={"inclusive_ends": True})
    assert (report.found["doubtful_but_used"], report.found["train_entities"]) == (0, 2)


def test_types_under_other_names(tmp_path):
    path = save(
        tmp_path / "a.jsonl",
        row("张三在北京", (0, 2, "person"), (0, 2, "PER"), (3, 5, "city"), (0, 1, "junk")),
    )
    mapping = {"person": "PER", "city": "LOC", "junk": "", "other": "X"}
    splits, _ = load_as_is(str(path), SPANS, options={"map_types": mapping})
    assert spans_of(splits.train[0]) == [(0, 2, "PER"), (3, 5, "LOC")]
    assert splits.renamed == {"person": 1, "city": 1, "junk": 1}
    assert splits.notes[-1] == (
        "a: entities of 'city' as 'LOC' (1), 'junk' left out (1), 'person' as 'PER' (1)"
    )


def test_html_entities_are_decoded_with_their_spans(tmp_path):
    text = "R&amp;D of AT&amp;T &#128512; in Rome"
    spans = [(0, 7, "X"), (11, 19, "ORG"), (14, 17, "PART"), (33, 37, "LOC")]
    path = save(tmp_path / "a.jsonl", row(text, *spans))
    splits, _ = load_as_is(str(path), SPANS, unescape_html=True)
    (one,) = splits.train
    assert one["text"] == "R&D of AT&T 😀 in Rome"
    assert [one["text"][a:b] for a, b, _ in spans_of(one)] == ["R&D", "AT&T", "Rome"]
    assert [p.what for p in splits.problems] == ["1 spans within an HTML entity; left out"]
    assert decode({"text": "a", "entities": []}) == {"text": "a", "entities": []}


def test_ids_are_kept_and_made_unique(tmp_path):
    rows = [row("a", id=7), row("b", id="7", language="en"), row("c", group="g"), row("d", id=[1])]
    splits, _ = load_as_is(str(save(tmp_path / "a.jsonl", *rows)), SPANS)
    assert [one["id"] for one in splits.train] == ["7", "7#2", "a.jsonl:3", "a.jsonl:4"]
    assert (splits.train[1]["language"], splits.train[2]["group"]) == ("en", "g")
