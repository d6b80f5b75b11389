"""Standard output that is full, or whose reader has gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
SHORT = [
    ["--version"],
    ["models"],
    ["data", "list", "--format", "csv"],
    ["train", "sdcl", "--help"],
]


def start(arguments, stdout, folder):
    return subprocess.Popen(
        [sys.executable, "-m", "nlpcl", *map(str, arguments)],
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", SHORT, ids=" ".join)
def test_a_full_standard_output_is_one_line(arguments, tmp_path):
    with FULL.open("wb") as stream:
        process = start(arguments, stream, tmp_path)
        err = process.communicate(timeout=600)[1].decode()
    assert process.returncode == 2, err
    assert err.startswith("nlpcl: ")
    assert len(err.splitlines()) == 1
    assert "No space left" in err


@pytest.mark.parametrize("arguments", SHORT, ids=" ".join)
def test_a_reader_that_went_away_is_no_mistake(arguments, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    process = start(arguments, writing, tmp_path)
    os.close(writing)
    err = process.communicate(timeout=600)[1].decode()
    assert process.returncode in {0, 1}, "the parser and rich give up with 1"
    assert err == ""


@pytest.mark.slow
def test_predictions_for_a_reader_that_went_away(tmp_path, finished_run):
    (tmp_path / "in.txt").write_text("我再家里\n" * 3000, encoding="utf-8")
    flags = ["--checkpoint", finished_run, "--format", "jsonl", "--quiet", "--chunk-size", 100]
    arguments = ["predict", "spelling", "--input", "in.txt", *flags]
    process = start(arguments, subprocess.PIPE, tmp_path)
    first = process.stdout.readline()
    process.stdout.close()
    err = process.stderr.read().decode()
    assert process.wait(timeout=600) in {0, 1}
    assert b'"source"' in first
    assert err == ""
