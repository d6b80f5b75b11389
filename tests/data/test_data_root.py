"""A data folder one level above or below gives the same corpus; a damaged part blocks no other."""

from __future__ import annotations

import json

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import corpora, loading
from nlpcl.data.labelled_text import LABELLED
from nlpcl.data.manifest import CLIPS
from nlpcl.data.pairs import PAIRS


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


POST = "TEXT,label,topic\n{part} one,0,race\n{part} two,1,race\n"
TABLE = "post_id,label,text\n{part}1,normal,{part} a b\n{part}2,offensive,{part} c d\n"
PAIR = "我{part}门\t我{part}们\n"
TOXIC = [{"content": "{part}", "toxic": 0, "toxic_type": 0, "target": [0]}]
LAYOUTS = {
    "cold": (LABELLED, "COLDataset/data", ["train.csv", "dev.csv", "test.csv"], POST),
    "hatexplain": (LABELLED, "HateXplain/tables", ["train.csv", "val.csv", "test.csv"], TABLE),
    "toxicn": (LABELLED, "ToxiCN/split", ["train.json", "test.json"], json.dumps(TOXIC)),
    "cscd": (PAIRS, "cscd-ns/v2", ["train.tsv", "dev.tsv", "test.tsv"], PAIR),
    "sighan15": (PAIRS, "sighan/fifteen", ["15train.txt", "15test.txt"], PAIR),
    "ecspell-law": (PAIRS, "ecspell/domains", ["law.train", "law.test"], PAIR),
}


def laid_out(tmp_path, name):
    schema, folder, files, content = LAYOUTS[name]
    for file in files:
        part = file.replace(".", "").replace("15", "")
        save(tmp_path / "all" / folder / file, content.replace("{part}", part[:4]))
    return schema, tmp_path / "all" / folder, files


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_level_more_or_less_is_the_same_corpus(name, tmp_path):
    schema, folder, _ = laid_out(tmp_path, name)
    # Another corpus whose one file would do where the split is not found.
    save(tmp_path / "all" / "lomo_tet.json", '[{"original_text": "甲", "correct_text": "甲"}]')
    save(tmp_path / "all" / "ToxiCN_1.0.csv", "content,toxic,toxic_type\nx,0,0\n")
    found = {
        loading.load_as_is(name, schema, root=root)[0].fingerprint()
        for root in (folder, folder.parent, folder.parent.parent)
    }
    assert len(found) == 1
    with pytest.raises(UserError, match="--data-root"):
        loading.load_as_is(name, schema, root=folder / "nowhere")


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_damaged_training_file_blocks_training_alone(name, tmp_path):
    schema, folder, files = laid_out(tmp_path, name)
    (folder / files[0]).write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(UserError, match="not a text file"):
        loading.load(name, schema, root=folder)
    splits = loading.load(name, schema, root=folder, for_test=True)
    assert all(splits.test.values())
    assert splits.train == []
    assert any("train not read" in note and files[0] in note for note in splits.notes)
    (folder / files[-1]).write_bytes(b"PK\x03\x04" + bytes(200))
    with pytest.raises(UserError, match=files[-1]):
        loading.load(name, schema, root=folder, for_test=True)


CLIPS_OF = {
    "ravdess": ("Actor_0{n}", "03-01-03-01-01-01-0{n}.wav"),
    "tess": ("{who}_happy", "{who}_back_happy.wav"),
    "savee": ("{he}", "a01.wav"),
}


@pytest.mark.parametrize("name", CLIPS_OF)
def test_the_folder_of_one_speaker_is_not_taken_for_the_corpus(name, tmp_path, write_sound):
    folder, file = CLIPS_OF[name]
    folders = []
    for n in (1, 2):
        filled = {"n": n, "who": ("OAF", "YAF")[n - 1], "he": ("DC", "JE")[n - 1]}
        folders.append(tmp_path / folder.format(**filled))
        write_sound(folders[-1] / file.format(**filled))
    whole = corpora.dataset(name).load(tmp_path)
    part = corpora.dataset(name).load(folders[0])
    assert len(whole.train) == 2
    assert part.fingerprint() == whole.fingerprint()
    assert any("is a part of it" in note for note in part.notes)


def test_a_damaged_table_of_training_clips(tmp_path, write_sound):
    write_sound(tmp_path / "a.wav")
    save(tmp_path / "test.csv", "path,label,speaker\na.wav,sad,1\n")
    save(tmp_path / "train.csv", 'path,label,speaker\n"a.wav,sad,1\n')
    with pytest.raises(UserError, match=r"train\.csv: broken"):
        loading.load(str(tmp_path), CLIPS)
    splits = loading.load(str(tmp_path), CLIPS, for_test=True)
    assert [len(rows) for rows in splits.test.values()] == [1]
