"""Clips that cannot be used are skipped, counted and listed."""

import json
from pathlib import Path

import numpy
import pytest
import soundfile

from nlpcl.audio.voices import VOICES, spoken
from nlpcl.core.errors import UserError
from nlpcl.data import loading as data
from nlpcl.data.clip_check import clip_findings, heard, is_silent
from nlpcl.data.clips import clip
from nlpcl.data.manifest import CLIPS

GOOD = "03-01-05-01-01-01-01"
BAD = {
    "03-01-01-01-01-01-02": "cannot be read",
    "03-01-02-01-01-01-03": "is silent",
    "03-01-03-01-01-01-04": "has 0.050 s of sound, less than 0.1 s",
    "03-01-04-01-01-01-05": "is a git-lfs pointer",
    "03-01-06-01-01-01-06": "is empty",
    "03-01-07-01-01-01-07": f"the same sound as {GOOD}, which is angry",
    "03-01-08-01-01-01-08": "samples that are not finite",
}


@pytest.fixture
def corpus(tmp_path, write_sound):
    """One good clip, and one of each that is not."""
    root = tmp_path / "ravdess"
    broken, silent, short, pointer, empty, repeated, endless = (root / f"{n}.wav" for n in BAD)
    good = root / f"{GOOD}.wav"
    root.mkdir()
    soundfile.write(good, spoken(VOICES[1], "angry", numpy.random.default_rng(0)), 16_000)
    broken.write_bytes(b"RIFF and nothing of sound")
    # A recorder's constant offset is silence too.
    soundfile.write(silent, numpy.full(4000, 0.1), 16_000)
    write_sound(short, seconds=0.05)
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    empty.touch()
    repeated.write_bytes(good.read_bytes())
    samples = numpy.linspace(-0.5, 0.5, 4000, dtype="float32")
    samples[7] = numpy.nan
    soundfile.write(endless, samples, 16_000, subtype="FLOAT")
    return root


def test_check_lists_each_of_them_once(corpus, run_main):
    result = run_main("data", "check", "ravdess", "--data-root", corpus, "--format", "json")
    assert result.code == 0
    shown = json.loads(result.out)
    told = {problem["file"]: problem["what"] for problem in shown["problems"]}
    assert len(told) == len(shown["problems"]) == len(BAD)
    for name, what in BAD.items():
        assert what in told[str(corpus / f"{name}.wav")]
    found = shown["found"]
    assert found["clips"] == 8
    kinds = ("skipped", "unreadable", "silent", "repeated")
    assert [found[kind] for kind in kinds] == [4, 1, 1, 1]


def test_check_prints_a_table_of_them(corpus, run_main):
    result = run_main("data", "check", "ravdess", "--data-root", corpus, env={"COLUMNS": "300"})
    assert result.code == 0
    assert "7 of 7 problems" in result.out
    for words in ("git-lfs pointer", "is silent", "is empty", "less than 0.1 s"):
        assert words in result.out


def test_loading_skips_all_that_cannot_be_used(corpus):
    splits = data.load_as_is("ravdess", schema=CLIPS, root=corpus)[0]
    repeated = next(name for name, what in BAD.items() if "same sound" in what)
    assert {row["id"] for row in splits.train} == {GOOD, repeated}
    told = {Path(problem.file).stem: problem.what for problem in splits.problems}
    assert told.keys() == BAD.keys() - {repeated}
    for name, what in told.items():
        assert BAD[name] in what
        assert what.endswith("; clip skipped")


def test_a_corpus_without_one_good_clip_is_refused(corpus, run_main):
    for path in corpus.glob("*.wav"):
        path.write_bytes(b"")
    with pytest.raises(UserError, match=r"not one clip can be used.*is empty"):
        data.load_as_is("ravdess", schema=CLIPS, root=corpus)


def row(path, **more):
    return clip(path, "sad", "anna", "own", **more)


@pytest.mark.parametrize(("loudness", "silent"), [(0.0, True), (2e-5, True), (1e-3, False)])
def test_silence_is_below_80_decibels(tmp_path, loudness, silent):
    wave = loudness * numpy.random.default_rng(0).standard_normal(3200)
    soundfile.write(tmp_path / "a.wav", wave, 16_000, subtype="FLOAT")
    assert is_silent(row(tmp_path / "a.wav")) is silent


@pytest.mark.parametrize("place", ["beginning", "middle", "end"])
def test_a_short_sound_anywhere_in_silence_is_heard(tmp_path, place):
    wave = numpy.zeros(48_000)
    first = {"beginning": 0, "middle": 24_000, "end": 47_000}[place]
    wave[first : first + 800] = 0.1 * numpy.random.default_rng(0).standard_normal(800)
    soundfile.write(tmp_path / "a.wav", wave, 16_000)
    clip_row = row(tmp_path / "a.wav")
    assert is_silent(clip_row) is heard(clip_row).is_silent is False


def test_a_loud_moment_that_is_too_short_for_the_whole_is_no_proof(tmp_path):
    wave = numpy.zeros(48_000)
    wave[24_000:24_010] = 5e-3
    soundfile.write(tmp_path / "a.wav", wave, 16_000)
    clip_row = row(tmp_path / "a.wav")
    assert is_silent(clip_row) is heard(clip_row).is_silent is True


def test_only_the_part_of_a_clip_is_heard(tmp_path):
    wave = numpy.concatenate(
        [0.1 * numpy.random.default_rng(0).standard_normal(1600), numpy.zeros(1600)]
    )
    soundfile.write(tmp_path / "a.wav", wave, 16_000)
    assert not is_silent(row(tmp_path / "a.wav", end=0.1))
    assert is_silent(row(tmp_path / "a.wav", start=0.1))
    with pytest.raises(UserError, match="has no part"):
        heard(row(tmp_path / "a.wav", start=1.0))


def test_the_same_samples_in_another_form_are_the_same_sound(tmp_path):
    wave = numpy.random.default_rng(0).integers(-3000, 3000, 3200, dtype="int16")
    written = {
        "a.wav": (wave, 16_000),
        "b.flac": (wave, 16_000),
        "c.wav": (numpy.stack([wave, wave], axis=1), 16_000),
        "d.wav": (wave, 8_000),
        "e.wav": (wave[:-1], 16_000),
    }
    for name, (samples, rate) in written.items():
        soundfile.write(tmp_path / name, samples, rate)
    found = clip_findings(row(tmp_path / name) for name in written)
    assert [problem.file[-6:] for problem in found["repeated"]] == ["b.flac", "/c.wav"]
    assert {problem.what for problem in found["repeated"]} == {"the same sound as a"}
