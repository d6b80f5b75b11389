"""CREMA-D on an invented release: names, genders from the table of actors, copies, stubs."""

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import corpora
from nlpcl.data import loading as data
from nlpcl.data.manifest import CLIPS as SCHEMA

CLIPS = {
    "1001_DFA_ANG_XX": ("angry", "cremad-1001", "male", "DFA", ""),
    "1001_IEO_HAP_LO": ("happy", "cremad-1001", "male", "IEO", "low"),
    "1002_IEO_SAD_HI": ("sad", "cremad-1002", "female", "IEO", "high"),
    "1002_MTI_NEU_XX": ("neutral", "cremad-1002", "female", "MTI", ""),
    "1040_ITH_SAD_X": ("sad", "cremad-1040", "", "ITH", ""),
    "1091_WSI_DIS_MD": ("disgust", "cremad-1091", "", "WSI", "medium"),
    "1091_WSI_FEA_XX": ("fearful", "cremad-1091", "", "WSI", ""),
}
ACTORS = "ActorID,Age,Sex,Race,Ethnicity\n1001,51,Male,Caucasian,Not Hispanic\n1002,21,Female,A,N\n"


@pytest.fixture
def corpus(release):
    root = release(f"CREMA-D/AudioWAV/{name}.wav" for name in CLIPS)
    (root / "CREMA-D" / "VideoDemographics.csv").write_text(ACTORS, encoding="utf-8")
    return root


def load(root):
    return data.load_as_is("cremad", schema=SCHEMA, root=root)[0]


def test_names_tell_speaker_sentence_emotion_and_intensity(corpus):
    splits = load(corpus)
    found = {
        row["id"]: tuple(
            row[field] for field in ("label", "speaker", "gender", "sentence", "intensity")
        )
        for row in splits.train
    }
    assert found == CLIPS
    assert not splits.problems


@pytest.mark.parametrize(
    "name",
    [
        "1001_DFA_ANG_XX_old.wav",
        "2001_DFA_ANG_XX.wav",
        "1001_DFA_BOR_XX.wav",
        "1001_DFA_ANG.wav",
        "._1001_TIE_ANG_XX.wav",
        "1001_TIE_ANG_XX.txt",
    ],
)
def test_other_files_are_not_of_the_corpus(corpus, write_sound, name):
    made = write_sound(corpus / "CREMA-D" / "AudioWAV" / "sound.wav")
    made.rename(made.with_name(name))
    assert {row["id"] for row in load(corpus).train} == set(CLIPS)


def test_without_the_table_of_actors_genders_are_not_known(corpus):
    (corpus / "CREMA-D" / "VideoDemographics.csv").unlink()
    splits = load(corpus)
    assert {row["gender"] for row in splits.train} == {""}
    assert any("genders are not known" in note for note in splits.notes)


def test_a_damaged_table_of_actors_is_one_line(corpus):
    (corpus / "CREMA-D" / "VideoDemographics.csv").write_text("ActorID,Age\n1001,51\n")
    with pytest.raises(UserError, match="no column 'Sex'"):
        load(corpus)


def test_the_copy_without_losses_is_read_and_every_other_counted_once(corpus, write_sound):
    write_sound(corpus / "AudioMP3" / "1001_DFA_ANG_XX.mp3")
    write_sound(corpus / "more" / "AudioWAV" / "copy" / "1001_IEO_HAP_LO.wav")
    splits = load(corpus)
    assert {row["path"].rpartition(".")[2] for row in splits.train} == {"wav"}
    assert len(splits.train) == len(CLIPS)
    (note,) = [note for note in splits.notes if "copies" in note]
    assert "2 further copies" in note


def test_a_pointer_of_git_lfs_is_no_sound(corpus):
    place = corpus / "CREMA-D" / "AudioWAV" / "1001_DFA_ANG_XX.wav"
    place.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 73000\n")
    splits = load(corpus)
    assert len(splits.train) == len(CLIPS) - 1
    assert ["git-lfs pointer" in str(problem) for problem in splits.problems] == [True]


def test_known_counts_add_up():
    expected = corpora.dataset("cremad").expected
    assert sum(expected["labels"].values()) == expected["clips"] == 7442


def test_a_folder_without_the_corpus(tmp_path):
    with pytest.raises(UserError, match="no cremad files"):
        load(tmp_path)
