"""Every example runs, in seconds, on a tiny encoder."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
from pathlib import Path

from nlpcl.zoo.globalpointer import config as globalpointer
from nlpcl.zoo.sdcl.config import VARIANTS

EXAMPLES = Path(__file__).parents[1] / "examples"
DIVERGENCES = (EXAMPLES / "divergences.md").read_text(encoding="utf-8")

RECORDER = """#!/usr/bin/env bash
printf '%s\\n' "$@" > "$(mktemp "$RECORDED/XXXXXX")"
"""
"""Stands in for nlpcl and notes its arguments, one a line."""


def test_python_api(settings, tmp_path, capsys):
    main = runpy.run_path(str(EXAMPLES / "python_api.py"))["main"]
    main(str(tmp_path / "run"), **settings)
    printed = capsys.readouterr().out
    assert "correction F1" in printed
    assert "我每天都吃旱饭。 → " in printed
    assert (tmp_path / "run" / "report.json").is_file()


def test_own_model_is_small():
    files = list((EXAMPLES / "own_model").glob("*.py"))
    assert {file.name for file in files} == {"config.py", "model.py", "test_own_model.py"}
    own = [file for file in files if not file.name.startswith("test")]
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in own) <= 60


def test_own_model_trains_and_corrects(settings, flags, run_main, tmp_path):
    out = tmp_path / "run"
    given = flags(settings | {"detection": 0.5})
    trained = run_main("train", EXAMPLES / "own_model", *given, "--out", out)
    assert trained.code == 0, trained
    history = (out / "history.csv").read_text(encoding="utf-8")
    assert "loss_detection" in history
    assert "loss_correction" in history
    predicted = run_main(
        "predict", "spelling", "我每天都吃旱饭", "--checkpoint", out, "--format", "text"
    )
    assert predicted.code == 0, predicted
    assert len(predicted.out.strip()) == 7


def test_paper_settings(settings, run_main, tmp_path):
    """The script in bash with a recorder for nlpcl; then what it recorded, in this process."""
    commands, recorded = tmp_path / "bin", tmp_path / "recorded"
    commands.mkdir()
    recorded.mkdir()
    (commands / "nlpcl").write_text(RECORDER)
    (commands / "nlpcl").chmod(0o755)
    given = {
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "RECORDED": str(recorded),
        "DATA": settings["data"],
        "BACKBONE": settings["backbone"],
        "OUT": str(tmp_path / "runs"),
        "SEEDS": "1",
        "FLAGS": "--epochs 1 --precision fp32 --device cpu --quiet",
    }
    script = ["bash", str(EXAMPLES / "paper_settings.sh")]
    subprocess.run(script, check=True, env=os.environ | given, cwd=tmp_path, timeout=600)
    (file,) = recorded.iterdir()
    arguments = file.read_text(encoding="utf-8").splitlines()
    place = arguments.index("--variants") + 1
    named = "sdcl,no-contrast,no-copy,student-negatives,batch-negatives,elementwise"
    assert arguments[place] == named
    assert set(named.split(",")) <= VARIANTS.keys()
    arguments[place] = "sdcl,elementwise"  # two are enough to see that they train
    result = run_main(*arguments)
    assert result.code == 0, result
    cells = (tmp_path / "runs" / "cells").glob("*/seed-0/report.json")
    assert {path.parts[-3] for path in cells} == {"sdcl", "elementwise"}


def fenced(language):
    """The blocks of a language in the page of mathematics."""
    return re.findall(rf"^```{language}\n(.*?)^```$", DIVERGENCES, re.DOTALL | re.MULTILINE)


def test_the_page_of_mathematics_quotes_all_that_its_script_prints(capsys):
    runpy.run_path(str(EXAMPLES / "divergences.py"), run_name="__main__")
    assert capsys.readouterr().out == "".join(fenced("text"))


def test_the_page_of_mathematics_names_tests_and_commands_that_exist(tmp_path):
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", DIVERGENCES)
    assert len(named) == DIVERGENCES.count(".py::") > 20
    for file, test in named:
        written = (Path(__file__).parent / file).read_text(encoding="utf-8")
        assert f"def {test}(" in written, f"{file}::{test}"
    own = (Path(__file__).parent / "nn/losses/test_divergence_mathematics.py").read_text("utf-8")
    assert set(re.findall(r"^def (test_\w+)", own, re.MULTILINE)) <= {test for _, test in named}
    (variants,) = re.findall(r"--variants (\S+)", DIVERGENCES)
    assert set(variants.split(",")) <= globalpointer.VARIANTS.keys()
    (snippet,) = fenced("python")
    (tmp_path / "snippet.py").write_text(snippet, encoding="utf-8")
    assert runpy.run_path(str(tmp_path / "snippet.py"))["divergence"] > 0


def test_links_within_the_page_of_mathematics():
    headings = re.findall(r"^#+ (.*)$", DIVERGENCES, re.MULTILINE)
    anchors = {heading.lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\(#([^)]*)\)", DIVERGENCES)) <= anchors
