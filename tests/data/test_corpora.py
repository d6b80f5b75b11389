"""The adapters of the other spelling corpora, on invented files."""

from __future__ import annotations

import json
import lzma

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import corpora
from nlpcl.data.lemon import joined
from nlpcl.data.locate import DEPTH
from nlpcl.data.typos import DEV_REPOSITORIES


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


def save_items(path, pairs):
    save(path, json.dumps([{"original_text": a, "correct_text": b} for a, b in pairs]))


def test_every_dataset_is_complete():
    tasks = ("correction", "emotion", "classification", "masked_lm", "entities")
    assert sorted(name for task in tasks for name in corpora.names(task)) == corpora.names()
    for name in corpora.names():
        entry = corpora.dataset(name)
        assert entry.title
        assert entry.licence
        assert entry.source
        if not name.startswith("sample"):
            with pytest.raises(UserError, match="--data-root"):
                entry.load(None)


def test_corpora_are_found_three_folders_down_and_no_further(tmp_path):
    deep = tmp_path.joinpath(*"abc")
    assert len(deep.relative_to(tmp_path).parts) == DEPTH
    save(deep / "rw_test.tsv", "我门\t我们\n")
    save(deep / "findoc_test.v2.tsv", "他门\t他们\t多余\n好\t好\n".replace("\t多余", ""))
    splits = corpora.dataset("cdconfusor").load(tmp_path)
    assert {name: len(rows) for name, rows in splits.test.items()} == {
        "cdconfusor-rw": 1,
        "cdconfusor-findoc": 2,
    }
    (first,), (second, _) = splits.test["cdconfusor-rw"], splits.test["cdconfusor-findoc"]
    assert (first["source"], first["target"]) == ("我门", "我们")
    assert (second["source"], second["target"]) == ("他门", "他们")
    with pytest.raises(UserError, match="no cdconfusor files"):
        corpora.dataset("cdconfusor").load(_moved(tmp_path))


def test_a_second_copy_is_told_of(tmp_path):
    for place in ("a", "b"):
        save(tmp_path / place / "rw_test.tsv", "我门\t我们\n")
        save(tmp_path / place / "findoc_test.v2.tsv", "他门\t他们\n")
    (note,) = corpora.dataset("cdconfusor").load(tmp_path).notes
    assert f"read from {tmp_path / 'a'}; further copies not read: {tmp_path / 'b'}" in note
    assert corpora.dataset("cdconfusor").load(tmp_path / "b").notes == []


def _moved(folder):
    target = folder / "x"
    target.mkdir()
    (folder / "a").rename(target / "a")
    return folder


def test_ecspell_domains_and_their_union(tmp_path):
    for domain in ("law", "med", "odw"):
        save(tmp_path / f"{domain}.train", f"0\t{domain}好\t{domain}好\n2\t我门\t我们\n")
        save(tmp_path / f"{domain}.test", "1\t他门\t他们\n")
    one, three = (corpora.dataset(n).load(tmp_path) for n in ("ecspell-law", "ecspell"))
    assert (len(one.train), list(one.test)) == (2, ["ecspell-law"])
    assert (len(three.train), list(three.test)) == (
        6,
        ["ecspell-law", "ecspell-med", "ecspell-odw"],
    )


def test_cscd_upstream_layout_and_test_only_copy(tmp_path):
    save_items(tmp_path / "lomo_tet.json", [("我门", "我们"), ("好", "好")])
    splits = corpora.dataset("cscd").load(tmp_path)
    assert (len(splits.train), len(splits.test["cscd"])) == (0, 2)
    for part in ("train", "dev", "test"):
        save(tmp_path / "cscd-ns" / f"{part}.tsv", f"1\t{part}门\t{part}们\n")
    splits = corpora.dataset("cscd").load(tmp_path)
    assert (splits.train[0]["target"], splits.dev[0]["target"]) == ("train们", "dev们")
    assert splits.test["cscd"][0]["target"] == "test们"


def test_cscd_leaves_other_corpora_with_common_file_names_alone(tmp_path):
    for part in ("train", "dev", "test"):
        save(tmp_path / "corpora" / "other" / f"{part}.tsv", "1\t我门\t我们\n")
    with pytest.raises(UserError, match="no cscd files"):
        corpora.dataset("cscd").load(tmp_path / "corpora")


