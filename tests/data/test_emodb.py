"""EmoDB on an invented release, and on the real one where it is."""

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import corpora
from nlpcl.data import loading as data
from nlpcl.data.check import check
from nlpcl.data.manifest import CLIPS

EMOTIONS = {
    "W": "angry",
    "L": "bored",
    "E": "disgust",
    "A": "fearful",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
GENDERS = {
    **dict.fromkeys(("03", "10", "11", "12", "15"), "male"),
    **dict.fromkeys(("08", "09", "13", "14", "16"), "female"),
}


def load(root):
    return data.load_as_is("emodb", schema=CLIPS, root=root)[0]


def test_names_tell_speaker_gender_sentence_and_emotion(release):
    root = release(f"wav/{speaker}b10{code}b.wav" for speaker in GENDERS for code in EMOTIONS)
    splits = load(root)
    assert {row["id"]: (row["label"], row["speaker"], row["gender"]) for row in splits.train} == {
        f"{speaker}b10{code}b": (label, f"emodb-{speaker}", gender)
        for speaker, gender in GENDERS.items()
        for code, label in EMOTIONS.items()
    }
    assert {row["sentence"] for row in splits.train} == {"b10"}


def test_the_letter_a_is_fear_not_anger(release):
    assert [row["label"] for row in load(release(["03a01Aa.flac"])).train] == ["fearful"]


def test_clips_of_one_length_are_said_to_be_cut(release):
    root = release(f"{speaker}a01{code}a.wav" for speaker in GENDERS for code in EMOTIONS)
    assert any("every clip is 0.2 s long" in note for note in load(root).notes)


@pytest.mark.parametrize(
    "name", ["01a01Fa.wav", "03c01Fa.wav", "03a01Xa.wav", "03a01F.wav", "03a01Fa2.wav"]
)
def test_other_names_are_not_of_the_corpus(release, name):
    with pytest.raises(UserError, match="no emodb files"):
        load(release([name]))


def test_known_counts_add_up():
    expected = corpora.dataset("emodb").expected
    assert sum(expected["labels"].values()) == sum(expected["speakers"].values()) == 535


@pytest.mark.data
def test_the_real_corpus(shared_data, unlike_known):
    if not (shared_data / "audio" / "emodb").is_dir():
        pytest.skip("emodb is not in ../shared/data/audio")
    report = check("emodb", CLIPS, shared_data / "audio" / "emodb")
    assert unlike_known(report) == {}
    assert (report.found["clips"], report.found["speaker_count"]) == (535, 10)
    assert report.found["unreadable"] == report.found["silent"] == 0
    assert any("every clip is 2 s long" in note for note in load(shared_data / "audio").notes)
