from __future__ import annotations

import json

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data.check import SHOWN, check
from nlpcl.data.pairs import PAIRS


def save(folder, train, test):
    folder.mkdir(parents=True, exist_ok=True)
    for name, pairs in (("15train.txt", train), ("15test.txt", test)):
        content = "".join(f"{a}\t{b}\n" for a, b in pairs)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


TRAIN = [
    ("我门", "我们"),
    ("好", "好"),
    ("我门", "我们"),
    ("长了", "长"),
    ("他门", "他们。"),
    ("坏\ufffd", "坏\ufffd"),
]
TEST = [("他们", "他们"), ("在见面", "再见面")]


def test_counts_of_the_raw_files_and_every_kind_of_problem(tmp_path, unlike_known):
    report = check("sighan15", PAIRS, save(tmp_path, TRAIN, TEST))
    found = report.found
    assert (found["train"], found["train_erroneous"], found["train_wrong_characters"]) == (6, 4, 2)
    assert (found["test"], found["test_erroneous"], found["test_wrong_characters"]) == (2, 1, 1)
    assert {
        kind: [problem.line for problem in found] for kind, found in report.findings.items()
    } == {
        "skipped": [],
        "doubtful but used": [],
        "damaged": [6],
        "unequal length": [4, 5],
        "repeated": [3],
        "overlap": [5],
        "train and dev": [],
    }
    assert found["overlap"] == 1
    assert "15test.txt:1" in report.findings["overlap"][0].what
    assert {"train", "test"} <= set(unlike_known(report))


def test_scripts_are_counted_by_row(tmp_path):
    path = tmp_path / "mine.tsv"
    pairs = [
        "他去公圆\t他去公园",
        "他去公圓\t他去公園",
        "早上好\t早上好",
        "園园\t園园",
        "say 好\tsay 好",
    ]
    path.write_text("\n".join([*pairs, pairs[0] + "里"]) + "\n", encoding="utf-8")
    report = check(str(path), PAIRS)
    expected = {"simplified": 2, "traditional": 1, "either": 1, "mixed": 1}
    assert report.found["scripts"] == expected
    rows = {row[0]: row[1] for row in report.tables()[0].rows}
    assert {f"scripts.{name}": rows[f"scripts.{name}"] for name in expected} == {
        f"scripts.{name}": number for name, number in expected.items()
    }
    path.write_text("ok\tok\n", encoding="utf-8")
    assert "scripts" not in check(str(path), PAIRS).found


def test_dictionary_form_is_json(tmp_path):
    report = check("sighan15", PAIRS, save(tmp_path, TRAIN, TEST)).as_dict()
    assert set(report) == {"found", "expected", "problems"}
    assert json.loads(json.dumps(report))["expected"]["test"] == 1100
    assert set(report["problems"][0]) == {"file", "line", "what"}


def test_tables_put_found_beside_expected(tmp_path):
    report = check("sighan15", PAIRS, save(tmp_path, TRAIN, TEST))
    counts, problems = report.tables()
    verdicts = {row[0]: row[1:] for row in counts.rows}
    assert verdicts["test"] == (2, 1100, "differs")
    assert verdicts["overlap"] == (1, None, "-")
    assert len(problems.rows) == 5
    assert "5 of 5 problems" in problems.title


def test_many_problems_are_capped_with_the_total_said(tmp_path):
    train = [(f"第{n}长了", f"第{n}长") for n in range(40)] + TRAIN
    problems = check("sighan15", PAIRS, save(tmp_path, train, TEST)).tables()[1]
    assert len(problems.rows) == SHOWN
    assert f"{SHOWN} of 45 problems" in problems.title
    assert "42 unequal length" in problems.note
    assert {"damaged", "overlap", "repeated"} <= {row[0] for row in problems.rows}


def test_missing_parts_are_named_in_the_verdict(tmp_path):
    (tmp_path / "15test.txt").write_text("我门\t我们\n", encoding="utf-8")
    report = check("sighan15", PAIRS, tmp_path)
    rows = {row[0]: row[3] for row in report.tables()[0].rows}
    assert rows["train"] == "missing"


def test_any_of_several_expected_counts_is_right(tmp_path, unlike_known):
    (tmp_path / "wang271k_subset.tsv").write_text("我门\t我们\n", encoding="utf-8")
    report = check("wang271k", PAIRS, tmp_path)
    row = next(row for row in report.tables()[0].rows if row[0] == "train")
    assert row[2:] == ("271329 or 10934", "differs")
    assert "train" in unlike_known(report)
    report.found["train"] = 10_934
    assert "train" not in unlike_known(report)


def test_own_file_has_counts_and_problems_but_no_verdict(tmp_path, unlike_known):
    path = tmp_path / "mine.tsv"
    path.write_text("我门\t我们\n我门\t我们\n只有\n", encoding="utf-8")
    report = check(str(path), PAIRS)
    assert report.found["train"] == 2
    assert report.expected == {}
    assert unlike_known(report) == {}
    assert [problem.line for problem in report.problems] == [3, 2]
    with pytest.raises(UserError, match="unknown dataset"):
        check("nothing-of-the-kind", PAIRS)


def test_the_sample_has_no_problem():
    report = check("sample", PAIRS)
    assert report.problems == []
    assert report.found["train"] > 0
