"""Which task a file is for."""

from __future__ import annotations

import json

import pytest

from nlpcl.data.guess import task_of


@pytest.mark.parametrize(
    ("name", "header", "columns", "wanted"),
    [
        ("a.csv", "path,label,speaker", {}, "emotion"),
        ("a.csv", "File,Emotion", {}, "emotion"),
        ("a.csv", "text,label", {}, "classification"),
        ("a.csv", "tweet;class", {}, "classification"),
        ("a.csv", "sentence,label", {}, "classification"),
        ("a.tsv", "source\ttarget", {}, "correction"),
        ("a.csv", "wrong,right", {"source": "wrong", "target": "right"}, "correction"),
        ("a.csv", "wav,mood,who", {"label": "mood"}, "emotion"),
        ("a.csv", "words,kind", {"text": "words", "label": "kind"}, "classification"),
        ("a.csv", "anything,mood", {"path": "anything"}, "emotion"),
        ("a.csv", "a,b", {"speaker": "b"}, "emotion"),
        ("a.conll", "EU B-ORG", {}, "entities"),
        ("a.txt", "1 2", {"token": "1", "tag": "2"}, "entities"),
        ("a.csv", "a,b", {}, None),
        ("a.csv", "a,b", {"path": "a", "source": "b"}, None),
    ],
)
def test_by_columns_and_ending(tmp_path, name, header, columns, wanted):
    (tmp_path / name).write_text(f"{header}\nx,y\n", encoding="utf-8")
    assert task_of(tmp_path / name, columns) == wanted


def test_json_and_folders(tmp_path):
    row = json.dumps({"text": "x", "entities": []})
    (tmp_path / "train.jsonl").write_text(row + "\n", encoding="utf-8")
    assert task_of(tmp_path / "train.jsonl", {}) == "entities"
    assert task_of(tmp_path, {}) == "entities"
    (tmp_path / "metadata.csv").write_text("path,label\n", encoding="utf-8")
    assert task_of(tmp_path, {}) == "emotion"
    assert task_of(tmp_path / "train.jsonl", {"source": "text"}) == "correction"


def test_check_takes_columns_and_says_the_task(tmp_path, run_main):
    table = tmp_path / "mine.csv"
    table.write_text("comment_body,kind\ngood day,nice\nbad day,bad\n", encoding="utf-8")
    columns = ["--text-column", "comment_body", "--label-column", "kind"]
    result = run_main("data", "check", table, *columns, "--format", "json")
    assert "checked as a file for classification" in result.err
    assert json.loads(result.out)["found"]["train_labels"] == {"bad": 1, "nice": 1}
    line = run_main("data", "check", "sample", *columns).error_line
    assert "--text-column" in line
    assert "whose columns are known" in line
