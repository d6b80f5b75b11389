"""Sound files, lists of clips, corpora of speech, and cached features."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import soundfile

from nlpcl import tasks
from nlpcl.data import corpora, loading
from nlpcl.data.check import check

FORMATS = {
    "wav": {},
    "flac": {},
    "ogg": {},
    "mp3": {},
    "aiff": {},
    "opus": {"format": "OGG", "subtype": "OPUS"},
}


@pytest.fixture(scope="module")
def tone():
    generator = numpy.random.default_rng(0)
    return 0.1 * generator.standard_normal(4000).clip(-3, 3)


@pytest.mark.parametrize("suffix", FORMATS)
def test_sound_files(tmp_path, survives, tone, suffix):
    from nlpcl.audio.reading import clip_seconds, read_audio, read_clip, stream_audio

    name = f"a.{suffix}"
    (tmp_path / "place").mkdir()
    soundfile.write(tmp_path / "place" / name, tone, 16_000, **FORMATS[suffix])

    def read(place: Path) -> None:
        row = {"path": str(place / name), "start": 0.0, "end": 0.1}
        clip_seconds(row)
        read_clip(row)
        read_audio(place / name)
        for _ in stream_audio(place / name):
            pass

    survives(tmp_path / "place", [name], read)


CLIPS = [
    {"path": f"wav/{n}.wav", "label": label, "speaker": f"s{n % 2}", "gender": "f", "start": 0.0}
    for n, label in enumerate(("sad", "happy", "sad", "neutral"))
]
TABLE = "path,label,speaker,gender,start,end,split\n" + "".join(
    f"wav/{n}.wav,{label},s{n % 2},m,0,0.2,{split}\n"
    for n, (label, split) in enumerate((("sad", "train"), ("happy", "dev"), ("sad", "test")))
)
LISTS = {
    "clips.csv": TABLE,
    "clips.tsv": TABLE.replace(",", "\t"),
    "clips.jsonl": "".join(json.dumps(clip) + "\n" for clip in CLIPS),
    "clips.json": json.dumps(CLIPS, indent=1),
}
SCHEMA = tasks.spec("emotion").schema


def used(splits) -> None:
    splits.fingerprint()
    for row in splits.train:
        json.dumps(row)


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_clips(tmp_path, survives, tone, name):
    place = tmp_path / "place"
    (place / "wav").mkdir(parents=True)
    for number in range(4):
        soundfile.write(place / "wav" / f"{number}.wav", tone[number:], 16_000)
    (place / name).write_text(LISTS[name], encoding="utf-8")

    def read(place: Path) -> None:
        check(str(place / name), SCHEMA).tables()
        used(loading.load_as_is(str(place / name), SCHEMA)[0])

    survives(place, [name], read)


TURNS = "% header\n" + "".join(
    f"[{n}.2901 - {n}.9357]\tSes01F_impro01_M00{n}\t{code}\t[2.5, 2.5, 2.5]\n"
    for n, code in enumerate(("neu", "exc", "xxx", "fru"))
)
SPOKEN = "Ses01F_impro01_M000 [000.2901-000.9357]: Excuse me.\n"
TURN = "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M00"
SOUNDS = {
    "iemocap": [f"{TURN}{number}.wav" for number in range(4)],
    "cremad": ["AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1002_IEO_SAD_HI.wav"],
    "emodb": ["wav/03a01Fa.wav", "wav/08a01Wa.wav"],
    "ravdess": ["Actor_01/03-01-06-01-02-01-12.wav", "Actor_02/03-01-04-01-02-01-02.wav"],
    "savee": ["DC/a01.wav", "JE/sa02.wav"],
    "tess": ["OAF_back_fear.wav", "YAF_back_sad.wav"],
}
TEXTS = {
    "iemocap": {
        "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt": TURNS,
        "Session1/dialog/transcriptions/Ses01F_impro01.txt": SPOKEN,
    },
    "cremad": {"VideoDemographics.csv": "ActorID,Age,Sex\n1001,51,Male\n1002,21,Female\n"},
}


@pytest.mark.parametrize("name", SOUNDS)
def test_corpora_of_speech(tmp_path, survives, tone, name):
    place = tmp_path / "place"
    for number, file in enumerate(SOUNDS[name]):
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(place / file, tone[number:], 16_000)
    for file, content in TEXTS.get(name, {}).items():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_text(content, encoding="utf-8")

    def read(place: Path) -> None:
        check(name, SCHEMA, place).tables()
        used(loading.load_as_is(name, SCHEMA, root=place, options={"labels": "all"})[0])

    survives(place, [*TEXTS.get(name, ()), *SOUNDS[name][: 1 if name in TEXTS else 2]], read)


def test_every_corpus_of_speech_is_tried():
    known = {name for name in corpora.names("emotion") if not name.startswith("sample")}
    assert known == set(SOUNDS)


def test_cached_features(tmp_path, survives, tone, monkeypatch):
    from nlpcl.audio.features.cache import cache_entries, features
    from nlpcl.audio.front_end import load_front_end

    monkeypatch.setenv("NLPCL_CACHE", str(tmp_path / "place"))
    front_end = load_front_end("logmel", precision="fp32")
    rows = [{"path": str(tmp_path / f"{n}.wav")} for n in range(2)]
    for number, row in enumerate(rows):
        soundfile.write(row["path"], tone[number:], 16_000)

    def read(place: Path) -> None:
        store = features(rows, front_end)
        assert all(store[number] is not None for number in range(2))
        for entry in cache_entries():
            assert isinstance(entry.name + entry.selection + entry.precision, str)

    read(tmp_path)
    files = [p for p in (tmp_path / "place").rglob("*") if p.is_file() and "lock" not in p.name]
    names = sorted(str(path.relative_to(tmp_path / "place")) for path in files)
    survives(tmp_path / "place", names, read)


def test_descriptions_of_front_ends(tmp_path, survives):
    from nlpcl.audio.front_end import load_front_end, open_front_end

    (tmp_path / "place").mkdir()
    load_front_end("logmel", precision="fp32").save_pretrained(tmp_path / "place")

    def read(place: Path) -> None:
        opened = open_front_end(place, precision="fp32")
        assert opened.description
        opened.extract([])

    survives(tmp_path / "place", ["front_end.json"], read)
