"""SAVEE on invented releases in both layouts."""

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import corpora
from nlpcl.data import loading as data
from nlpcl.data.manifest import CLIPS

EMOTIONS = {
    "a01": "angry",
    "d02": "disgust",
    "f03": "fearful",
    "h04": "happy",
    "n30": "neutral",
    "sa05": "sad",
    "su15": "surprised",
}
SPEAKERS = ("DC", "JE", "JK", "KL")


def load(root):
    return data.load_as_is("savee", schema=CLIPS, root=root)[0]


@pytest.mark.parametrize("layout", ["ALL/{}_{}.wav", "AudioData/{}/{}.wav"])
def test_both_layouts_tell_the_same(release, layout):
    root = release(layout.format(speaker, name) for speaker in SPEAKERS for name in EMOTIONS)
    splits = load(root)
    assert {row["id"]: (row["label"], row["speaker"]) for row in splits.train} == {
        f"{speaker}_{name}": (label, f"savee-{speaker}")
        for speaker in SPEAKERS
        for name, label in EMOTIONS.items()
    }
    assert {row["gender"] for row in splits.train} == {"male"}


def test_sad_is_not_taken_for_another_letter(release):
    labels = [row["label"] for row in load(release(["DC/sa01.wav", "DC/su01.wav"])).train]
    assert labels == ["sad", "surprised"]


def test_both_layouts_at_once_are_copies(release):
    splits = load(release(["ALL/DC_a01.wav", "AudioData/DC/a01.wav", "AudioData/DC/a02.wav"]))
    assert [row["id"] for row in splits.train] == ["DC_a01", "DC_a02"]
    assert any("1 further copies" in note for note in splits.notes)


def test_other_files_are_not_of_the_corpus(release):
    names = ["DC/a01.wav", "XX/a01.wav", "XX_a02.wav", "a03.wav", "DC/a1.wav", "DC/x01.wav"]
    assert [row["id"] for row in load(release(names)).train] == ["DC_a01"]


def test_four_men_can_be_left_out_one_by_one(release):
    from nlpcl.data.protocols import folds

    root = release(f"{speaker}/{name}.wav" for speaker in SPEAKERS for name in EMOTIONS)
    made = folds(load(root).train, "auto")
    assert [one.name for one in made] == [f"savee-{speaker}" for speaker in SPEAKERS]
    assert {len(one.dev) for one in made} == {len(EMOTIONS)}


def test_known_counts_add_up():
    expected = corpora.dataset("savee").expected
    assert sum(expected["labels"].values()) == sum(expected["speakers"].values()) == 480


def test_a_folder_without_the_corpus(tmp_path):
    with pytest.raises(UserError, match="no savee files"):
        load(tmp_path)
