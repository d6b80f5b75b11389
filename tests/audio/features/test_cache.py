"""The feature cache: made once, read back, and never half of anything after whatever happened."""

from __future__ import annotations

import errno
import itertools
import json
import multiprocessing
import os
import pickle
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from nlpcl.audio.features import cache as feature_cache
from nlpcl.audio.features import files as cache_files
from nlpcl.audio.features.cache import cache_entries, clear_cache, features
from nlpcl.audio.features.files import Log, cache_root, logged
from nlpcl.audio.features.shelf import mapped
from nlpcl.audio.front_end import FrontEnd, load_front_end
from nlpcl.core.errors import UserError


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NLPCL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


@pytest.fixture
def rows(tmp_path, sound) -> list[dict]:
    made = []
    for number in range(6):
        path = tmp_path / f"clip{number}.wav"
        soundfile.write(path, sound(6_000 + 2_000 * number, number).numpy(), 16_000)
        made.append({"id": str(number), "path": str(path), "start": None, "end": None})
    return made


@pytest.fixture
def folder(speech_folder) -> str:
    return str(speech_folder("hubert", False))


@pytest.fixture
def front_end(folder) -> FrontEnd:
    return load_front_end(folder, precision="fp32")


def expected(rows, front_end) -> list[torch.Tensor]:
    return front_end.extract([feature_cache.read_clip(row) for row in rows])


def check(store, rows, front_end) -> None:
    for number, frames in enumerate(expected(rows, front_end)):
        torch.testing.assert_close(store[number], frames, rtol=1e-3, atol=1e-3)
        assert store.length(number) == len(frames)


def shards() -> list[Path]:
    return sorted(cache_root().glob("*/*.f16"))


def settle(folder: Path) -> None:
    """Let the clock of the file system tick: what is written from now on has another time."""

    def now() -> int:
        (folder / "clock").write_bytes(b"")
        return (folder / "clock").stat().st_mtime_ns

    begun = now()
    while now() == begun:
        time.sleep(0.001)


def test_made_once_and_read_back(rows, front_end):
    seen: list[tuple[int, int]] = []
    store = features(rows, front_end, on_progress=lambda *done: seen.append(done))
    assert (len(store), store.made, store.problems) == (6, 6, [])
    assert seen[0] == (0, 6)
    assert seen[-1] == (6, 6)
    check(store, rows, front_end)
    again = features(rows[::-1], front_end)
    assert again.made == 0
    for number in range(6):
        assert torch.equal(again[5 - number], store[number])
    array = store.array(0)
    assert array.dtype == np.float16
    assert isinstance(array, np.memmap)
    assert not array.flags.writeable
    store[0].zero_()
    check(store, rows, front_end)
    assert features(rows, front_end, half=True)[0].dtype == torch.float16


def test_what_is_asked_again_is_not_even_read(rows, front_end, monkeypatch):
    for row in rows:  # as if they had lain there for an hour
        os.utime(row["path"], (time.time() - 3600,) * 2)
    monkeypatch.setattr("nlpcl.audio.features.files.SETTLED", -1)
    features(rows, front_end)
    monkeypatch.setattr(front_end, "extract", None)
    monkeypatch.setattr("hashlib.file_digest", None)
    assert features(rows, front_end).made == 0


def test_stopped_while_it_is_filled(rows, front_end, forked):
    """A scheduler's signal leaves no lock behind, and what was made is kept."""
    from nlpcl.core.interrupts import STOPS, handled, stop_at_once

    def fill():
        usual, calls = FrontEnd.extract, []

        def extract(self, waveforms):
            calls.append(waveforms)
            if len(calls) == 2:
                os.kill(os.getpid(), signal.SIGTERM)
            return usual(self, waveforms)

        FrontEnd.extract = extract
        FrontEnd.batches = lambda self, lengths: [[number] for number in range(len(lengths))]
        with handled(STOPS, stop_at_once):
            features(rows, front_end)

    assert "KeyboardInterrupt" in forked(fill).err
    store = features(rows, front_end)
    assert store.made == 5
    check(store, rows, front_end)


