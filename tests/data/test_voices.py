"""The synthesised sample: made once, whole, and the same at every making."""

import multiprocessing
import os
import shutil

import pytest

from nlpcl.core.errors import UserError
from nlpcl.data import loading as data
from nlpcl.data import voices
from nlpcl.data.check import check
from nlpcl.data.manifest import CLIPS
from nlpcl.data.protocols import folds


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of one's own, and one clip of each speaker and emotion instead of many."""
    monkeypatch.setenv("NLPCL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(voices, "COUNTS", dict.fromkeys(voices.COUNTS, 1))
    monkeypatch.setattr(voices, "VOICES", voices.VOICES[:2])
    return tmp_path / "cache"


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_the_plan_has_eight_speakers_in_sessions_of_a_woman_and_a_man():
    clips = list(voices.plan())
    assert len({name for name, *_ in clips}) == len({number for _, number, *_ in clips}) == 240
    genders = {}
    for _, _, voice, _ in clips:
        genders.setdefault((int(voice.name) + 1) // 2, {})[voice.name] = voice.gender
    assert [sorted(pair.values()) for pair in genders.values()] == [["female", "male"]] * 4


def test_the_same_bytes_at_every_making(cache):
    folder = voices.made()
    first = contents(folder)
    assert len(first) == 8
    assert len(set(first.values())) == 8, "no two clips are alike"
    shutil.rmtree(folder)
    assert contents(voices.made()) == first


def test_a_whole_folder_is_not_made_again(cache, monkeypatch):
    folder = voices.made()

    def refuse(place):
        raise AssertionError("made again")

    monkeypatch.setattr(voices, "synthesise", refuse)
    assert voices.made() == folder


def test_a_folder_deleted_half_way_is_made_anew(cache):
    folder = voices.made()
    first = contents(folder)
    next(folder.glob("*sad*.wav")).unlink()
    (folder / "something else").write_bytes(b"")
    assert contents(voices.made()) == first


def test_nothing_is_left_when_the_making_stops(cache, monkeypatch):
    def stop(place):
        (place / "half.wav").write_bytes(b"RIFF")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(voices, "synthesise", stop)
        with pytest.raises(KeyboardInterrupt):
            voices.made()
    assert [path for path in cache.iterdir() if path.suffix != ".lock"] == []
    assert len(contents(voices.made())) == 8


def make(barrier, results):
    """A process that makes the sample and reads it at once."""
    barrier.wait()
    results.put((os.getpid(), contents(voices.made())))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_two_processes_do_not_clash(cache, tmp_path, monkeypatch):
    half = voices.made()
    next(half.iterdir()).unlink()
    making = voices.synthesise

    def counted(place):
        (tmp_path / f"made by {os.getpid()}").touch()
        making(place)

    monkeypatch.setattr(voices, "synthesise", counted)
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(2), context.Queue()
    both = [context.Process(target=make, args=(barrier, results)) for _ in range(2)]
    for process in both:
        process.start()
    (one, first), (other, second) = results.get(timeout=600), results.get(timeout=600)
    for process in both:
        process.join()
    assert one != other
    assert first == second == contents(half)
    assert len(first) == 8
    assert [process.exitcode for process in both] == [0, 0]
    assert len(list(tmp_path.glob("made by *"))) == 1, "the other waits"


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NLPCL_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="cannot write"):
        voices.made()


def test_the_sample_is_loaded_by_its_short_name(cache):
    splits, is_unsplit = data.load_as_is("sample", schema=CLIPS)
    assert (splits.name, is_unsplit, len(splits.train)) == ("sample-emotion", True, 8)
    assert {row["session"] for row in splits.train} == {"session-1"}
    assert not splits.problems


@pytest.mark.slow
def test_the_whole_sample(tmp_path, monkeypatch, unlike_known):
    monkeypatch.setenv("NLPCL_CACHE", str(tmp_path))
    report = check("sample-emotion", CLIPS)
    assert unlike_known(report) == {}
    assert report.problems == [], "no clip is silent, unreadable or heard twice"
    rows = voices.load().train
    made = folds(rows, "auto")
    assert [one.name for one in made] == [f"session-{number}" for number in range(1, 5)]
    for one in made:
        parts = [{row["speaker"] for row in part} for part in (one.train, one.dev, one.test)]
        assert [len(part) for part in parts] == [4, 2, 2]
        assert len(set.union(*parts)) == 8
