"""``nlpcl ablate`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from nlpcl import zoo
from nlpcl.core.tables import Report


@pytest.fixture(scope="module")
def command(settings, flags):
    short = flags(settings | {"epochs": 1})
    return ["ablate", "sdcl", "--variants", "no-contrast", "--seeds", "1", *short]


@pytest.fixture(scope="module")
def shown(command, command_line, tmp_path_factory):
    """What is printed of one ablation in each format; only the first one trains."""
    folder = tmp_path_factory.mktemp("shown") / "study"
    formats = ("table", "json", "csv", "markdown", "latex")
    return {
        name: command_line([*command, "--out", folder, "--format", name], env={"COLUMNS": "80"})
        for name in formats
    }


def test_every_format(shown):
    for name, result in shown.items():
        assert result.code == 0, (name, result.err)
        assert "no-contrast" in result.out
    found = json.loads(shown["json"].out)
    assert found["tables"][0]["name"] == "comparison"
    assert shown["csv"].out.startswith("# comparison\nvariant,mean,std,difference,low,high")
    assert shown["markdown"].out.startswith("**sdcl: correction_f1_strict")
    assert r"\begin{tabular}" in shown["latex"].out


def test_the_table_fits_a_terminal_and_says_where_things_are(shown):
    out = shown["table"].out
    assert all(len(line) <= 80 for line in out.splitlines()[:-1])
    assert "sdcl, the model's baseline, was added" in " ".join(out.split())
    assert "No verdict with fewer than 3 seeds" in " ".join(out.split())
    assert "detectable" not in out
    assert "ablation.json" in out.splitlines()[-1]


def test_lines_of_trainings_are_named(shown):
    lines = shown["table"].err.splitlines()
    assert "2 trainings in" in lines[0]
    for name in ("sdcl", "no-contrast"):
        own = [line for line in lines if line.startswith(f"[{name}, seed 0] ")]
        assert own[0].endswith("begins")
        assert own[-1].endswith("finished")
        assert any("epoch 1/1" in line for line in own)


def test_a_failed_training_is_marked_and_the_exit_code_1(run_main, settings, flags, tiny_encoder):
    given = settings | {"epochs": 1, "backbone": str(tiny_encoder("albert"))}
    line = ["ablate", "sdcl", "--variants", "sdcl,elementwise", "--seeds", "1"]
    rest = [*flags(given), "--out", "study", "--quiet"]
    result = run_main(*line, *rest, env={"COLUMNS": "250"})
    assert result.code == 1
    assert result.err == ""
    text = " ".join(result.out.split())
    assert "1 of 2 trainings failed." in text
    assert "failed" in text
    assert "--output-layer" in text


MISTAKES = {
    "--variants sdcl,nothing": "unknown variant 'nothing'",
    "--variants sdcl,beta": "--sweep beta=",
    "--sweep temprature=1,2": "unknown setting 'temprature'",
    "--sweep temperature=1,x": "'x' is not a number",
    "--baseline nothing": "unknown baseline 'nothing'",
    "--seeds 0": "--seeds",
    "--seeds x": "--seeds",
    "--jobs 0": "--jobs",
    "--preset papr": "Did you mean 'paper'",
    "--plan 1": "holds no ablation",
    "--plan 0": "0 is not above 0",
    "--plan nan": "--plan",
    "--metric f2": "unknown metric 'f2'",
    "--format jsn": "Did you mean 'json'",
    "--lr 0": "above 0",
    "--epohcs 1": "Did you mean '--epochs'",
}


@pytest.mark.parametrize("flags", MISTAKES)
def test_mistakes_are_one_line_before_any_training(flags, run_main, tmp_path):
    line = run_main("ablate", "sdcl", *flags.split(), "--out", "study").error_line
    assert MISTAKES[flags] in line
    assert not (tmp_path / "study").exists()


def test_what_is_asked_for_reaches_the_study(run_main, settings, flags, monkeypatch):
    asked = {}

    def compare(plan, **options):
        asked.update(options, plan=plan)
        return SimpleNamespace(report=Report({}, []), folder=options["out"], failed=[])

    monkeypatch.setattr("nlpcl.runs.ablation.study.ablate", compare)
    line = "--variants no-contrast,plain --sweep weight_decay=0.1,0.2 --baseline plain"
    line += " --seeds 2 --jobs 3 --metric clean_intact --reuse-other-code --out study"
    assert run_main("ablate", "sdcl", *line.split(), *flags(settings | {"seed": 5})).code == 0
    plan = asked.pop("plan")
    assert asked == {
        "out": Path("study"),
        "metrics": ["clean_intact"],
        "jobs": 3,
        "quiet": False,
        "reuse_other_code": True,
        "with_plain": True,
    }
    assert plan.baseline == "plain weight_decay=0.1"
    assert len(plan.cells()) == 2 * 2 * 2
    assert list(plan.seeds) == [5, 6]
    asked.clear()
    run_main("ablate", "sdcl", *flags(settings), "--preset", "paper", "--quiet", "--out", "study")
    assert (asked["quiet"], asked["jobs"], asked["reuse_other_code"]) == (True, 1, False)
    paper = zoo.entry("sdcl").presets["paper"]
    given = {name: value for name, value in paper.items() if name not in settings}
    made = asked["plan"].cells()[0].config
    assert {name: getattr(made, name) for name in given} == given


def test_help_lists_variants_and_train_flags(run_main):
    out = run_main("ablate", "sdcl", "--help", env={"COLUMNS": "120"}).out
    for word in ("no-contrast", "--sweep", "--baseline", "--jobs", "--batch-size", "--data"):
        assert word in out
    assert "sdcl" in run_main("ablate", "--help").out


def test_a_plan_is_made_from_what_is_finished(run_main, settings, flags, tmp_path):
    line = ["ablate", "sdcl", "--variants", "no-contrast", *flags(settings | {"epochs": 1})]
    line += ["--metric", "clean_intact", "--quiet"]
    assert "--out" in run_main(*line, "--plan", "1").error_line
    one_seed = run_main(*line, "--seeds", "1", "--out", "study")
    assert one_seed.code == 0, one_seed
    before = sorted(tmp_path.rglob("*"))
    short = run_main(*line, "--seeds", "1", "--out", "study", "--plan", "1").error_line
    assert "two finished seeds" in short
    other = run_main(*line, "--out", "study", "--plan", "1", "--lr", "0.1").error_line
    assert "other settings" in other
    assert sorted(tmp_path.rglob("*")) == before
