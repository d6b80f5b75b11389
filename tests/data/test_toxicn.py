"""The adapter of ToxiCN, on invented files in its two layouts."""

from __future__ import annotations

import json

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import corpora
from nlpcl.data import loading as data
from nlpcl.data.labelled_text import LABELLED

HEADER = "platform,topic,content,toxic,toxic_type,expression,target\n"
ROWS = (
    'zhihu,region,云雾族人滚开,1,2,1,"[0, 1, 0, 1, 0, 0]"\n'
    'zhihu,region,你真烦,1,1,0,"[0, 0, 0, 0, 0, 1]"\n'
    'tieba,race,今天天气好,0,0,0,"[0, 0, 0, 0, 0, 1]"\n'
)


def test_one_table_is_unsplit(tmp_path):
    path = tmp_path / "x" / "ToxiCN_1.0.csv"
    path.parent.mkdir()
    path.write_text(HEADER + ROWS, encoding="utf-8")
    splits, is_unsplit = data.load_as_is("toxicn", schema=LABELLED, root=tmp_path)
    assert is_unsplit
    assert [(row["label"], row["targets"]) for row in splits.train] == [
        ("hate", ["region", "racism"]),
        ("offensive", []),
        ("non-toxic", []),
    ]
    assert splits.train[0]["language"] == "zh"


def test_contradictions_and_bad_rows(tmp_path):
    bad = "tieba,race,又一条,0,2,0,broken\ntieba,race,,1,1,0,\ntieba,race,未知,1,9,0,\n"
    (tmp_path / "ToxiCN_1.0.csv").write_text(HEADER + ROWS + bad, encoding="utf-8")
    splits = corpora.dataset("toxicn").load(tmp_path)
    assert len(splits.train) == 4
    assert splits.train[3]["targets"] == []
    assert [problem.line for problem in splits.problems] == [5, 6, 7]
    assert "toxic is 0 but toxic_type 2" in splits.problems[0].what


def test_its_authors_split(tmp_path):
    folder = tmp_path / "ToxiCN" / "data"
    folder.mkdir(parents=True)
    items = [
        {"content": "霜羽族人很好", "toxic": 0, "toxic_type": 0, "target": [0, 0, 0, 0, 0, 1]},
        {"content": "霜羽族人走开", "toxic": 1, "toxic_type": 2, "target": [0, 0, 0, 1, 0, 0]},
        {"content": None, "toxic": 1, "toxic_type": 2},
    ]
    (folder / "train.json").write_text(json.dumps(items), encoding="utf-8")
    (folder / "test.json").write_text(json.dumps(items[1:2]), encoding="utf-8")
    splits, is_unsplit = data.load_as_is("toxicn", schema=LABELLED, root=tmp_path)
    assert not is_unsplit
    assert splits.sizes() == {"train": 2, "dev": 0, "test:toxicn": 1}
    assert splits.test["toxicn"][0]["targets"] == ["racism"]
    assert [row["id"] for row in splits.train] == ["train.json:1", "train.json:2"]
    assert len(splits.problems) == 1


@pytest.mark.parametrize("content", ["{", '{"a": 1}', "[1]"])
def test_broken_split(tmp_path, content):
    folder = tmp_path / "toxicn"
    folder.mkdir()
    for name in ("train.json", "test.json"):
        (folder / name).write_text(content)
    with pytest.raises(UserError, match=r"test\.json"):
        corpora.dataset("toxicn").load(tmp_path)


def test_no_files(tmp_path):
    with pytest.raises(UserError, match="no toxicn files"):
        corpora.dataset("toxicn").load(tmp_path)
