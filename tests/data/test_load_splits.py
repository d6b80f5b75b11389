from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlpcl.core.errors import UserError
from nlpcl.data import corpora
from nlpcl.data import loading as data
from nlpcl.data.holdout import hold_out, text_key
from nlpcl.data.manifest import CLIPS
from nlpcl.data.pairs import PAIRS


def save(path, pairs):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{a}\t{b}\n" for a, b in pairs), encoding="utf-8")
    return path


def numbered(count, tag="句"):
    return [(f"我门第{n}{tag}", f"我们第{n}{tag}") for n in range(count)]


def load(source, **options):
    return data.load(str(source), schema=PAIRS, **options)


def sources(rows):
    return [row["source"] for row in rows]


def texts(rows):
    return {text_key(row[field]) for row in rows for field in ("source", "target")}


def test_one_file_is_split_the_same_way_each_time(tmp_path):
    path = save(tmp_path / "mine.tsv", numbered(100))
    splits = load(path)
    assert splits.sizes() == {"train": 81, "dev": 9, "test:mine": 10}
    assert splits.fingerprint() == load(path).fingerprint()
    assert splits.fingerprint() != load(path, seed=1).fingerprint()
    assert "test is 10 % of train held out by target (seed 0)" in splits.protocol
    assert "dev is 10 %" in splits.protocol
    assert set(splits.train[0]) == {"id", "source", "target"}


def test_the_split_does_not_depend_on_the_folder(tmp_path):
    one = save(tmp_path / "a" / "mine.tsv", numbered(50))
    two = save(tmp_path / "b" / "mine.tsv", numbered(50))
    assert load(one).fingerprint() == load(two).fingerprint()


rows_of_groups = st.lists(st.tuples(st.integers(0, 99), st.integers(0, 12)), max_size=60)


@given(rows_of_groups, st.floats(0, 0.9), st.integers(0, 5))
def test_no_target_stands_on_both_sides(numbers, fraction, seed):
    rows = [
        {"id": str(i), "source": f"s{a}", "target": f"t{b}"} for i, (a, b) in enumerate(numbers)
    ]
    kept, held = hold_out(rows, fraction, seed, "dev")
    assert sorted(row["id"] for row in kept + held) == sorted(row["id"] for row in rows)
    assert {row["target"] for row in kept}.isdisjoint(row["target"] for row in held)
    groups = len({row["target"] for row in rows})
    assert bool(held) == (fraction > 0 and groups > 1)
    assert kept or not rows


def test_repeated_targets_and_sources_never_straddle(tmp_path):
    pairs = [pair for pair in numbered(40) for _ in range(3)]
    pairs += [(source, source) for source, _ in numbered(40)]
    splits = load(save(tmp_path / "mine.tsv", pairs), dev_fraction=0.2)
    test = splits.test["mine"]
    assert texts(splits.train).isdisjoint(texts(test))
    assert texts(splits.dev).isdisjoint(texts(test))
    assert texts(splits.train).isdisjoint(texts(splits.dev))
    assert len(splits.train) > 40


def test_a_single_row_is_all_train(tmp_path):
    splits = load(save(tmp_path / "mine.tsv", [("我门", "我们")]))
    assert splits.sizes() == {"train": 1, "dev": 0}


def test_as_test_takes_the_whole_file(tmp_path):
    splits = load(save(tmp_path / "mine.tsv", [*numbered(9), ("长了", "长")]), as_test=True)
    assert splits.sizes() == {"train": 0, "dev": 0, "test:mine": 10}
    assert "1 of 10 test pairs have unequal length" in splits.notes[0]


def test_folder_with_its_own_split(tmp_path):
    save(tmp_path / "set" / "train.tsv", numbered(20))
    save(tmp_path / "set" / "validation.txt", numbered(5, "验"))
    save(tmp_path / "set" / "test.tsv", numbered(7, "测"))
    splits = load(tmp_path / "set")
    assert splits.sizes() == {"train": 20, "dev": 5, "test:set": 7}
    assert "held out" not in splits.protocol


