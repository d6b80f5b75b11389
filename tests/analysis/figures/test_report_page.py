"""The HTML report, the files beside it, and what is left out."""

from __future__ import annotations

import base64
import csv
import io
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from matplotlib import font_manager

from nlpcl import tasks
from nlpcl.analysis.figures import fonts, making, page_fonts, registry
from nlpcl.analysis.figures.kinds import Kind, Material
from nlpcl.analysis.figures.page import page
from nlpcl.analysis.figures.sources import open_sources
from nlpcl.analysis.figures.text import Line, Piece, as_html, draw
from nlpcl.analysis.figures.writing import write
from nlpcl.core.errors import UserError


@pytest.fixture(scope="module")
def report(run_folder, report_parts, tmp_path_factory):
    """A written report, as text, with its folder; read it, never change it."""
    place = tmp_path_factory.mktemp("report")
    leaks = {"statement": "No speaker is shared.", "manifest": "abc", "folds": []}
    table = {"name": "classification", "columns": ["score", "value", "low", "high"]}
    table |= {"rows": [["<ua>", 50.0, 40.0, 60.0]], "title": "Headline", "note": "Percent."}
    folder = run_folder(
        place / "a<b", **report_parts, leaks=leaks,
        report={"metrics": {"ua": 50.0}, "tables": [table]},
    )  # fmt: skip
    sources = open_sources([folder])
    made, missing = making.make(sources)
    written = write(sources, made, missing, place / "out", "html")
    return written[0].read_text(encoding="utf-8"), place / "out"


def test_the_report_asks_nothing_of_the_network(report):
    page, _ = report
    places = re.findall(r"""(?:src|href|action|data)\s*=\s*["']([^"']*)""", page)
    places += re.findall(r"url\(([^)]*)\)", page)
    assert places
    assert not [place for place in places if re.match(r"\s*['\"]?(https?:)?//", place)]
    assert "<script" not in page
    assert "@import" not in page
    assert "default-src 'none'" in page


def test_the_report_holds_settings_protocol_leaks_tables_and_reasons(report):
    page, _ = report
    for part in (
        "invented protocol",
        "No speaker is shared.",
        "Headline",
        "&lt;ua&gt;",
        "50.00 (40.00–60.00)",
        "a&lt;b",
        "epochs",
        "a threshold decides between two classes",
        "it needs a long sound file",
    ):
        assert part in page or part.startswith("it needs"), part
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page
    assert "<ua>" not in page


