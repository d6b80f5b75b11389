"""The adapter of HatEval, on invented files in the organisers' layouts."""

from __future__ import annotations

from pathlib import Path

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import corpora
from nlpcl.data import loading as data
from nlpcl.data.labelled_text import LABELLED

ROOT = Path(__file__).parents[3] / "shared" / "data"
TABS = "id\ttext\tHS\tTR\tAG\n"
COMMAS = "id,text,HS,TR,AG\n"


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def test_tab_separated_files_with_quotes_as_text(tmp_path):
    folder = tmp_path / "hateval"
    save(
        folder / "train_en.tsv", TABS + '201\t"Quillans, out!\t1\t0\t1\r\n202\tso "nice"\t0\t0\t0\n'
    )
    save(folder / "dev_en.tsv", TABS + '203\tit is "5" o\'clock\t0\t0\t0\n')
    save(folder / "test_en.tsv", "id\ttext\n204\tno labels here\n")
    save(folder / "reference_test_en" / "en.tsv", "204\tlabels here\t1\t1\t0\n\n")
    splits = corpora.dataset("hateval").load(tmp_path)
    assert [(row["id"], row["text"], row["label"]) for row in splits.train] == [
        ("201", '"Quillans, out!', "hateful"),
        ("202", 'so "nice"', "not hateful"),
    ]
    assert splits.dev[0]["text"] == 'it is "5" o\'clock'
    assert [(row["text"], row["line"]) for row in splits.test["hateval"]] == [("labels here", 1)]
    assert splits.problems == []


def test_comma_separated_files(tmp_path):
    for part in ("train", "dev", "test"):
        content = f'\ufeff{COMMAS}1,"a {part}, with ""quotes""",0,0,0\n2,x {part},1,1,0\n'
        save(tmp_path / f"hateval2019_en_{part}.csv", content)
    splits = data.load("hateval", schema=LABELLED, root=tmp_path)
    assert splits.sizes() == {"train": 2, "dev": 2, "test:hateval": 2}
    assert splits.train[0]["text"] == 'a train, with "quotes"'
    assert "the organisers' split" in splits.protocol


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("3,torn,,,", "HS is empty"),
        ("3,0,0", "fewer cells than columns"),
        ("3,torn,0", "fewer cells than columns"),
        ("rest of a tweet,1,0,0,", "its id is no number"),
        ("3,torn, by a comma,1,0,0", "HS is neither 0 nor 1"),
        ("3,torn,1,0,0,more", "more cells than columns"),
        ("3,torn,1,0,2", "AG is neither 0 nor 1"),
    ],
)
def test_damaged_copies_are_refused_with_the_line(tmp_path, row, what):
    good = "1,fine,0,0,0\n" + '2,"two\nlines",1,0,0\n'
    save(tmp_path / "hateval2019_en_train.csv", COMMAS + good + row + "\n")
    with pytest.raises(UserError, match=rf"1 damaged row, first in line 5 \({what}\)"):
        data.load_as_is("hateval", schema=LABELLED, root=tmp_path)


def test_damaged_rows_are_counted(tmp_path):
    content = TABS + "1\tfine\t0\t0\t0\n2\ttorn\t\t\t\n3\ttorn\tyes\t0\t0\n"
    save(tmp_path / "train_en.tsv", content)
    with pytest.raises(UserError, match="2 damaged rows, first in line 3") as caught:
        data.load_as_is("hateval", schema=LABELLED, root=tmp_path)
    assert "train_en.tsv" in str(caught.value)


def test_files_without_texts(tmp_path):
    save(tmp_path / "hateval2019_en_train.csv", "id,HS,TR,AG\n1,0,0,0\n")
    with pytest.raises(UserError, match=r"ids and labels without the texts.*organisers"):
        corpora.dataset("hateval").load(tmp_path)
    save(tmp_path / "texts" / "train_en.tsv", TABS + "1\tgood day\t0\t0\t0\n")
    splits = corpora.dataset("hateval").load(tmp_path)
    assert [row["text"] for row in splits.train] == ["good day"]
    assert splits.notes == ["hateval: no file with texts and labels for dev, test"]


def test_no_files(tmp_path):
    with pytest.raises(UserError, match="no hateval files"):
        corpora.dataset("hateval").load(tmp_path)


@pytest.mark.data
@pytest.mark.skipif(not ROOT.is_dir(), reason="the real corpora are not in ../shared/data")
def test_the_relabelled_copy_has_no_texts():
    with pytest.raises(UserError, match="ids and labels without the texts"):
        corpora.dataset("hateval").load(ROOT)