def test_folder_without_dev_holds_it_out_of_train_only(tmp_path):
    save(tmp_path / "set" / "train.tsv", numbered(20))
    save(tmp_path / "set" / "test.tsv", numbered(7, "测"))
    splits = load(tmp_path / "set", dev_fraction=0.25)
    assert splits.sizes() == {"train": 15, "dev": 5, "test:set": 7}
    assert texts(splits.dev).isdisjoint(texts(splits.test["set"]))


def test_folder_with_only_a_test_file(tmp_path):
    save(tmp_path / "set" / "test.tsv", numbered(7))
    assert load(tmp_path / "set").sizes() == {"train": 0, "dev": 0, "test:set": 7}


def test_folder_mistakes(tmp_path):
    with pytest.raises(UserError, match="no train, dev or test file"):
        load(tmp_path)
    save(tmp_path / "dev.tsv", numbered(3))
    save(tmp_path / "valid.tsv", numbered(3))
    with pytest.raises(UserError, match=r"several dev tables: dev\.tsv, valid\.tsv"):
        load(tmp_path)


def test_overlap_with_test_is_dropped_and_counted(tmp_path):
    train = [
        *numbered(20),
        ("测1，我门。", "别的话别的话"),
        ("没有关系没有关系", "测 2 ，我们！"),
        ("ＡＢ", "ＡＣ"),
    ]
    save(tmp_path / "set" / "train.tsv", train)
    save(tmp_path / "set" / "dev.tsv", [("测3", "测4"), ("留下", "留吓")])
    tests = [("测1我门", "测1我们"), ("测2我门", "测2我们"), ("测3", "测5"), ("ab", "ad")]
    save(tmp_path / "set" / "test.tsv", tests)
    splits = load(tmp_path / "set")
    assert splits.sizes() == {"train": 20, "dev": 1, "test:set": 4}
    notes = " ".join(splits.notes)
    assert "set: 3 train rows dropped: their sentences stand in a test set" in notes
    assert "set: 1 dev row dropped: its sentence stands in a test set" in notes
    kept = load(tmp_path / "set", keep_overlap=True)
    assert kept.sizes() == {"train": 23, "dev": 2, "test:set": 4}
    assert "kept" in kept.protocol


def test_rows_of_dev_are_dropped_from_train(tmp_path):
    save(tmp_path / "set" / "train.tsv", numbered(20))
    save(tmp_path / "set" / "dev.tsv", numbered(4))
    save(tmp_path / "set" / "test.tsv", numbered(3, "测"))
    splits = load(tmp_path / "set")
    assert splits.sizes() == {"train": 16, "dev": 4, "test:set": 3}
    assert "4 train rows dropped: their sentences stand in dev" in " ".join(splits.notes)


def test_unequal_pairs_leave_train_and_dev_but_not_test(tmp_path):
    odd = [("太长了", "太长")]
    for part in ("train", "dev", "test"):
        save(
            tmp_path / "set" / f"{part}.tsv",
            numbered(5, part) + [(part + a, part + b) for a, b in odd],
        )
    splits = load(tmp_path / "set")
    assert splits.sizes() == {"train": 5, "dev": 5, "test:set": 6}
    assert [problem.line for problem in splits.problems] == [6, 6]
    assert "8 characters against 7; row skipped" in splits.problems[0].what


def test_several_sets_are_united(tmp_path):
    one = save(tmp_path / "one.tsv", numbered(30, "甲"))
    two = save(tmp_path / "two.tsv", numbered(20, "乙"))
    splits = load(f"{two}, {one}")
    assert splits.name == "two,one"
    assert list(splits.test) == ["two", "one"]
    assert len(splits.train) + len(splits.dev) == 45
    assert "two: " in splits.protocol
    assert "one: " in splits.protocol


def test_a_training_row_in_the_test_set_of_another_corpus_is_dropped(tmp_path):
    save(tmp_path / "a" / "train.tsv", numbered(10))
    save(tmp_path / "a" / "dev.tsv", numbered(2, "验"))
    save(tmp_path / "b" / "test.tsv", numbered(4))
    save(tmp_path / "a" / "test.tsv", numbered(1, "测"))
    assert len(load(f"{tmp_path / 'a'},{tmp_path / 'b'}").train) == 6