def test_who_waits_long_is_told_for_whom(tmp_path, monkeypatch, forked, capsys):
    monkeypatch.setattr(cache_files, "PATIENCE", 0.0)
    lock, gate = tmp_path / "lock", tmp_path / "gate"

    def hold():
        with cache_files.locked(lock):
            gate.touch()
            time.sleep(0.3)

    def meanwhile(pid):
        while not gate.exists():
            time.sleep(0.005)
        with cache_files.locked(lock):
            pass
        said = capsys.readouterr().err
        assert f"Waiting for process {pid} on {os.uname().nodename}" in said

    assert forked(hold, meanwhile).code == 0


def test_a_file_system_without_locks_is_one_line(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    with pytest.raises(UserError, match=r"has no locks.*NLPCL_CACHE"):  # noqa: SIM117
        with cache_files.locked(tmp_path / "lock"):
            pass


def test_content_counts_and_not_the_name(rows, front_end, tmp_path):
    features(rows, front_end)
    copy = tmp_path / "copy.wav"
    copy.write_bytes(Path(rows[0]["path"]).read_bytes())
    assert features([{"path": str(copy)}], front_end).made == 0
    soundfile.write(rows[0]["path"], np.sin(np.arange(9_000)), 16_000)
    changed = features(rows, front_end)
    assert changed.made == 1
    check(changed, rows, front_end)


def test_parts_of_a_file(rows, front_end):
    parts = [rows[0], rows[0] | {"start": 0.1, "end": 0.3}, rows[0] | {"start": 0.1}]
    store = features([*parts, dict(parts[1])], front_end)
    assert store.made == 3
    check(store, [*parts, parts[1]], front_end)
    assert len({store.length(row) for row in range(3)}) == 3
    assert features(parts, front_end).made == 0


def test_each_front_end_layer_and_arithmetic_has_its_own(rows, folder, speech_folder, monkeypatch):
    for made, options in enumerate(
        [
            {"name": folder, "precision": "fp32"},
            {"name": folder, "precision": "bf16"},
            {"name": folder, "precision": "fp32", "layer": 1},
            {"name": folder, "precision": "fp32", "layer": 1, "all_layers": True},
            {"name": str(speech_folder("whisper")), "precision": "fp32"},
            {"name": "logmel"},
        ],
        start=1,
    ):
        front_end = load_front_end(**options)
        assert features(rows[:2], front_end).made == 2
        store = features(rows[:2], front_end)
        assert store.made == 0
        assert len(cache_entries()) == made
        layers = () if front_end.layers == 1 else (front_end.layers,)
        assert store[0].shape == (*layers, store.length(0), front_end.width)
    monkeypatch.setattr(feature_cache, "VERSION", feature_cache.VERSION + 1)
    assert features(rows[:2], load_front_end("logmel")).made == 2


def test_sound_that_cannot_be_used_is_listed(rows, front_end, tmp_path):
    (tmp_path / "text.wav").write_text("no sound\n" * 99)
    (tmp_path / "stub.wav").write_text("version https://git-lfs.github.com/spec/v1\nsize 9\n")
    soundfile.write(tmp_path / "silent.wav", np.zeros(8_000), 16_000)
    soundfile.write(tmp_path / "short.wav", np.ones(800), 16_000)
    names = ["text", "stub", "silent", "short", "absent"]
    bad = [{"path": str(tmp_path / f"{name}.wav")} for name in names]
    for _ in range(2):
        store = features([*bad, *rows[:2], rows[0] | {"start": 99.0}], front_end)
        assert [row for row in range(8) if store[row] is None] == [0, 1, 2, 3, 4, 7]
        assert store.length(0) == 0
        found = [(Path(problem.file).stem, problem.what) for problem in store.problems]
        reasons = ["cannot be read", "git-lfs pointer", "is silent", "0.050 s", "No such file"]
        for (name, what), wanted, reason in zip(found, names, reasons, strict=False):
            assert name == wanted
            assert reason in what
        assert "has no part from 99 s" in found[5][1]


def test_frames_that_are_not_finite_or_too_large(rows, front_end, monkeypatch):
    extract = front_end.extract

    def damaged(waveforms):
        found = extract(waveforms)
        for frames in found:
            if len(frames) == len(longest):
                frames[0, 0] = float("nan")
            frames[1, 1] = 1e6
        return found

    longest = extract([feature_cache.read_clip(rows[5])])[0]
    monkeypatch.setattr(front_end, "extract", damaged)
    store = features(rows, front_end)
    assert store[5] is None
    assert "not finite" in store.problems[0].what
    assert float(store[0][1, 1]) == 65504


@pytest.mark.parametrize("how", ["overwritten", "cut off", "odd", "gone", "longer"])
def test_damaged_numbers_are_made_anew(rows, front_end, how, tmp_path):
    features(rows, front_end)
    settle(tmp_path)
    (shard,) = shards()
    content = shard.read_bytes()
    if how == "gone":
        shard.unlink()
    else:
        middle = len(content) // 2
        damaged = {
            "overwritten": content[:middle] + b"\x01\x02\x03\x04" + content[middle + 4 :],
            "cut off": content[:middle],
            "odd": content[:-1],
            "longer": content + b"123",
        }
        shard.write_bytes(damaged[how])
    again = features(rows, front_end)
    assert again.made in {"gone": {6}, "longer": {0}, "cut off": {3, 4, 5}}.get(how, {1})
    check(again, rows, front_end)
    assert features(rows, front_end).made == 0
    check(features(rows, front_end), rows, front_end)


def test_damaged_index_lines_are_made_anew(rows, front_end):
    features(rows, front_end)
    (index,) = cache_root().glob("*/index.jsonl")
    lines = index.read_text().splitlines()
    lines[1] = lines[1].replace('"offset": ', '"offset": 1')
    index.write_text("\n".join(lines) + "\n12345678 {half of a li")
    again = features(rows, front_end)
    assert again.made == 1
    check(again, rows, front_end)
    assert features(rows, front_end).made == 0


def test_log_passes_over_torn_lines(tmp_path):
    log = Log(tmp_path / "log", dict[str, int | str])
    assert log.news() == (False, [])
    log.append([{"a": 1}, {"b": "\udcff文"}])
    with (tmp_path / "log").open("ab") as stream:
        stream.write(b'1234 {"to')
    reader = Log(tmp_path / "log", dict[str, int | str])
    assert reader.news() == (True, [{"a": 1}, {"b": "\udcff文"}])
    log.append([{"c": 3}])
    assert reader.news() == (False, [{"c": 3}])
    (tmp_path / "log").unlink()
    assert reader.news() == (True, [])
    for line in (b"", b"00000000", b"zz {}", b"\xff\xff"):
        assert logged(line) is None


FORK = multiprocessing.get_context("fork")


def dies_in_the_middle(rows, front_end):
    """After numbers were written and half of the line that notes them."""
    torch.set_num_threads(1)  # the others did not survive the fork
    append, calls = Log.append, itertools.count(1)

    def dying(self, lines):
        if self.path.name == "index.jsonl" and next(calls) > 3:
            with self.path.open("ab") as stream:
                stream.write(b'0123abcd {"clip": "half')
            os.kill(os.getpid(), signal.SIGKILL)
        append(self, lines)

    Log.append = dying
    features(rows, front_end)


def test_killed_in_the_middle(rows, folder, front_end, monkeypatch):
    monkeypatch.setattr("nlpcl.audio.front_end.BATCH_SECONDS", 0.1)  # each clip a batch
    process = FORK.Process(target=dies_in_the_middle, args=(rows, front_end))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    store = features(rows, front_end)
    assert 0 < store.made < 6
    check(store, rows, front_end)
    assert features(rows, front_end).made == 0


def shares(rows, front_end, together, found):
    torch.set_num_threads(1)
    together.wait()
    store = features(rows, front_end)
    found.put((store.made, sum(float(store[row].sum()) for row in range(len(rows)))))


def test_two_processes_share_the_work(rows, folder, front_end, monkeypatch):
    monkeypatch.setattr("nlpcl.audio.front_end.BATCH_SECONDS", 0.1)
    together, found = FORK.Barrier(2), FORK.Queue()
    processes = [FORK.Process(target=shares, args=(rows, front_end, together, found)) for _ in "ab"]
    for process in processes:
        process.start()
    (made, sums), (made_too, sums_too) = (found.get(timeout=600) for _ in processes)
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert made + made_too == 6
    assert sums == sums_too
    store = features(rows, front_end)
    assert store.made == 0
    check(store, rows, front_end)


def test_cleared_in_the_middle(rows, front_end, monkeypatch):
    monkeypatch.setattr("nlpcl.audio.front_end.BATCH_SECONDS", 0.1)
    cleared = []

    def clear(done, total):
        if done == 3 and not cleared:
            cleared.extend(clear_cache())

    store = features(rows, front_end, on_progress=clear)
    assert cleared
    assert store.made == 9
    check(store, rows, front_end)
    assert features(rows, front_end).made == 0


def test_a_store_outlives_the_cache(rows, front_end):
    store = features(rows, front_end)
    clear_cache()
    check(store, rows, front_end)


def test_a_store_goes_to_another_process(rows, front_end):
    store = features(rows, front_end)
    sent = pickle.dumps(store)
    assert len(sent) < 4_000
    assert torch.equal(pickle.loads(sent)[3], store[3])


def test_a_cache_that_can_only_be_read(rows, front_end, monkeypatch):
    store = features(rows, front_end)

    def refused(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("os.open", refused)
    check(features(rows, front_end), rows, front_end)
    assert store.made == 6
    soundfile.write(rows[0]["path"], np.sin(np.arange(9_000)), 16_000)
    with pytest.raises(UserError, match="cannot write: Read-only"):
        features(rows, front_end)


def test_entries_and_clearing(rows, front_end, folder, root):
    assert cache_entries() == []
    features(rows, front_end)
    features(rows[:2], load_front_end("logmel"))
    spectrogram, hubert = cache_entries()
    assert (spectrogram.name, spectrogram.clips, hubert.clips) == ("logmel", 2, 6)
    assert hubert.name == Path(folder).name
    assert hubert.size >= sum(mapped(path).nbytes for path in hubert.folder.glob("*.f16"))
    assert hubert.last_used == pytest.approx(time.time(), abs=60)
    with pytest.raises(UserError, match=r"unknown cached front end .* Known: logmel, tiny-hubert"):
        clear_cache("wavlm")
    assert [entry.name for entry in clear_cache("logmel")] == ["logmel"]
    assert [entry.name for entry in cache_entries()] == ["tiny-hubert"]
    (hubert.folder / "about.json").write_text("{")
    assert [entry.clips for entry in cache_entries()] == [6]
    (root / "not-a-cache").mkdir()
    clear_cache()
    assert cache_entries() == []
    assert [path.name for path in root.iterdir() if path.name[0] != "."] == ["not-a-cache"]


def test_command(rows, front_end, run_main):
    features(rows, front_end)
    shown = run_main("data", "cache", "--format", "json")
    (table,) = json.loads(shown.out)["tables"]
    assert table["columns"] == [
        *["front end", "weights", "states", "precision", "clips", "MB", "last used"]
    ]
    assert table["rows"][0][:1] + table["rows"][0][2:5] == ["tiny-hubert", "layer 2", "fp32", 6]
    assert "unknown cached front end 'x'" in run_main("data", "cache", "x").error_line
    assert "unknown cached front end 'x'" in run_main("data", "cache", "--clear", "x").error_line
    assert "unknown format" in run_main("data", "cache", "--format", "xml").error_line
    assert "tiny-hubert" in run_main("data", "cache", "--clear", "tiny-hubert").out
    assert cache_entries() == []
    assert run_main("data", "cache", "--clear").code == 0


def test_showing_it_loads_no_torch(run_python):
    code = """
import sys
import nlpcl.audio.features.cache as cache
cache.cache_entries()
print([name for name in ("torch", "numpy", "soundfile", "transformers") if name in sys.modules])
"""
    assert run_python(code).out.strip() == "[]"


@pytest.mark.data
def test_real_clips(shared_data):
    paths = sorted((shared_data / "audio").rglob("*.flac"))[::150]
    rows = [{"path": str(path)} for path in paths]
    front_end = load_front_end("builtin", precision="fp32")
    store = features(rows, front_end)
    assert not store.problems
    check(store, rows, front_end)