def test_lemon_joins_characters(tmp_path):
    save(tmp_path / "lemon" / "car.txt", "旧 门\t旧 们\n")
    save(tmp_path / "lemon_v2" / "car.txt", "L E D 倍\tL E D 被\n我   门\t我   们\n")
    splits = corpora.dataset("lemon").load(tmp_path)
    rows = splits.test["lemon-car"]
    assert [(row["source"], row["target"]) for row in rows] == [
        ("LED倍", "LED被"),
        ("我 门", "我 们"),
    ]
    assert "no file for cot" in " ".join(splits.notes)


def test_lemon_copies_that_are_joined_already_stay_as_they_are(tmp_path):
    save(tmp_path / "lemon" / "gam.tsv", "我门 go 了\t我们 go 了\n他门来\t他们来\n")
    row = corpora.dataset("lemon").load(tmp_path).test["lemon-gam"][0]
    assert row["source"] == "我门 go 了"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("好", "好"), ("你 好", "你好"), ("你 好 ", "你好"), ("a   b", "a b"), ("20 寸 好", "20寸好")],
)
def test_joined(text, expected):
    assert joined(text) == expected


SENTENCES = "<SENTENCE><TEXT>我门</TEXT><MISTAKE><LOCATION>2</LOCATION><WRONG>门</WRONG>\
<CORRECTION>们</CORRECTION></MISTAKE></SENTENCE>"


def test_wang271k_takes_the_full_corpus_before_the_subset(tmp_path):
    save(tmp_path / "wang271k_subset.tsv", "他门\t他们\n")
    subset = corpora.dataset("wang271k").load(tmp_path)
    assert subset.name == "wang271k-subset"
    assert "do not call" in subset.notes[0]
    save(tmp_path / "corpus" / "train.sgml", SENTENCES)
    full = corpora.dataset("wang271k").load(tmp_path)
    assert (full.name, full.train[0]["target"], full.notes) == ("wang271k", "我们", [])
    assert corpora.dataset("wang271k-subset").load(tmp_path).train[0]["target"] == "他们"


def test_macro_correct_sets(tmp_path):
    save_items(tmp_path / "gen_passage.tet.json", [("我门", "我们")])
    save_items(tmp_path / "gen_xxqg.tet.json", [("他门", "他们")])
    save_items(tmp_path / "acc_rmrb.tet.json", [("好", "好"), ("很好", "很好"), ("好", "好")])
    save_items(tmp_path / "acc_xxqg.tet.json", [("很好", "很好"), ("真好", "真好")])
    generated = corpora.dataset("macro-gen").load(tmp_path)
    clean = corpora.dataset("macro-clean").load(tmp_path)
    assert [row["target"] for row in generated.train] == ["我们", "他们"]
    assert [row["source"] for row in clean.test["macro-clean"]] == ["好", "很好", "真好"]
    assert "2 of 5 rows repeat" in clean.notes[0]


def test_typos_are_split_by_repository(tmp_path):
    header = "source\ttarget\trepository\tcommit\tlicence\n"
    mine, held = '我"门\t我"们\ta/b\tc\tMIT\n', f"他门\t他们\t{DEV_REPOSITORIES[0]}\tc\tMIT\n"
    save(tmp_path / "typos" / "train.tsv", header + mine + held)
    save(tmp_path / "typos" / "train_lowconf.tsv", header + mine.replace("我", "你") + held)
    save(tmp_path / "typos" / "test.tsv", header + "好\t好\tx/y\tc\tMIT\n")
    splits = corpora.dataset("typos").load(tmp_path)
    assert [row["source"] for row in splits.train] == ['我"门', '你"门']
    assert [row["source"] for row in splits.dev] == ["他门"]  # no doubtful rows
    assert len(splits.test["typos"]) == 1


def test_packed_text_is_read_line_by_line_and_damage_is_named(tmp_path):
    folder = tmp_path / "zh_text"
    folder.mkdir()
    for name, text in (("kdconv", "你好。\n\n 我们走吧。\n"), ("laws", "第一条\n")):
        with lzma.open(folder / f"{name}.txt.xz", "wt", encoding="utf-8") as file:
            file.write(text)
    whole, everyday = (corpora.dataset(n).load(tmp_path) for n in ("zh-text", "zh-text-everyday"))
    assert [row["text"] for row in whole.train] == ["你好。", "我们走吧。", "第一条"]
    assert [row["text"] for row in everyday.train] == ["你好。", "我们走吧。"]
    packed = (folder / "laws.txt.xz").read_bytes()
    (folder / "laws.txt.xz").write_bytes(packed[:-8])
    with pytest.raises(UserError, match=r"laws\.txt\.xz.*damaged"):
        corpora.dataset("zh-text").load(tmp_path)
