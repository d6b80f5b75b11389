"""The adapters of corpora of entities: miniatures of their files, and the real ones if present."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import corpora, loading
from nlpcl.data.check import check
from nlpcl.data.holdout import text_key
from nlpcl.data.spans import SPANS, spans_of

ROOT = Path(__file__).parents[3] / "shared" / "data"
NAMES = [name for name in corpora.names("entities") if not name.startswith("sample")]
real = [
    pytest.mark.data,
    pytest.mark.skipif(not ROOT.is_dir(), reason="the real corpora are not in ../shared/data"),
]


def save(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def found(rows):
    return [[row["text"][start:end] for start, end, _ in spans_of(row)] for row in rows]


def test_cluener(tmp_path):
    record = {
        "text": "张三去台湾",
        "label": {"name": {"张三": [[0, 1]]}, "address": {"台湾": [[3, 4]]}},
    }
    for n in range(12):
        text = {"text": record["text"] + "第" + "一二三四五六七八九十百千"[n] + "次"}
        with (tmp_path / "train.json").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record | text, ensure_ascii=False) + "\n")
    save(tmp_path / "dev.json", json.dumps(record))
    save(tmp_path / "test.json", '{"id": 0, "text": "没有标签"}')
    splits = loading.load("cluener", SPANS, root=tmp_path)
    assert splits.sizes() == {"train": 11, "dev": 1, "test:cluener": 1}
    assert found(splits.test["cluener"]) == [["张三", "台湾"]]
    assert "test is its authors' dev: their test has no labels, dev is 10 % of" in splits.protocol
    assert splits.problems == []
    assert {row["language"] for row in splits.train} == {"zh"}
    # Files of these names in a folder of another corpus are not taken.
    other = tmp_path / "a" / "other"
    other.mkdir(parents=True)
    for name in ("train.json", "dev.json"):
        (tmp_path / name).rename(other / name)
    with pytest.raises(UserError, match="no cluener files"):
        loading.load("cluener", SPANS, root=tmp_path / "a")


def test_weibo(tmp_path):
    for part, letter in (("train", "a"), ("dev", "b"), ("test", "c")):
        lines = ["找0\tO", f"{letter}0\tO", "妈0\tB-PER.NOM", "妈1\tI-PER.NOM", "10\tO", ""]
        save(tmp_path / f"weiboNER_2nd_conll.{part}", *lines)
    splits = loading.load("weibo", SPANS, root=tmp_path)
    assert splits.sizes() == {"train": 1, "dev": 1, "test:weibo": 1}
    assert splits.test["weibo"][0]["text"] == "找c妈妈1"
    assert spans_of(splits.train[0]) == [(2, 4, "PER.NOM")]
    assert splits.protocol.startswith("weibo: its authors' split")


def test_wnut17(tmp_path):
    lines = ["Empire\tB-location", "State\tI-location", "!\tO", "\t", "so\tO", ""]
    save(tmp_path / "wnut17train.conll", *lines)
    save(tmp_path / "emerging.dev.conll", "Gardena\tB-location")
    save(tmp_path / "emerging.test.annotated", "Gurez\tB-location")
    save(tmp_path / "emerging.test.conll", "Gurez\tB-corporation,B-person")
    splits = loading.load("wnut17", SPANS, root=tmp_path)
    assert splits.sizes() == {"train": 2, "dev": 1, "test:wnut17": 1}
    assert found(splits.train) == [["Empire State"], []]
    assert "emerging.test.annotated" in splits.protocol


def sentence(name, token):
    return [
        f"# sent_id = {name}",
        f"# text = In {token}.",
        "1\tIn\tO\t-\t-",
        f"2\t{token}\tB-LOC\t-\ta",
        "3\t.\tO\t-\t-",
        "",
    ]


def test_uner(tmp_path):
    for bank in ("zh_gsd", "zh_gsdsimp", "en_ewt"):
        for part, place in (("train", "Rome"), ("dev", "Bonn"), ("test", "Oslo")):
            save(tmp_path / f"{bank}-ud-{part}.iob2", *sentence(f"{bank}-{part}", place))
    for name, bank in (
        ("uner-zh", "zh_gsd"),
        ("uner-zh-simplified", "zh_gsdsimp"),
        ("uner-en", "en_ewt"),
    ):
        splits = loading.load(name, SPANS, root=tmp_path)
        assert splits.sizes() == {"train": 1, "dev": 1, f"test:{name}": 1}
        assert splits.train[0]["id"] == f"{bank}-train"
        assert (splits.train[0]["text"], found(splits.train)) == ("In Rome.", [["Rome"]])
        assert splits.train[0]["language"] == name.split("-")[1]
    lines = [line for n in range(20) for line in sentence(f"s{n}", "P" + "abcdefghijklmnopqrst"[n])]
    save(tmp_path / "en_ewt-ud-dev.iob2", *lines)
    (tmp_path / "en_ewt-ud-train.iob2").unlink()
    splits = loading.load("uner-en", SPANS, root=tmp_path)
    assert splits.sizes() == {"train": 18, "dev": 2, "test:uner-en": 1}
    assert "trained on its authors' dev, tested on their test, dev is 10 %" in splits.protocol
    save(tmp_path / "zh_gsd-ud-dev.iob2", "no tags")
    with pytest.raises(UserError, match="no column of tags"):
        loading.load("uner-zh", SPANS, root=tmp_path)
    assert loading.load("uner-zh", SPANS, root=tmp_path, for_test=True).sizes()["dev"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_corpus_that_is_not_there_is_told_of(tmp_path, name):
    with pytest.raises(UserError, match=f"no {name} files"):
        loading.load(name, SPANS, root=tmp_path)


class TestRealFiles:
    """Counts of the real corpora; nothing of them is in the repository."""

    pytestmark = real

    @pytest.mark.parametrize("name", NAMES)
    def test_counts_are_the_known_ones(self, name, unlike_known):
        report = check(name, SPANS, ROOT)
        assert corpora.dataset(name).expected
        assert unlike_known(report) == {}
        assert report.found["doubtful_but_used"] == report.found["skipped"] == 0

    @pytest.mark.parametrize("name", ["weibo", "uner-en"])
    def test_loaded_splits_share_no_sentence(self, name):
        splits = loading.load(name, SPANS, root=ROOT)
        sides = [splits.train, splits.dev, [row for rows in splits.test.values() for row in rows]]
        keys = [{text_key(row["text"]) for row in rows} for rows in sides]
        assert all(keys)
        assert sum(map(len, keys)) == len(set().union(*keys))

    def test_the_test_file_of_wnut17_with_several_annotators_is_refused(self):
        (path,) = ROOT.rglob("emerging.test.conll")
        with pytest.raises(UserError, match=r"several annotators at line 212 \(B-corporation,B-"):
            loading.load(str(path), SPANS)