def test_test_sets_of_the_same_name_are_both_kept(tmp_path):
    one, two = (save(tmp_path / f / "x.tsv", numbered(20, f)) for f in "ab")
    assert list(load(f"{one},{two}").test) == ["x", "x-2"]


def test_named_dataset_with_root_and_environment(tmp_path, monkeypatch):
    save(tmp_path / "15train.txt", numbered(20))
    save(tmp_path / "15test.txt", numbered(5, "测"))
    by_root = load("sighan15", root=tmp_path)
    assert by_root.sizes() == {"train": 18, "dev": 2, "test:sighan15": 5}
    monkeypatch.setenv("NLPCL_DATA", str(tmp_path))
    assert load("sighan15").fingerprint() == by_root.fingerprint()
    monkeypatch.delenv("NLPCL_DATA")
    with pytest.raises(UserError, match="NLPCL_DATA"):
        load("sighan15")


def test_mistakes_in_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"unknown dataset 'sigan15'. Did you mean 'sighan15'"):
        load("sigan15")
    with pytest.raises(UserError, match="unknown dataset 'x'"):
        corpora.dataset("x")
    with pytest.raises(UserError, match="no such file"):
        load("folder/no.tsv")
    with pytest.raises(UserError, match="empty or repeated"):
        load("sample,,sighan15")
    with pytest.raises(UserError, match="empty or repeated"):
        load("sample,sample")
    with pytest.raises(UserError, match="a dataset for correction, not for emotion"):
        data.load("sighan15", schema=CLIPS)
    with pytest.raises(UserError, match="unknown dataset"):
        load("x" * 5000)
    with pytest.raises(UserError, match="dev fraction of 1"):
        load("sample", dev_fraction=1)


def test_columns_reach_the_reader(tmp_path):
    path = save(tmp_path / "a.tsv", [("旧", "新"), *numbered(10)])
    splits = load(path, columns={"source": "新", "target": "旧"})
    assert all("我们" in source for source in sources(splits.train))


class Table(list):
    column_names = ("src", "tgt")


def fake_datasets(monkeypatch, loaded):
    def load_dataset(name, *, trust_remote_code):
        assert trust_remote_code is False
        if isinstance(loaded, Exception):
            raise loaded
        return loaded

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    monkeypatch.setattr("nlpcl.core.hub.is_reachable", lambda: True)


def test_hub_dataset(monkeypatch):
    def table(tag):
        return Table({"src": a, "tgt": b} for a, b in numbered(5, tag))

    broken = Table([*table("训"), {"src": None, "tgt": "x"}])
    fake_datasets(monkeypatch, {"train": broken, "validation": table("验"), "test": table("测")})
    splits = load("hf:someone/pairs")
    assert splits.sizes() == {"train": 5, "dev": 5, "test:pairs": 5}
    assert [(p.file, p.line) for p in splits.problems] == [("hf:someone/pairs/train", 6)]


def test_hub_dataset_that_cannot_be_had(monkeypatch):
    fake_datasets(monkeypatch, ConnectionError("no network\nsecond line"))
    with pytest.raises(UserError, match=r"hf:a/b: cannot be loaded \(no network\)\. Check") as e:
        load("hf:a/b")
    assert "second line" not in str(e.value)
    fake_datasets(monkeypatch, {"other": Table()})
    with pytest.raises(UserError, match="no train, dev or test split"):
        load("hf:a/b")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match="pip install datasets"):
        load("hf:a/b")


def test_text_key_keeps_letters_han_and_digits():
    assert text_key("Ａ b，我_们！１") == "ab我们1"
    assert text_key("……") != text_key("！！")


def test_the_package_stays_light():
    import subprocess

    code = (
        "import sys, nlpcl.data.loading as d; d.names(); import nlpcl.data.check; "
        "heavy = 'torch', 'numpy', 'pandas', 'datasets', 'transformers'; "
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
