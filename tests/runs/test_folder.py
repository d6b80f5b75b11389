"""Run folders as files: new ones, taken ones, and which one ``--resume auto`` goes on with."""

from __future__ import annotations

import json

import pytest

from nlpcl import zoo
from nlpcl.cli import train
from nlpcl.core.errors import UserError
from nlpcl.core.locks import LOCK, only_writer
from nlpcl.runs.folder import new_folder, stamped_folder, unfinished_run

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
    record = {"model": "sdcl", "task": "correction", "state": "interrupted", "started": started}
    (folder / "run.json").write_text(json.dumps(record | {"config": config} | facts))
    return folder


def test_the_newest_unfinished_run_of_the_model_is_found():
    assert unfinished_run(SDCL, {}) is None
    begun("c", "2026-01-01")
    wanted = begun("b", "2026-01-03", state="running")
    begun("a", "2026-01-02")
    begun("finished", "2026-01-09", state="finished")
    begun("other", "2026-01-09", model="mlm")
    begun("damaged", "2026-01-09", config={}, format=99)
    assert unfinished_run(SDCL, {}) == wanted


def test_a_run_with_other_settings_is_passed_over():
    first = begun("first", "2026-01-01", config={"seed": 1})
    second = begun("second", "2026-01-02", config={"clip": 0.5})
    assert unfinished_run(SDCL, {"seed": 1}) == first
    assert unfinished_run(SDCL, {"lr": 1e-3, "seed": 0}) == second
    assert unfinished_run(SDCL, {"max_grad_norm": 0.5}) == second, "under its former name"
    assert unfinished_run(SDCL, {"seed": 2}) is None


def test_a_run_that_is_being_written_is_passed_over():
    wanted, busy = begun("idle", "2026-01-01"), begun("busy", "2026-01-02")
    with only_writer(busy, print):
        assert unfinished_run(SDCL, {}) == wanted
    assert unfinished_run(SDCL, {}) == busy


def test_a_run_with_code_of_its_own_is_passed_over():
    (begun("own", "2026-01-02") / "code").mkdir()
    assert unfinished_run(SDCL, {}) is None


@pytest.fixture
def auto(run_main, monkeypatch, tmp_path):
    """``auto(*flags)``: what ``nlpcl train sdcl --resume auto`` would do."""

    def run(*arguments):
        done = []
        monkeypatch.setattr(train, "start", lambda config, out, quiet: done.append((config, out)))
        monkeypatch.setattr(train, "go_on", lambda name, folder, *_: done.append(folder))
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