def test_data_stand_in_the_report_and_beside_it(report):
    page, folder = report
    inlined = re.search(r'download="confusion.csv" href="data:text/csv;base64,([^"]*)"', page)
    text = base64.b64decode(inlined[1]).decode()
    assert text == (folder / "confusion.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["gold"] == "angry"
    assert (folder / "confusion.png").read_bytes().startswith(b"\x89PNG")
    assert not list(folder.glob(".*"))


def test_pictures_follow_the_colours_of_the_page_and_share_no_ids(report):
    page, _ = report
    assert "var(--ink)" in page
    assert "#131415;" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    ids = re.findall(r'\bid="([^"]*)"', page)
    assert len(ids) == len(set(ids))
    used = set(re.findall(r'xlink:href="#([^"]*)"', page)) | set(
        re.findall(r"url\(#([^)]*)\)", page)
    )
    assert used <= set(ids)


@pytest.mark.parametrize("format", ["png", "svg", "pdf"])
def test_other_formats_are_a_file_a_figure(make_run, clip_rows, tmp_path, format):
    sources = open_sources([make_run(rows=clip_rows)])
    made, missing = making.make(sources, ["confusion", "mistakes"])
    names = {path.name for path in write(sources, made, missing, tmp_path / "out", format)}
    assert names == {f"confusion.{format}", "confusion.csv", "mistakes.csv"}


def test_equal_data_give_equal_files(make_run, clip_rows, tmp_path):
    sources = open_sources([make_run(rows=clip_rows)])
    for place in ("a", "b"):
        made, missing = making.make(sources, ["confusion"])
        write(sources, made, missing, tmp_path / place, "svg")
    assert (tmp_path / "a/confusion.svg").read_bytes() == (
        tmp_path / "b/confusion.svg"
    ).read_bytes()


def test_a_run_without_predictions_keeps_its_curves(make_run, history):
    made, missing = making.make(open_sources([make_run(history=history)]))
    assert [one.kind.name for one in made] == ["curves"]
    reasons = {one.name: one.reason for one in missing}
    assert "no predictions.jsonl" in reasons["confusion"]
    assert "holds no model" in reasons["attention"]


def test_damaged_rows_leave_one_figure_out(make_run, clip_rows):
    del clip_rows[5]["gold"]
    made, missing = making.make(
        open_sources([make_run(rows=clip_rows, history=[{"epoch": 1, "loss": 2}])])
    )
    assert [one.kind.name for one in made] == ["curves"]
    reason = next(one.reason for one in missing if one.name == "confusion")
    assert "line 6: lacks 'gold'" in reason
    assert "\n" not in reason


def test_every_figure_of_another_task_says_whose_it_is(make_run, clip_rows):
    rows = making.listing(open_sources([make_run(rows=clip_rows)]))
    found = {name: (drawn, reason) for _, name, drawn, reason in rows}
    assert set(found) == {kind.name for kind in registry.kinds() if kind.scope != "ablation"}
    assert found["gate"] == (False, "it is for runs of classification")
    assert found["confusion"] == (True, "")
    assert "mistakes" in found
    assert all(drawn or reason for drawn, reason in found.values())


def test_two_runs_are_told_apart_by_their_files(make_run, clip_rows):
    sources = open_sources([make_run(name, rows=clip_rows) for name in ("a/run", "b/run")])
    made, missing = making.make(sources, ["confusion", "embedding"])
    assert sorted(one.stem for one in made) == ["b-run-confusion", "run-confusion"]
    assert {one.name for one in missing} == {"embedding"}


def test_names_in_the_registry_are_known_and_others_refused():
    assert {"curves", "confusion", "characters", "gate", "attention", "forest"} <= set(
        registry.names()
    )
    with pytest.raises(UserError, match="Did you mean 'confusion'"):
        registry.check(["confussion"])
    for kind in registry.kinds():
        assert kind.draw is not None or kind.name == "mistakes"
        assert set(kind.tasks) <= set(tasks.names())


def test_every_file_of_figures_has_tests_of_its_own():
    here = Path(__file__).parent
    files = {kind.load.__module__.rpartition(".")[2] for kind in registry.kinds()}
    assert {name for name in files if not (here / f"test_{name}.py").is_file()} == set()


def test_text_is_shown_with_weights_and_escaped():
    lines = [
        Line("a<b", [Piece("好", 0.5, "+0.5"), Piece(" & "), Piece("坏", -1.0, is_marked=True)])
    ]
    shown = as_html(lines)
    assert "a&lt;b" in shown
    assert "rgba(224,118,26,0.38)" in shown
    assert "underline" in shown
    texts = [text.get_text() for text in draw(lines).axes[0].texts]
    assert {"好", "坏"} <= set(texts)


def test_long_texts_are_wrapped_within_the_picture():
    from nlpcl.analysis.figures.text import COLUMNS, placed, width_of

    cells = list(placed([Line("head", [Piece("字") for _ in range(100)])]))
    assert all(column + width_of(piece.text) <= COLUMNS for _, column, _, piece in cells)
    assert len({row for row, *_ in cells}) == 4  # a heading and three rows


def test_without_a_chinese_font_chinese_is_left_out_and_said_so(monkeypatch):
    monkeypatch.setattr(fonts, "chinese_font", lambda: None)
    kind = Kind("x", "X", lambda run, options: Material({}, [], ""), picture)
    given = SimpleNamespace(remark="")
    found = making.one(making.Candidate(kind, "", given), "x", making.Options())
    assert "fonts-noto-cjk" in found.note
    texts = [text.get_text() for text in found.figure.axes[0].texts]
    assert texts == ["U+65E9", "plain"]
    found.figure.canvas.draw()
    assert [label.get_text() for label in found.figure.axes[0].get_xticklabels()] == ["", "b"]
    as_text = Kind("x", "X", lambda run, options: Material({}, [], "", "<p>早</p>"), picture)
    found = making.one(making.Candidate(as_text, "", given), "x", making.Options())
    assert found.figure is None


def test_with_a_chinese_font_it_is_used(monkeypatch):
    monkeypatch.setattr(fonts, "chinese_font", lambda: "Some Font")
    figure = picture()
    assert fonts.dress(figure)
    first, second = figure.axes[0].texts
    assert first.get_fontfamily() == [fonts.PLAIN, "Some Font"]
    assert second.get_fontfamily() == [fonts.PLAIN] or "Some Font" not in second.get_fontfamily()


@pytest.fixture
def chinese_page(make_run):
    """``chinese_page()`` → the report of a run with a Chinese name, as text."""
    sources = open_sources([make_run("早上<好>")])
    return lambda: page(sources, [], [], {})


def test_without_a_chinese_font_the_page_says_what_to_install(chinese_page, monkeypatch):
    monkeypatch.setattr(page_fonts, "chinese_file", lambda: None)
    assert "fonts-noto-cjk" in chinese_page()
    assert "@font-face" not in chinese_page()


def test_the_page_carries_a_font_with_just_its_own_characters(chinese_page, monkeypatch):
    from fontTools.ttLib import TTFont

    # A font that every machine has stands for a Chinese one: it is asked for what it holds.
    monkeypatch.setattr(page_fonts, "chinese_file", lambda: font_manager.findfont(fonts.PLAIN))
    monkeypatch.setattr(page_fonts, "undrawable", lambda text: [c for c in text if c in "早od"])
    found = chinese_page()
    assert "fonts-noto-cjk" not in found
    assert "font-src data:" in found
    data = re.search(r"@font-face .*?base64,([^)]*)\)", found)
    font = TTFont(io.BytesIO(base64.b64decode(data[1])))
    assert set(font.getBestCmap()) == {ord("o"), ord("d")}


def test_a_damaged_font_does_not_cost_the_report(chinese_page, monkeypatch, tmp_path):
    font = tmp_path / "font.ttf"
    font.write_bytes(b"no font")
    monkeypatch.setattr(page_fonts, "chinese_file", lambda: str(font))
    assert "fonts-noto-cjk" in chinese_page()


def test_emoji_are_not_taken_for_chinese(monkeypatch):
    monkeypatch.setattr(page_fonts, "chinese_file", lambda: None)
    assert page_fonts.font_for("<p>plain \U0001f921</p>") == ("", "")
    assert page_fonts.font_for("<p data-x='早'>plain</p>") == ("", "")


def test_a_page_without_chinese_needs_no_font(report):
    text, _ = report
    assert "@font-face" not in text
    assert "fonts-noto-cjk" not in text


def picture():
    from nlpcl.analysis.figures.style import panels

    figure, (axes,) = panels()
    axes.text(0, 0, "早")
    axes.text(0, 0, "plain")
    axes.set_xticks([0, 1], ["早晨好", "b"])
    return figure
