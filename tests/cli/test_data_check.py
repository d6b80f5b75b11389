"""``nlpcl data check`` of a file of entities."""

from __future__ import annotations

import json


def test_ends_of_spans_are_read_as_told(tmp_path, run_main):
    rows = [
        {"text": "张三来了", "entities": [[0, 1, "PER"]]},
        {"text": "张来了", "entities": [[0, 0, "PER"]]},
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    check = ("data", "check", str(path), "--task", "entities", "--format", "json")
    (problem,) = json.loads(run_main(*check).out)["problems"]
    assert (problem["line"], problem["file"]) == (2, str(path))
    assert problem["what"].endswith("(are ends inclusive? --inclusive-ends)")
    told = json.loads(run_main(*check, "--inclusive-ends").out)
    assert (told["problems"], told["found"]["train_types"]) == ([], {"PER": 2})


def test_a_file_of_another_task_is_told_how_it_was_read(tmp_path, run_main):
    path = tmp_path / "mine.txt"
    path.write_text("张三来了\n", encoding="utf-8")
    line = run_main("data", "check", str(path)).error_line
    assert line.endswith("It was read for the task correction; --task names another.")
    assert "was read" not in run_main("data", "check", "nowhere.tsv").error_line
    columns = tmp_path / "mine.conll"
    columns.write_text("张 B-PER\n三 I-PER\n来 O\n\n", encoding="utf-8")
    assert "as a file for entities" in run_main("data", "check", str(columns)).err
    assert run_main("data", "check", str(columns), "--task", "entities").err == ""
