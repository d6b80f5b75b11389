"""``nlpcl visualize``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from nlpcl.cli.visualize import own_place


@pytest.fixture(scope="module")
def drawn(command_line, finished_run, tmp_path_factory):
    """The report of an SDCL run."""
    folder = tmp_path_factory.mktemp("drawn")
    result = command_line(["visualize", finished_run, "--out", folder])
    assert result.code == 0, result.err
    assert result.out.strip() == str(folder / "report.html")
    return folder


def test_a_spelling_run_has_its_figures(drawn):
    page = (drawn / "report.html").read_text(encoding="utf-8")
    for name in ("curves", "characters", "corrections", "similarity"):
        assert f'<section id="{name}">' in page
        assert (drawn / f"{name}.csv").is_file()
    assert "not what was expected" not in page


def test_cosines_before_and_after_training_are_in_the_data(drawn):
    import csv

    with (drawn / "characters.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["model"] for row in rows} == {"before", "after"}
    assert all(row["written"] != row["right"] for row in rows)
    before, after = (
        [float(row["cosine"]) for row in rows if row["model"] == name]
        for name in ("before", "after")
    )
    assert len(before) == len(after)
    assert before != after


def test_list_says_why(run_main, finished_run):
    result = run_main("visualize", "--list", finished_run)
    assert result.code == 0
    assert "characters" in result.out
    assert "runs of classification" in " ".join(result.out.split())


def test_chosen_figures_as_pictures(run_main, finished_run, tmp_path):
    result = run_main(
        "visualize", finished_run, "--only", "curves", "--format", "svg", "--out", "p"
    )
    assert result.code == 0
    assert sorted(path.name for path in (tmp_path / "p").iterdir()) == ["curves.csv", "curves.svg"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["nowhere"], ["nowhere", "no such run folder"]),
        (["."], ["is no run folder"]),
        (["RUN", "--only", "curvse"], ["unknown figure 'curvse'", "Did you mean 'curves'"]),
        (["RUN", "--format", "gif"], ["unknown format 'gif'"]),
        (["RUN", "--only", "gate"], ["no figure can be drawn", "runs of classification"]),
        (["RUN", "--audio", "no.wav"], ["--audio no.wav", "no such file"]),
        (["RUN", "--format", "png", "--out", "a.html"], ["is no folder for png files"]),
        ([], ["visualize"]),
    ],
)
def test_mistakes_are_one_line(run_main, finished_run, arguments, parts):
    given = [finished_run if argument == "RUN" else argument for argument in arguments]
    line = run_main("visualize", *given).error_line
    assert all(part in line for part in parts), line


def test_a_damaged_record_is_one_line(run_main, tmp_path):
    (tmp_path / "run.json").write_text("{")
    assert "run.json" in run_main("visualize", tmp_path).error_line
    (tmp_path / "run.json").write_text('{"model": "sdcl"}')
    assert "run.json: lacks 'config'" in run_main("visualize", tmp_path).error_line


def test_an_out_that_is_a_file_is_refused(run_main, finished_run, tmp_path):
    (tmp_path / "taken").write_text("")
    assert "is a file" in run_main("visualize", finished_run, "--out", "taken").error_line


def test_several_runs_have_a_place_of_their_own(run_main, finished_run, tmp_path):
    """The report of the first one alone stays what it is."""
    first = shutil.copytree(finished_run, tmp_path / "runs" / "first")
    shutil.copytree(finished_run, tmp_path / "runs" / "second")
    assert run_main("visualize", "runs/first", "--only", "curves").code == 0
    report = first / "figures" / "report.html"
    before = report.read_bytes()
    result = run_main("visualize", "runs/first", "runs/second", "--only", "runs")
    assert result.code == 0, result.err
    assert result.out.strip() == "runs/figures-first-second/report.html"
    assert (tmp_path / result.out.strip()).is_file()
    assert report.read_bytes() == before
    assert sorted(path.name for path in first.iterdir()) == sorted(
        [*(path.name for path in finished_run.iterdir()), "figures"]
    )


def test_the_place_of_several_runs_is_never_within_one_of_them(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert own_place([Path(), Path("../b")]) == tmp_path / "figures-a-b"
    many = [Path(f"runs/{number}") for number in range(9)]
    assert own_place(many) == Path("runs/figures-0-1-2-3-and-5-more")
    assert own_place(many[:1]) == Path("runs/0/figures")
