"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from nlpcl.core.errors import UserError
from nlpcl.core.files import (
    atomic_file,
    atomic_folder,
    make_folder,
    remove_parts,
    write_csv,
    write_json,
    write_json_lines,
)
from nlpcl.core.json_files import read_json, read_json_lines


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_replaces_the_old_one_at_the_end(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    for text in ("first", "second"):
        with atomic_file(path) as stream:
            stream.write(text)
            stream.flush()
            assert not path.exists() or path.read_text() == "first"
        assert path.read_text() == text
    assert names(path.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_file_keeps_its_content_after_an_error(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error), atomic_file(path) as stream:
        stream.write("half")
        raise error
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_file_alone(tmp_path, monkeypatch, step):
    path = tmp_path / "a.json"
    write_json(path, {"kept": True})
    monkeypatch.setattr(os, step, no_space)
    with pytest.raises(UserError, match=r"a\.json: cannot write: No space left.*Free some space"):
        write_json(path, {"kept": False})
    assert read_json(path, dict[str, Any]) == {"kept": True}
    assert names(tmp_path) == ["a.json"]


def test_a_folder_replaces_the_old_one_at_the_end(tmp_path):
    path = tmp_path / "deep" / "model"
    for name in ("first", "second"):
        with atomic_folder(path) as place:
            assert not names(place)
            (place / name).touch()
            assert not path.exists() or names(path) == ["first"]
        assert names(path) == [name]
    assert names(path.parent) == ["model"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_folder_keeps_its_content_after_an_error(tmp_path, error):
    path = tmp_path / "model"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(error), atomic_folder(path) as place:
        (place / "half").touch()
        raise error
    assert names(path) == ["old"]
    assert names(tmp_path) == ["model"]


def test_a_full_disk_leaves_the_folder_alone(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(UserError, match="No space left"), atomic_folder(path) as place:
        (place / "half").touch()
        no_space()
    assert names(path) == ["old"]
    assert names(tmp_path) == ["model"]


def test_what_is_left_of_a_killed_process_is_no_hindrance(tmp_path):
    left = tmp_path / f".model.{os.getpid()}.part"
    left.mkdir()
    (left / "half").touch()
    with atomic_folder(tmp_path / "model") as place:
        (place / "whole").touch()
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["whole"]


def test_no_permission_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"):
        write_json(tmp_path / "file" / "a.json", {})


def test_no_folder_is_made_at_the_root(tmp_path):
    """What runs as root may write there, and a mistyped path would."""
    for path in (Path("/nlpcl-no-such/deep/a.json"), Path("/nlpcl-no-such/a.json")):
        with pytest.raises(UserError, match="there is no folder /nlpcl-no-such"):
            write_json(path, {})
        with pytest.raises(UserError, match="there is no folder /nlpcl-no-such"):
            make_folder(path.parent)
    assert not Path("/nlpcl-no-such").exists()
    assert make_folder(tmp_path / "some" / "deep").is_dir()


def test_parts_of_killed_processes_are_removed_and_nothing_else(tmp_path):
    for name in (".model.12.part", ".model.12.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").touch()
    for name in (".run.json.12.part", "mine.part", ".hidden", "run.json"):
        (tmp_path / name).touch()
    remove_parts(tmp_path)
    assert names(tmp_path) == [".hidden", "mine.part", "run.json"]


def test_json_is_readable_text(tmp_path):
    write_json(tmp_path / "a.json", {"字": [1.5, None]})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert "字" in text
    assert text.endswith("}\n")
    assert read_json(tmp_path / "a.json", dict[str, Any]) == {"字": [1.5, None]}


def test_json_lines_and_csv(tmp_path):
    write_json_lines(tmp_path / "a.jsonl", [{"字": "一\n二"}, {"n": 1}])
    lines = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"字": "一\n二"}, {"n": 1}]
    write_csv(tmp_path / "a.csv", [{"epoch": 1, "loss": 0.5}, {"epoch": 2, "dev": 0.25}])
    text = (tmp_path / "a.csv").read_bytes().decode()
    assert text.split() == ["epoch,loss,dev", "1,0.5,", "2,,0.25"]


def test_json_lines_may_hold_any_line_mark(tmp_path):
    rows = [{"text": "a\u2028b\x85c\x1cd"}, {"text": "\n"}]  # U+2028 and the like
    write_json_lines(tmp_path / "rows.jsonl", rows)
    assert read_json_lines(tmp_path / "rows.jsonl", dict[str, str]) == rows


def test_halves_of_characters_are_written_and_read_again(tmp_path):
    """Names of files that are not UTF-8 hold them."""
    value = {"file": "a\udcff", "字": 1}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json", dict[str, Any]) == value
    write_csv(tmp_path / "a.csv", [value])
    assert (tmp_path / "a.csv").read_text(encoding="utf-8").splitlines()[1] == "a\\udcff,1"
