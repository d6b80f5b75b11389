"""The adapter of HSOL, on invented files; counts of the real one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import corpora
from nlpcl.data import loading as data
from nlpcl.data.check import check
from nlpcl.data.labelled_text import LABELLED

ROOT = Path(__file__).parents[3] / "shared" / "data"
HEADER = ",count,hate_speech,offensive_language,neither,class,tweet\n"


def save(folder, rows):
    lines = "".join(f'{n},3,0,0,3,{code},"{text}"\n' for n, (code, text) in enumerate(rows))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "labeled_data.csv").write_text(HEADER + lines, encoding="utf-8")


def test_labels_quoted_line_breaks_and_bad_rows(tmp_path):
    rows = [(0, "kolu &amp; mira"), (1, 'two\nlines ""quoted""'), (2, "plain"), (3, "?"), (2, " ")]
    save(tmp_path / "a" / "hsol", rows)
    splits = corpora.dataset("hsol").load(tmp_path)
    assert [(row["label"], row["text"]) for row in splits.train] == [
        ("hate", "kolu &amp; mira"),
        ("offensive", 'two\nlines "quoted"'),
        ("neither", "plain"),
    ]
    assert [row["line"] for row in splits.train] == [2, 3, 5]
    assert {row["language"] for row in splits.train} == {"en"}
    assert [(problem.line, problem.what) for problem in splits.problems] == [
        (6, "no known label; row skipped"),
        (7, "no text; row skipped"),
    ]


def invented(number):
    sizes = {0: number // 10, 1: number - 4 * (number // 10), 2: 3 * (number // 10)}
    return [(code, f"zum {code} {n}") for code, size in sizes.items() for n in range(size)]


def test_unsplit_and_held_out_by_label(tmp_path):
    rows = invented(200)
    rows += [(code, f"{text}!!") for code, text in rows[::7]]  # the same texts again
    save(tmp_path, rows)
    splits = data.load("hsol", schema=LABELLED, root=tmp_path)
    assert "no official split" in splits.protocol
    assert "stratified by label" in splits.protocol
    test = splits.test["hsol"]
    totals = Counter(("hate", "offensive", "neither")[code] for code, _ in rows)
    for label, total in totals.items():
        assert abs(sum(row["label"] == label for row in test) - total / 10) <= 1.5
        assert abs(sum(row["label"] == label for row in splits.dev) - 0.09 * total) <= 1.5
    sides = [{r["text"].rstrip("!") for r in part} for part in (splits.train, splits.dev, test)]
    assert sides[0].isdisjoint(sides[1] | sides[2])
    assert sides[1].isdisjoint(sides[2])
    assert len(splits.train) + len(splits.dev) + len(test) == len(rows)  # nothing dropped


def test_the_seed_alone_chooses(tmp_path):
    save(tmp_path, invented(100))

    def load(seed):
        return data.load("hsol", schema=LABELLED, root=tmp_path, seed=seed)

    assert load(1).fingerprint() == load(1).fingerprint() != load(2).fingerprint()


def test_all_rows_as_test(tmp_path):
    save(tmp_path, invented(50))
    splits = data.load("hsol", schema=LABELLED, root=tmp_path, as_test=True)
    assert splits.sizes() == {"train": 0, "dev": 0, "test:hsol": 50}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,text\n1,a\n", r"no column 'class' or 'tweet' among 'id', 'text'"),
        (HEADER + '0,3,0,0,3,2,"open\n', "broken CSV from line 2"),
        ("", "the file is empty"),
    ],
)
def test_damaged_copies(tmp_path, content, message):
    (tmp_path / "labeled_data.csv").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        corpora.dataset("hsol").load(tmp_path)


def test_missing_files(tmp_path):
    with pytest.raises(UserError, match=r"no hsol files.*labeled_data\.csv"):
        corpora.dataset("hsol").load(tmp_path)


@pytest.mark.data
@pytest.mark.skipif(not ROOT.is_dir(), reason="the real corpora are not in ../shared/data")
def test_real_counts(unlike_known):
    report = check("hsol", LABELLED, ROOT)
    assert unlike_known(report) == {}
    assert report.found["repeated"] == report.found["skipped"] == 0
