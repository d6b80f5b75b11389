"""Run folders, checkpoints and ablations, of which one file is damaged."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from nlpcl import zoo
from nlpcl.analysis.figures.making import listing
from nlpcl.analysis.figures.page import page
from nlpcl.analysis.figures.sources import open_sources
from nlpcl.core.tables import Report, Table
from nlpcl.runs.run import Run
from nlpcl.runs.verification import verify

pytestmark = pytest.mark.usefixtures("code_is_not_hashed")
FORMER = Path(__file__).parents[1] / "runs" / "before_rooms"
"""A finished and an interrupted run without checksums, which nothing but their content protects."""
CLASSES = ("angry", "sad")


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def looked_at(run: Run) -> None:
    """All that verbs read of a run without its model."""
    assert run.config and isinstance(run.remark + run.protocol, str)
    tables = [Table.from_dict(table) for table in run.report["tables"]]
    for table in tables:
        table.as_latex(), table.as_markdown(), table.as_csv()
    assert isinstance(run.best_dev_score, float)
    assert run.predictions and run.fold_metrics is not None
    assert verify(run.folder).rows
    sources = open_sources([run.folder])
    listing(sources)
    page(sources, [], [], {})


@pytest.fixture
def former(tmp_path, monkeypatch) -> Path:
    """The finished run; its settings name data and encoder relative to the working folder."""
    monkeypatch.chdir(shutil.copytree(FORMER, tmp_path / "former"))
    return tmp_path / "former" / "finished"


RECORDS = ["run.json", "report.json", "predictions.jsonl", "history.csv"]


@pytest.mark.parametrize("name", RECORDS)
def test_records_of_a_run_of_edits(former, survives, name):
    survives(former, [name], lambda place: looked_at(Run(place, device="cpu")))


def labelled_run(folder: Path) -> Path:
    """A study of emotions without its models, by hand: every key that a record may have."""
    config = {"data": "clips.csv", "epochs": 2, "protocol": "lospo"}
    costs = Table("costs", ["part", "parameters", "time (%)"], [["head", 12, 3.5]]).as_dict()
    fold = {"name": "s1", "train": "s2", "dev": "s2", "test": "s1", "shared": "none"}
    record = {
        "format": 2,
        "model": "emotion-gru",
        "task": "emotion",
        "state": "finished",
        "config": config,
        "seed": 0,
        "data": {
            "name": "clips",
            "sizes": {"train": 2},
            "fingerprint": "0" * 16,
            "protocol": "by speaker",
            "notes": ["a note"],
            "problems": [{"file": "a", "line": 1, "what": "b"}],
        },
        "versions": {"nlpcl": "0.1", "torch": "2.9"},
        "commit": "abc",
        "code": {"torch": "2.9", "nlpcl/nn": "00"},
        "started": "2026-01-01T00:00:00+00:00",
        "ended": "2026-01-01T00:01:00+00:00",
        "seconds": 60.0,
        "seconds_per_epoch": 2.5,
        "device": "cpu",
        "precision": "fp32",
        "parameters": 1200,
        "speakers": ["s1", "s2"],
        "files": {"predictions.jsonl": "00", "report.json": "00"},
        "costs": costs,
        "leaks": {"statement": "None is.", "manifest": "00", "folds": [fold]},
        "model_fold": "s1",
    }
    write(folder / "run.json", record)
    table = Table("scores", ["", "F1", "low", "high"], [["all", 50.0, 1.0, None]], "Test", "Note")
    report = Report({"weighted_accuracy": 50.0, "uar": float("nan")}, [table])
    write(folder / "report.json", report.as_dict())
    write(folder / "folds" / "s1" / "report.json", report.as_dict())
    rows = [
        {
            "fold": "s1",
            "test": "clips",
            "id": f"c{number}",
            "speaker": "s1",
            "gender": "female",
            "session": "",
            "corpus": "clips",
            "seconds": 1.5,
            "gold": CLASSES[number % 2],
            "label": CLASSES[number // 2 % 2],
            "probabilities": {
                "angry": (number // 2 + 1) % 2 * 0.75,
                "sad": 1 - (number // 2 + 1) % 2 * 0.75,
            },
        }
        for number in range(8)
    ]  # fmt: skip
    write_lines(folder / "predictions.jsonl", rows)
    epochs = "fold,epoch,step,loss,dev_selection\n" + "s1,1.0,3,0.5,40\ns1,2.0,6,0.4,50.5\n"
    (folder / "history.csv").write_text(epochs)
    return folder


@pytest.mark.parametrize("name", [*RECORDS, "folds/s1/report.json"])
def test_records_of_a_study_of_emotions(tmp_path, survives, name):
    place = labelled_run(tmp_path / "place")
    survives(place, [name], lambda place: looked_at(Run(place, device="cpu")))


MODEL = [["config.json", "model.safetensors"], ["tokenizer.json", "tokenizer_config.json"]]


@pytest.mark.parametrize("names", MODEL, ids=["weights", "tokenizer"])
def test_the_model_of_a_run(former, survives, names):
    """Of a run without checksums; with them nothing damaged is opened at all."""
    survives(
        former,
        [f"model/{name}" for name in names],
        lambda place: Run(place, device="cpu").predict(["我再家里座饭"]),
    )


@pytest.fixture
def ablation(tmp_path, monkeypatch):
    """An ablation of two trainings, each a copy of the finished run, with its plan."""
    from nlpcl.core.config import RunConfig
    from nlpcl.runs.ablation.plan import make_plan
    from nlpcl.runs.ablation.reuse import MARK, settings_of
    from nlpcl.runs.ablation.study import summarised

    monkeypatch.chdir(shutil.copytree(FORMER, tmp_path / "former"))
    entry = zoo.entry("sdcl")
    given = {"data": "pairs", "backbone": "./encoder", "epochs": 2, "batch_size": 4, "lr": 3e-3}
    plan = make_plan(entry, given, sweeps=["alpha=0.5,1.0"], seeds=2)
    folder = tmp_path / "place"
    for cell in plan.cells():
        assert isinstance(cell.config, RunConfig)
        shutil.copytree(tmp_path / "former" / "finished", folder / cell.place)
        shutil.rmtree(folder / cell.place / "model")
        note = {"settings": settings_of(cell), "state": "finished", "reason": "", "seconds": 1.0}
        write(folder / cell.record, note | {"peak_memory_mb": 5.0, "encoder": None, "code": {}})
    summarised(plan, folder, [plan.task.measures.selection])
    assert (folder / MARK).is_file()
    return plan, folder


def test_an_ablation_that_is_looked_at(ablation, survives):
    _, folder = ablation

    def read(place: Path) -> None:
        (source,) = open_sources([place])
        assert source.name
        for table in source.report["tables"]:
            Table.from_dict(table)
        listing([source])
        page([source], [], [], {})
        assert verify(place).rows

    survives(folder, ["ablation.json", "report.json"], read)


def test_an_ablation_that_is_gone_on_with(ablation, survives):
    from nlpcl.runs.ablation.engine import note
    from nlpcl.runs.ablation.reuse import prepare_folder, unfinished
    from nlpcl.runs.ablation.study import summarised

    plan, folder = ablation
    cell = plan.cells()[0]
    names = [cell.record, *(cell.place / name for name in RECORDS[:3]), Path("ablation.json")]

    def read(place: Path) -> None:
        prepare_folder(plan, place)
        unfinished(plan, place, reuse_other_code=True)
        summarised(plan, place, [plan.task.measures.selection])
        note(place, cell, {}, [])

    survives(folder, [str(name) for name in names], read)


def test_locks(tmp_path, survives):
    from nlpcl.core.locks import is_being_written, only_writer

    place = tmp_path / "place"
    place.mkdir()
    facts = {"pid": 2**22 + 1, "host": "h", "boot": "b", "since": "2026-01-01T00:00:00+00:00"}
    (place / ".lock").write_text(json.dumps(facts | {"host": os.uname().nodename}))

    def read(place: Path) -> None:
        is_being_written(place)
        with only_writer(place, lambda line: None):
            pass
        (place / ".lock").touch()

    survives(place, [".lock"], read)


def test_checksums_of_built_in_weights(tmp_path, survives):
    import torch

    from nlpcl.nn.int8 import load_compressed, save_compressed

    place = tmp_path / "place"
    save_compressed({"a": torch.ones(3, 4), "b": torch.arange(3)}, place / "w.safetensors")
    names = ["w.safetensors", "checksums.json"]
    survives(place, names, lambda place: load_compressed(place / names[0]))


COMMANDS = {
    "run.json": (b"[" * 10_000, ("visualize",)),
    "report.json": (b'{"metrics": [], "tables": 3}', ("visualize", "--only", "mistakes")),
    "history.csv": (b"epoch\nx\n", ("visualize", "--only", "curves")),
    "predictions.jsonl": (b'{"source": 1}\n', ("visualize", "--only", "mistakes")),
    "model/config.json": (b"[]", ("predict", "spelling", "\u6211", "--checkpoint")),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_says_one_line(former, run_main, name):
    """The same through the command line, for one file of each kind."""
    content, arguments = COMMANDS[name]
    (former / name).write_bytes(content)
    line = run_main(*arguments, former, cwd=former.parent).error_line
    assert "damaged" in line and name.partition("/")[0] in line
