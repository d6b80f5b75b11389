"""The user's own table of clips: what is read, what is skipped by line, what is refused."""

import json
import os

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import loading as data
from nlpcl.data.manifest import CLIPS, load_folder, load_manifest

HEADER = ["path", "label", "speaker", "session", "gender", "text", "start", "end"]
ROWS = [
    ["wav/a.wav", "Happy", "anna", "one", "f", "Good, morning", "", ""],
    ["wav/b.wav", "sad", "ben", "one", "Male", "No", "0.0", "0.1"],
    ["wav/b.wav", "angry", "ben", "two", "m", "Go", "0.1", "0.2"],
]


@pytest.fixture(autouse=True)
def sounds(tmp_path, write_sound):
    for name in "abc":
        write_sound(tmp_path / "lists" / "wav" / f"{name}.wav")
    return tmp_path / "lists"


def write(folder, suffix, rows, header=HEADER):
    path = folder / f"clips{suffix}"
    if suffix in (".jsonl", ".json"):
        objects = [dict(zip(header, row, strict=False)) for row in rows]
        lines = "\n".join(json.dumps(value) for value in objects)
        path.write_text(json.dumps(objects) if suffix == ".json" else lines, encoding="utf-8")
        return path
    mark = "," if suffix == ".csv" else "\t"
    quoted = [[f'"{cell}"' if mark in cell else cell for cell in row] for row in [header, *rows]]
    path.write_text("".join(f"{mark.join(row)}\n" for row in quoted), encoding="utf-8")
    return path


def csv(folder, *lines):
    path = folder / "clips.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def problems(splits):
    return [(problem.line, problem.what) for problem in splits.problems]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt", ".jsonl", ".json"])
def test_every_format_gives_the_same_rows(sounds, suffix):
    splits = load_manifest(write(sounds, suffix, ROWS))
    assert not splits.problems
    assert not splits.notes
    found = [{key: row[key] for key in (*HEADER[1:], "path")} for row in splits.train]
    values = [
        ("happy", "anna", "one", "female", "Good, morning", None, None, "a"),
        ("sad", "ben", "one", "male", "No", 0.0, 0.1, "b"),
        ("angry", "ben", "two", "male", "Go", 0.1, 0.2, "b"),
    ]
    for row, (*fields, name) in zip(found, values, strict=True):
        expected = dict(zip(HEADER[1:], fields, strict=True))
        assert row == expected | {"path": str(sounds / "wav" / f"{name}.wav")}
    assert len({row["id"] for row in splits.train}) == 3


def test_paths_go_from_the_table_not_from_the_working_folder(sounds, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    csv(sounds, "path,label,speaker", "wav/a.wav,sad,anna", f"{sounds}/wav/b.wav,sad,ben")
    splits, is_unsplit = data.load_as_is("../lists/clips.csv", schema=CLIPS)
    assert [row["speaker"] for row in splits.train] == ["anna", "ben"]
    # So that a run can be gone on with from another folder.
    assert all(os.path.isabs(row["path"]) for row in splits.train)
    assert is_unsplit


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        ("wav/none.wav,sad,anna,,", "no such file as 'wav/none.wav'"),
        (",sad,anna,,", "no path"),
        ("wav/c.wav,,anna,,", "no label"),
        ("wav/c.wav, ,anna,,", "no label"),
        ("wav/c.wav,sad,anna,0.2,0.1", "ends at 0.1 s, not after its start"),
        ("wav/c.wav,sad,anna,0.1,0.1", "ends at 0.1 s, not after its start"),
        ("wav/c.wav,sad,anna,,0", "ends at 0 s, not after its start"),
        ("wav/c.wav,sad,anna,-1,0.1", "start '-1' is no number of seconds"),
        ("wav/c.wav,sad,anna,0:01,2", "start '0:01' is no number of seconds"),
        ("wav/c.wav,sad,anna,0,nan", "end 'nan' is no number of seconds"),
        ("wav/a.wav,sad,anna,,", "the same clip as line 2"),
        ("wav/c.wav,sad,anna,,,extra", "6 cells for 5 columns"),
    ],
)
def test_a_bad_row_is_skipped_and_named_by_its_line(sounds, bad, what):
    path = csv(
        sounds, "path,label,speaker,start,end", "wav/a.wav,sad,anna,,", bad, "", "wav/b.wav,sad"
    )
    splits = load_manifest(path)
    assert [row["path"].rpartition("/")[2] for row in splits.train] == ["a.wav", "b.wav"]
    assert problems(splits) == [(3, f"{what}; row skipped")]
    assert splits.problems[0].file == str(path)


