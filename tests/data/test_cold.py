"""The adapter of COLD, on invented files; counts of the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import corpora
from nlpcl.data import loading as data
from nlpcl.data.check import check
from nlpcl.data.labelled_text import LABELLED

ROOT = Path(__file__).parents[3] / "shared" / "data"
LEARNT = ",split,topic,label,TEXT\n"
TESTED = ",split,topic,label,fine-grained-label,TEXT\n"


def save(folder):
    folder.mkdir(parents=True)
    contents = {
        "train": LEARNT
        + "0,train,race,1,云雾族人都不好\n1,train,region,0,”山谷“很美\n2,train,gender,2,好\n",
        "dev": LEARNT + '0,train,gender,0,"今天, 晴"\n',
        "test": TESTED
        + "0,test,race,1,2,石灯人走开\n1,test,race,0,3,石灯人也是人\n2,test,region,0,0,😀\n",
    }
    for name, content in contents.items():
        (folder / f"{name}.csv").write_text("\ufeff" + content, encoding="utf-8")


def test_labels_topics_and_fine_labels(tmp_path):
    save(tmp_path / "COLDataset")
    splits = corpora.dataset("cold").load(tmp_path)
    assert [(row["label"], row["targets"]) for row in splits.train] == [
        ("offensive", ["race"]),
        ("not offensive", ["region"]),
    ]
    assert splits.dev[0]["text"] == "今天, 晴"
    test = splits.test["cold"]
    assert [row["fine_label"] for row in test] == [
        "attack on a group",
        "against prejudice",
        "other not offensive",
    ]
    assert test[2]["text"] == "😀"  # a text without letters is a text
    assert {row["language"] for row in [*splits.train, *test]} == {"zh"}
    assert [problem.line for problem in splits.problems] == [4]


def test_its_own_split_is_kept(tmp_path):
    save(tmp_path / "cold")
    splits = data.load("cold", schema=LABELLED, root=tmp_path)
    assert splits.sizes() == {"train": 2, "dev": 1, "test:cold": 3}
    assert "its authors' split" in splits.protocol


def test_common_file_names_need_a_folder_of_that_name(tmp_path):
    save(tmp_path / "other")
    with pytest.raises(UserError, match="no cold files"):
        corpora.dataset("cold").load(tmp_path)
    assert len(corpora.dataset("cold").load(tmp_path / "other").train) == 2


@pytest.mark.data
@pytest.mark.skipif(not ROOT.is_dir(), reason="the real corpora are not in ../shared/data")
def test_real_counts(unlike_known):
    report = check("cold", LABELLED, ROOT)
    assert unlike_known(report) == {}
    splits = corpora.dataset("cold").load(ROOT)
    fine = [row["fine_label"] for row in splits.test["cold"]]
    assert (fine.count("against prejudice"), fine.count("attack on a group")) == (668, 1819)
    train = {row["text"] for row in splits.train}
    assert len({row["text"] for row in splits.test["cold"]} & train) == 39
