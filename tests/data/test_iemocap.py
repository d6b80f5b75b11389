"""IEMOCAP on an invented release: who speaks, what is skipped, what is counted."""

import shutil

import numpy
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from nlpcl.core.errors import UserError
from nlpcl.data import loading as data
from nlpcl.data.iemocap import speaker_of
from nlpcl.data.manifest import CLIPS

TURNS = {
    "Ses01F_impro01": [("F000", "neu"), ("M003", "exc"), ("F001", "xxx"), ("M004", "fru")],
    "Ses03M_impro05b": [("F000", "ang"), ("M001", "hap")],
    "Ses05M_script01_1b": [("F004", "sad")],
}


@pytest.fixture
def release(tmp_path):
    root = tmp_path / "IEMOCAP_full_release"
    for dialogue, turns in TURNS.items():
        session = root / f"Session{dialogue[4]}"
        sounds = session / "sentences" / "wav" / dialogue
        for folder in ("EmoEvaluation/Categorical", "transcriptions"):
            (session / "dialog" / folder).mkdir(parents=True, exist_ok=True)
        sounds.mkdir(parents=True)
        lines = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
        spoken = []
        for number, (turn, code) in enumerate(turns):
            name = f"{dialogue}_{turn}"
            lines.append(f"[{number}.2901 - {number}.9357]\t{name}\t{code}\t[2.5, 2.5, 2.5]")
            lines += ["C-E2:\tNeutral;\t()", "A-E3:\tval 3; act 2; dom  2;\t()", ""]
            spoken.append(f"{name} [00{number}.2901-00{number}.9357]: Excuse me.")
            soundfile.write(sounds / f"{name}.wav", numpy.linspace(-0.1, 0.1, 4000), 16_000)
            (sounds / f"._{name}.wav").write_bytes(b"x")
        text = "\n".join(lines)
        (session / "dialog/EmoEvaluation" / f"{dialogue}.txt").write_bytes(
            text.encode() + b"\n\xe9"
        )
        (session / "dialog/EmoEvaluation" / f"._{dialogue}.txt").write_bytes(b"\x00\xff")
        (session / "dialog/EmoEvaluation/Categorical" / f"{dialogue}_e1.txt").write_text(text)
        (session / "dialog/transcriptions" / f"{dialogue}.txt").write_text("\n".join([*spoken, ""]))
    return root


def load(root, **options):
    return data.load_as_is("iemocap", schema=CLIPS, root=root, options=options)[0]


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("Ses03M_impro05b_F000", "Ses03F"),
        ("Ses05M_script01_1b_F004", "Ses05F"),
        ("Ses01F_impro01_M003", "Ses01M"),
    ],
)
def test_the_speaker_is_the_last_fields_letter(name, speaker):
    assert speaker_of(name) == speaker


@given(
    session=st.integers(1, 5),
    markers=st.sampled_from("FM"),
    speaker=st.sampled_from("FM"),
    kind=st.sampled_from(["impro", "script"]),
    number=st.integers(0, 99),
    part=st.integers(1, 3),
    suffix=st.sampled_from(["", "a", "b"]),
    turn=st.integers(0, 999),
)
def test_every_name_of_the_grammar(session, markers, speaker, kind, number, part, suffix, turn):
    middle = f"impro{number:02}" if kind == "impro" else f"script{number:02}_{part}"
    name = f"Ses0{session}{markers}_{middle}{suffix}_{speaker}{turn:03}"
    assert speaker_of(name) == f"Ses0{session}{speaker}"


def test_four_emotions_with_excited_as_happy(release):
    splits = load(release, map_labels={"excited": "happy"})
    found = {row["id"]: (row["label"], row["speaker"], row["session"]) for row in splits.train}
    assert found == {
        "Ses01F_impro01_F000": ("neutral", "Ses01F", "Ses01"),
        "Ses01F_impro01_M003": ("happy", "Ses01M", "Ses01"),
        "Ses03M_impro05b_F000": ("angry", "Ses03F", "Ses03"),
        "Ses03M_impro05b_M001": ("happy", "Ses03M", "Ses03"),
        "Ses05M_script01_1b_F004": ("sad", "Ses05F", "Ses05"),
    }
    assert {row["text"] for row in splits.train} == {"Excuse me."}
    assert {row["gender"] for row in splits.train} == {"female", "male"}
    assert any("'excited' as 'happy' (" in note for note in splits.notes)


def test_labels_and_kinds_are_chosen(release):
    scripted = load(release, kind="scripted", labels=["sad"])
    assert [row["kind"] for row in scripted.train] == ["scripted"]
    assert any("scripted speech only" in note for note in scripted.notes)
    assert {row["label"] for row in load(release, labels=["frustrated"]).train} == {"frustrated"}
    with pytest.raises(UserError, match="unknown kind 'scripts'"):
        load(release, kind="scripts")
    with pytest.raises(UserError, match="no clip of 'bored'"):
        load(release, labels=["bored"])


def test_a_kind_that_no_clip_is_of_is_refused(release):
    shutil.rmtree(release / "Session5")  # the scripted one
    with pytest.raises(UserError, match="does not tell which speech is scripted"):
        load(release, kind="scripted")


def test_check_shows_known_counts_beside_those_found(release, run_main):
    import json

    result = run_main("data", "check", "iemocap", "--data-root", release, "--format", "json")
    shown = json.loads(result.out)
    assert shown["found"]["speakers"]["Ses01M"] == 1
    assert shown["expected"]["speakers"]["Ses05M"] == 651
    assert shown["expected"]["clips"] == sum(shown["expected"]["speakers"].values()) == 5531
    assert sum(shown["expected"]["sessions"].values()) == 5531


def test_a_missing_sound_file_is_listed(release):
    next(release.glob("Session5/sentences/wav/*/Ses*.wav")).unlink()
    assert ["no such sound file" in str(problem) for problem in load(release).problems] == [True]


def test_a_folder_without_the_release(tmp_path):
    with pytest.raises(UserError, match="no iemocap files"):
        load(tmp_path)
