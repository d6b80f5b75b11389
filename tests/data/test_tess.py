"""TESS on an invented release: odd names, odd sampling rates, two women."""

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import corpora
from nlpcl.data import loading as data
from nlpcl.data.manifest import CLIPS
from nlpcl.data.protocols import folds

EMOTIONS = {
    "angry": "angry",
    "disgust": "disgust",
    "fear": "fearful",
    "happy": "happy",
    "neutral": "neutral",
    "ps": "surprised",
    "sad": "sad",
}


def load(root):
    return data.load_as_is("tess", schema=CLIPS, root=root)[0]


@pytest.fixture
def corpus(release):
    return release(
        f"TESS/{speaker}_{code}/{speaker}_{word}_{code}.wav"
        for speaker in ("OAF", "YAF")
        for code in EMOTIONS
        for word in ("back", "dog")
    )


def test_names_tell_speaker_word_and_emotion(corpus):
    splits = load(corpus)
    assert {row["id"]: (row["label"], row["speaker"], row["sentence"]) for row in splits.train} == {
        f"{speaker}_{word}_{code}": (label, f"tess-{speaker}", word)
        for speaker in ("OAF", "YAF")
        for code, label in EMOTIONS.items()
        for word in ("back", "dog")
    }
    assert {row["gender"] for row in splits.train} == {"female"}
    assert not splits.problems


def test_names_with_other_capitals_or_without_f(release):
    splits = load(release(["OAF_Pleasant/OA_bite_ps.wav", "YAF_sad/YAF_Dime_Sad.wav"]))
    assert [(row["id"], row["speaker"]) for row in splits.train] == [
        ("OAF_bite_ps", "tess-OAF"),
        ("YAF_dime_sad", "tess-YAF"),
    ]


def test_a_folder_packed_into_itself_is_a_copy(release):
    splits = load(release(["OAF_sad/OAF_back_sad.wav", "TESS/OAF_sad/OAF_back_sad.wav"]))
    assert len(splits.train) == 1
    assert any("1 further copies" in note for note in splits.notes)


@pytest.mark.parametrize("rate", [24_414, 96_000])
def test_its_sampling_rates_are_read(tmp_path, write_sound, rate):
    pytest.importorskip("torchaudio")
    from nlpcl.audio.reading import read_clip

    write_sound(tmp_path / "OAF_back_sad.wav", rate=rate)
    (row,) = load(tmp_path).train
    assert len(read_clip(row)) == pytest.approx(3200, abs=2)


@pytest.mark.parametrize(
    ("protocol", "what"),
    [
        ("auto", "too few speakers"),
        ("lospo", "too few speakers"),
        ("kfold:2", "too few speakers"),
        ("kfold:3", "cannot be made of 2 speakers"),
        ("loso", "no sessions"),
    ],
)
def test_two_women_leave_nobody_to_select_by(corpus, protocol, what):
    with pytest.raises(UserError, match=f"--protocol {protocol}: .*{what}"):
        folds(load(corpus).train, protocol)


def test_known_counts_add_up():
    expected = corpora.dataset("tess").expected
    assert sum(expected["labels"].values()) == sum(expected["speakers"].values()) == 2800
