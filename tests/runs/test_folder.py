"""Run folders as files: new ones, taken ones, and which one ``--resume auto`` goes on with."""

from __future__ import annotations

import json

import pytest

from nlpcl import zoo
from nlpcl.cli import train
from nlpcl.core.errors import UserError
from nlpcl.core.locks import LOCK, only_writer
from nlpcl.runs.folder import Newest, new_folder, newest_run, stamped_folder, unfinished_run

SDCL = zoo.entry("sdcl")


@pytest.fixture(autouse=True)
def there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def begun(name, started, *, root="runs", **facts):
    """A run folder as far as its record tells."""
    from pathlib import Path

    folder = Path(root) / name
    folder.mkdir(parents=True)
    config = {"lr": 1e-3, "seed": 0} | facts.pop("config", {})
    record = {"model": "sdcl", "task": "correction", "state": "interrupted"}
    times = {"started": started} | {name: facts.pop(name) for name in ["ended"] if name in facts}
    record |= {name: f"{day}T00:00:00+00:00" for name, day in times.items() if day}
    (folder / "run.json").write_text(json.dumps(record | {"config": config} | facts))
    return folder


def test_the_newest_unfinished_run_of_the_model_is_found():
    assert unfinished_run(SDCL, {}) == (None, None)
    begun("c", "2026-01-01")
    wanted = begun("b", "2026-01-03", state="running")
    begun("a", "2026-01-02")
    begun("finished", "2026-01-09", state="finished")
    begun("other", "2026-01-09", model="mlm")
    begun("damaged", "2026-01-09", config={}, format=99)
    assert unfinished_run(SDCL, {}) == (wanted, None)


def test_a_run_with_other_settings_is_passed_over():
    first = begun("first", "2026-01-01", config={"seed": 1})
    second = begun("second", "2026-01-02", config={"clip": 0.5})
    assert unfinished_run(SDCL, {"seed": 1}).folder == first
    assert unfinished_run(SDCL, {"lr": 1e-3, "seed": 0}).folder == second
    assert unfinished_run(SDCL, {"max_grad_norm": 0.5}).folder == second, "under its former name"
    assert unfinished_run(SDCL, {"seed": 2}).folder is None


def test_a_run_that_is_being_written_is_passed_over():
    wanted, busy = begun("idle", "2026-01-01"), begun("busy", "2026-01-02")
    with only_writer(busy, print):
        assert unfinished_run(SDCL, {}).folder == wanted
    assert unfinished_run(SDCL, {}).folder == busy


def test_a_run_with_code_of_its_own_is_passed_over():
    own = begun("own", "2026-01-02")
    (own / "code").mkdir()
    assert unfinished_run(SDCL, {}) == (None, own)
    older = begun("older", "2026-01-01")
    assert unfinished_run(SDCL, {}) == (older, own)
    newer = begun("newer", "2026-01-03")
    assert unfinished_run(SDCL, {}) == (newer, None), "no word of older ones"


@pytest.mark.parametrize("setting", [{"data": "sample, ../x.py"}, {"backbone": "runs/own"}])
def test_a_run_whose_settings_name_code_is_passed_over_unless_the_user_names_it(setting):
    (begun("own", "2026-01-01", state="finished") / "code").mkdir()
    folder = begun("one", "2026-01-02", config=setting)
    assert unfinished_run(SDCL, {}) == (None, folder)
    assert unfinished_run(SDCL, setting) == (folder, None)


def test_the_newest_finished_run_is_that_of_its_task_without_code():
    finished = {"state": "finished", "task": "correction"}
    old = begun("old", "", ended="2026-01-01", **finished)
    begun("other", "", ended="2026-01-05", **finished | {"task": "emotion"})
    begun("stopped", "", ended="2026-01-05", **finished | {"state": "interrupted"})
    own = begun("own", "", ended="2026-01-02", model="mine", **finished)
    (own / "code").mkdir()
    assert newest_run("correction") == Newest(old, own)
    mine = zoo.Entry("mine", "nlpcl_own_mine", own, own=True)
    assert newest_run("correction", mine) == Newest(own, None)
    assert newest_run("masked_lm") == Newest(None, None)


@pytest.fixture
def auto(run_main, monkeypatch, tmp_path):
    """``auto(*flags)``: what ``nlpcl train sdcl --resume auto`` would do."""

    def run(*arguments):
        done = []
        monkeypatch.setattr(
            train, "start", lambda config, out, *_, **__: done.append((config, out))
        )
        monkeypatch.setattr(train, "go_on", lambda name, folder, *_, **__: done.append(folder))
        result = run_main("train", "sdcl", "--resume", "auto", *arguments)
        assert result.code == 0 or not done
        return result, *done

    return run


def test_auto_begins_or_goes_on(auto):
    result, (config, out) = auto("--seed", "3")
    assert (config.seed, out) == (3, None)
    assert "a new one starts" in result.err
    folder = begun("one", "2026-01-01", config={"seed": 3})
    result, found = auto("--seed", "3")
    assert found == folder
    assert f"resumes {folder}" in result.err
    assert auto()[1] == folder


def test_auto_says_how_to_name_a_run_that_it_passes_over(auto):
    folder = begun("one", "2026-01-01", config={"data": "mine.py"})
    result, (_, out) = auto()
    assert out is None
    passes, starts = result.err.splitlines()
    assert f"passes over {folder}" in passes and passes.endswith(f"--resume {folder}")
    assert "a new one starts" in starts


def test_auto_with_out_is_that_run(auto):
    begun("newer", "2026-01-02")
    folder = begun("mine", "2026-01-01", root="place")
    assert auto("--out", folder)[1] == folder
    _, (_, out) = auto("--out", "place/new")
    assert str(out) == "place/new"
    (refused,) = auto("--out", folder, "--lr", "0.5")
    assert "--lr of place/mine: was begun with another value" in refused.error_line


def test_a_new_folder_may_hold_nothing_but_a_lock(there):
    (there / "left").mkdir(parents=True)
    (there / "left" / LOCK).touch()
    with new_folder(there / "left", "sdcl") as folder:
        (folder / "run.json").touch()
    with pytest.raises(UserError, match=r"not empty.*--resume"), new_folder(folder, "sdcl"):
        pass


def test_folders_of_one_second_have_names_of_their_own(there):
    made = {stamped_folder("sdcl") for _ in range(20)}
    assert len(made) == 20
    assert all((there.parent / folder).is_dir() for folder in made)