def test_bad_lines_of_jsonl(sounds):
    path = sounds / "clips.jsonl"
    good = {"path": "wav/a.wav", "label": "sad", "speaker": 7}
    lines = ["{broken", "[1]", json.dumps(good), "", json.dumps(good | {"label": ["sad"]})]
    path.write_text("\n".join(lines), encoding="utf-8")
    splits = load_manifest(path)
    assert [row["speaker"] for row in splits.train] == ["7"]
    told = [(1, "not valid JSON"), (2, "not a JSON object"), (4, "empty row")]
    told.append((5, "label is not text"))
    assert problems(splits) == [(line, f"{what}; row skipped") for line, what in told]


def test_a_part_beyond_the_end_of_the_sound_is_listed(sounds):
    path = csv(sounds, "path,label,start,end", "wav/a.wav,sad,,", "wav/b.wav,sad,0.1,9")
    splits = data.load_as_is(str(path), schema=CLIPS)[0]
    assert len(splits.train) == 1
    assert "has no part from 0.1 s to 9 s" in str(splits.problems[0])


def test_columns_that_nobody_reads_are_said(sounds):
    path = csv(sounds, "path,label,speakr,age", "wav/a.wav,sad,anna,31")
    splits = load_manifest(path)
    assert splits.train[0]["speaker"] == ""
    assert any("columns not read: 'speakr', 'age'" in note for note in splits.notes)
    assert any("1 of 1 clips name no speaker" in note for note in splits.notes)


def test_columns_named_by_the_user(sounds):
    path = csv(sounds, "clip,feeling,who,group", "wav/a.wav,sad,anna,x")
    columns = {"path": "clip", "label": "feeling", "speaker": "who", "session": "group"}
    (row,) = load_manifest(path, columns=columns).train
    assert (row["label"], row["speaker"], row["session"]) == ("sad", "anna", "x")
    with pytest.raises(UserError, match="Did you mean 'feeling'"):
        load_manifest(path, columns=columns | {"label": "feling"})
    with pytest.raises(UserError, match="unknown field 'lable'"):
        load_manifest(path, columns={"lable": "feeling"})


@pytest.mark.parametrize(
    ("given", "read"),
    [("F", "female"), ("woman", "female"), ("male", "male"), ("M", "male"), ("x", ""), ("", "")],
)
def test_genders(sounds, given, read):
    path = csv(sounds, "path,label,gender", f"wav/a.wav,sad,{given}")
    assert load_manifest(path).train[0]["gender"] == read


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("path,speaker\nwav/a.wav,anna\n", "no column for the label"),
        ("file,label\n", "lists no clip"),
        ("path,label\nwav/none.wav,sad\n", "no usable row.*clips.csv:2: no such file"),
        ("", "the file is empty"),
    ],
)
def test_tables_that_cannot_be_used_are_refused_in_one_line(sounds, content, what):
    (sounds / "clips.csv").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=what) as caught:
        load_manifest(sounds / "clips.csv")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_table(sounds):
    with pytest.raises(UserError, match="unknown file type"):
        load_manifest(sounds / "clips.xlsx")
    with pytest.raises(UserError, match="no such file"):
        load_manifest(sounds / "none.csv")
    for content, what in (('{"path":\n "wav/a.wav"}', "one JSON object"), ("[1", "broken JSON")):
        (sounds / "clips.json").write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match=what):
            load_manifest(sounds / "clips.json")


def test_a_column_of_splits_is_followed(sounds):
    path = csv(
        sounds,
        *("path,label,speaker,split", "wav/a.wav,sad,anna,train"),
        *("wav/b.wav,sad,ben,Validation", "wav/c.wav,sad,cleo,test", "wav/c.wav,sad,cleo,tset"),
    )
    splits = data.load(str(path), schema=CLIPS)
    assert [row["speaker"] for row in (*splits.train, *splits.dev)] == ["anna", "ben"]
    assert [row["speaker"] for row in splits.test["clips"]] == ["cleo"]
    assert problems(splits) == [(5, "unknown split 'tset' (train, dev or test); row skipped")]


def test_a_folder_of_tables(sounds):
    for part, name in (("train", "a"), ("dev", "b"), ("test", "c")):
        text = f"path,label,speaker\nwav/{name}.wav,sad,{name}\n"
        (sounds / f"{part}.csv").write_text(text, encoding="utf-8")
    found = {row["split"]: row["speaker"] for row in load_folder(sounds).train}
    assert found == {"train": "a", "dev": "b", "test": "c"}
    (sounds / "train.tsv").write_text("path\tlabel\nwav/a.wav\tsad\n", encoding="utf-8")
    with pytest.raises(UserError, match="several train tables"):
        load_folder(sounds)


def test_a_folder_without_a_table(sounds):
    with pytest.raises(UserError, match="no manifest, train or test table"):
        load_folder(sounds / "wav")
