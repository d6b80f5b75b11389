"""Help appears at once, names every setting with its default, and loads nothing heavy."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

import nlpcl
from nlpcl import tasks, zoo

HEAVY = ("torch", "torchaudio", "transformers", "pandas", "numpy", "datasets", "accelerate")

LOADED = """
import contextlib, io, json, sys
from nlpcl.cli import main

for arguments in json.loads(sys.argv[1]):
    sys.argv = ["nlpcl", *arguments]
    code, err = 0, io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as stop:
            code = stop.code
    loaded = [name for name in HEAVY if name in sys.modules]
    print(json.dumps([arguments, code, bool(err.getvalue()), loaded]))
""".replace("HEAVY", repr(HEAVY))

WIDE = {"COLUMNS": "300", "TERMINAL_WIDTH": "300", "NO_COLOR": "1"}

LIGHT = [
    ["--help"],
    ["--version"],
    ["train", "--help"],
    ["train", "sdcl", "--help"],
    ["predict", "--help"],
    ["predict", "spelling", "--help"],
    ["eval", "--help"],
    ["data", "--help"],
    ["data", "list"],
    ["data", "check", "--help"],
    ["models"],
    ["models", "--format", "json"],
    ["train", "scdl"],
    ["train", "sdcl", "--lr", "abc"],
    ["train", "sdcl", "--lr", "-1"],
    ["train", "sdcl", "--epohcs", "1"],
    ["eval", "nowhere", "--format", "xml"],
    ["predict", "spelling"],
    ["ablate", "sdcl", "--help"],
    ["ablate", "sdcl", "--variants", "nothing"],
]


def test_nothing_heavy_is_loaded(run_python):
    result = run_python(LOADED, json.dumps(LIGHT))
    told = [json.loads(line) for line in result.out.splitlines()]
    assert [arguments for arguments, *_ in told] == LIGHT, result.err
    for arguments, code, complains, loaded in told:
        assert loaded == [], arguments
        assert (code or 0) == (2 if complains else 0), arguments


@pytest.mark.parametrize("name", zoo.names())
def test_every_setting_is_listed_with_its_default(name, run_main):
    result = run_main("train", name, "--help", env=WIDE)
    assert result.code == 0
    assert result.err == ""
    entry = zoo.entry(name)
    lines = {}
    for line in result.out.splitlines():
        if found := re.match(r"\W*(--[a-z0-9-]+)", line):
            lines[found.group(1)] = line
    for field in dataclasses.fields(entry.config_class):
        if "help" not in field.metadata:
            continue
        line = lines["--" + field.name.replace("_", "-")]
        assert field.metadata["help"] in line, field.name
        shown = {None: "none", "": "none", True: "on", False: "off"}.get(
            field.default, str(field.default)
        )
        if not isinstance(field.default, bool) and field.default in (0, 1):
            shown = str(field.default)
        unit = "" if field.default is None else field.metadata["unit"]
        is_told = field.default is None and "by default" in field.metadata["help"]
        assert (f"(default: {shown}{' ' + unit if unit else ''})" in line) != is_told, line
    for own in ("--preset", "--out", "--resume", "--quiet"):
        assert own in lines


@pytest.mark.parametrize("name", zoo.names())
def test_a_narrow_terminal_cuts_nothing_off(name, run_main):
    result = run_main("train", name, "--help", env={"COLUMNS": "80", "NO_COLOR": "1"})
    assert "…" not in result.out.replace("… that become", "")
    for field in dataclasses.fields(zoo.entry(name).config_class):
        if "help" in field.metadata:
            assert "--" + field.name.replace("_", "-") in result.out


def test_the_verbs_and_models_are_listed(run_main):
    out = run_main("--help").out
    for verb in ("train", "eval", "predict", "ablate", "visualize", "models", "data"):
        assert re.search(rf"^\s*{verb}\s+\w", out, re.MULTILINE), verb
    out = run_main("train", "--help").out
    for name in zoo.names():
        assert re.search(rf"\b{name}\s+{zoo.entry(name).summary[:12]}", out), name


@pytest.mark.parametrize("name", tasks.names())
def test_predict_says_what_a_task_does_and_takes(name, run_main):
    spec = tasks.spec(name)
    if spec.prediction is None:
        pytest.skip("it predicts nothing")
    out = run_main("predict", spec.prediction.noun, "--help", env=WIDE).out
    assert spec.summary in out
    for field in dataclasses.fields(spec.prediction.options):
        assert "--" + field.name.replace("_", "-") in out
    # Words are explained and encoders wrapped where the task can; sound comes in windows.
    assert ("--explain" in out) == ("words" in spec.analyses)
    assert ("--assume-tuned" in out) == spec.prediction.wraps_encoders
    assert ("Sound files" in out) == (spec.input == "speech")


@pytest.mark.parametrize(
    "arguments", [[], ["train"], ["predict"], ["data"]], ids=lambda words: " ".join(words) or "-"
)
def test_a_command_without_arguments_shows_its_help(arguments, run_main):
    asked, bare = run_main(*arguments, "--help"), run_main(*arguments)
    assert asked.code == 0
    assert asked.err == ""
    assert asked.out.strip() in (bare.out + bare.err)


def test_help_and_version_are_as_usual(run_main, run_cli):
    assert run_main("-h").out == run_main("--help").out
    assert run_main("--version").out == f"nlpcl {nlpcl.__version__}\n"
    assert run_cli("--version").out == f"nlpcl {nlpcl.__version__}\n"


def test_models_lists_variants_and_presets(run_main):
    for name in zoo.names():
        assert name in run_main("models").out
        for word in [*zoo.entry(name).variants, *zoo.entry(name).presets]:
            assert word in run_main("models", "--format", "json").out


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown", "latex"])
@pytest.mark.parametrize("verb", [["models"], ["data", "list"]], ids=" ".join)
def test_every_format(verb, form, run_main):
    import json

    result = run_main(*verb, "--format", form)
    assert result.code == 0
    assert "s" in result.out
    if form == "json":
        assert json.loads(result.out)["tables"][0]["rows"]
