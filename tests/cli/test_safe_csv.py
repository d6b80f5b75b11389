"""``--safe-csv``: texts that a spreadsheet would run as formulas, in results and tables."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

TEXT = "=1+1，我在家里做饭。"


@pytest.fixture(scope="module")
def former() -> Path:
    return Path(__file__).parents[1] / "runs" / "before_rooms"


@pytest.mark.parametrize(("flags", "begin"), [([], "="), (["--safe-csv"], "'=")])
def test_results(run_main, former, flags, begin):
    arguments = ["predict", "spelling", TEXT, "--checkpoint", former / "finished", "--quiet"]
    result = run_main(*arguments, "--format", "csv", *flags, "--device", "cpu")
    assert result.code == 0, result
    (row,) = csv.DictReader(io.StringIO(result.out))
    assert row["source"].startswith(begin) and row["target"].startswith(begin)


@pytest.mark.parametrize(("flags", "begin"), [([], "=1"), (["--safe-csv"], "'=1")])
def test_tables(run_main, tmp_path, flags, begin):
    (tmp_path / "=1.csv").write_text("source,target\n我,我\n我,你你\n", encoding="utf-8")
    result = run_main("data", "check", "=1.csv", "--format", "csv", *flags)
    assert result.code == 0, result
    cells = [cell for row in csv.reader(io.StringIO(result.out)) for cell in row]
    assert any(cell.startswith(begin) for cell in cells)
    assert flags == [] or not any(cell.startswith("=") for cell in cells)


@pytest.mark.parametrize("command", [["models"], ["predict", "spelling", "我"]])
def test_it_belongs_to_csv(run_main, command):
    line = run_main(*command, "--safe-csv").error_line
    assert "--safe-csv: has no effect with --format table" in line
