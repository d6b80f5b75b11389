"""RAVDESS on an invented release, and on the real one where it is."""

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import corpora
from nlpcl.data import loading as data
from nlpcl.data.check import leaves, verdict
from nlpcl.data.clips import count_clips
from nlpcl.data.leaks import title
from nlpcl.data.manifest import CLIPS
from nlpcl.data.protocols import folds

EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"]


def load(root, **options):
    return data.load_as_is("ravdess", schema=CLIPS, root=root, options=options)[0]


def names(actors=range(1, 25)):
    return [
        f"Actor_{actor:02}/03-01-{number:02}-01-{1 + actor % 2:02}-01-{actor:02}.wav"
        for actor in actors
        for number in range(1, 9)
    ]


def test_names_tell_emotion_speaker_and_gender(release):
    splits = load(release(names(range(11, 13))))
    found = [(row["label"], row["speaker"], row["gender"]) for row in splits.train]
    assert found == [
        (emotion, f"ravdess-{actor}", gender)
        for actor, gender in ((11, "male"), (12, "female"))
        for emotion in EMOTIONS
    ]
    assert {row["sentence"] for row in splits.train} == {"sentence 1", "sentence 2"}
    assert not splits.problems


def test_intensity(release):
    root = release(["03-01-05-01-01-01-02.wav", "03-01-05-02-01-01-02.wav"])
    assert [row["intensity"] for row in load(root).train] == ["normal", "strong"]


def test_song_and_film_are_left_out_and_said(release):
    root = release(["a/03-01-05-01-01-01-02.wav", "a/03-02-05-01-01-01-02.wav"])
    (root / "a" / "01-01-05-01-01-01-02.mp4").write_bytes(b"film")
    splits = load(root)
    assert [row["id"] for row in splits.train] == ["03-01-05-01-01-01-02"]
    assert any("1 files of song or of film left out" in note for note in splits.notes)


def test_a_folder_packed_into_itself_is_a_copy(release):
    name = "Actor_02/03-01-05-01-01-01-02.wav"
    splits = load(release([name, f"audio_speech_actors_01-24/{name}"]))
    assert len(splits.train) == 1
    assert any("1 further copies" in note for note in splits.notes)


@pytest.mark.parametrize(
    "name", ["03-01-09-01-01-01-02.wav", "03-01-05-03-01-01-02.wav", "03-01-05-01-01-01.wav"]
)
def test_other_names_are_not_of_the_corpus(release, name):
    with pytest.raises(UserError, match="no ravdess files"):
        load(release([name]))


def test_four_emotions(release):
    splits = load(release(names([1])), labels="four")
    assert sorted({row["label"] for row in splits.train}) == ["angry", "happy", "neutral", "sad"]
    assert any("4 clips of other emotions left out" in note for note in splits.notes)


def test_six_groups_of_four_actors_of_both_genders(release):
    made = folds(load(release(names())).train, "auto")
    assert len(made) == 6
    for one in made:
        assert len({row["speaker"] for row in one.test}) == 4
        assert len({row["speaker"] for row in one.dev}) == 2, "a tenth of twenty"
        for part in (one.train, one.dev, one.test):
            assert {row["gender"] for row in part} == {"female", "male"}
    assert title("auto", made).startswith("groups of neighbouring speakers, 6 folds, speaker-indep")


@pytest.mark.data
def test_the_real_corpus(shared_data):
    if not (shared_data / "audio" / "ravdess").is_dir():
        pytest.skip("ravdess is not in ../shared/data/audio")
    splits = load(shared_data / "audio" / "ravdess")
    found, expected = leaves(count_clips(splits)), leaves(corpora.dataset("ravdess").expected)
    assert {key for key in expected if verdict(key, found, expected) != "equal"} == set()
    assert found["clips"] in (1439, 1440)
    assert found["speaker_count"] == 24
    assert (found["genders.female"], found["genders.male"]) == (720, found["clips"] - 720)
    assert not splits.problems
