"""What a run leaves behind, and what happens to folders that are not whole."""

from __future__ import annotations

import csv
import datetime
import errno
import json
import os
import re
import shutil

import pytest

import nlpcl
from nlpcl.core.errors import UserError


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def copied(finished_run, tmp_path):
    """A run folder to damage."""
    return shutil.copytree(finished_run, tmp_path / "run")


def test_files(finished_run):
    found = {path.name for path in finished_run.iterdir()}
    assert found == {"run.json", "model", "history.csv", "predictions.jsonl", "report.json"}
    model = {path.name for path in (finished_run / "model").iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= model


def test_the_model_holds_no_pickle(finished_run):
    for path in (finished_run / "model").rglob("*"):
        assert path.suffix in {".safetensors", ".json", ".txt"}, path
        assert path.read_bytes()[:2] != b"PK"


def test_no_part_is_left_over(finished_run):
    assert not [p for p in finished_run.rglob("*") if p.name.startswith(".") or ".part" in p.name]


def test_run_json(finished_run, settings):
    record = read(finished_run / "run.json")
    wanted = {"model", "task", "state", "config", "seed", "device", "precision", "data"}
    wanted |= {"versions", "commit", "started", "ended", "seconds", "parameters"}
    assert wanted <= record.keys()
    assert (record["model"], record["task"], record["state"]) == ("sdcl", "correction", "finished")
    assert record["config"] | settings == record["config"]
    assert record["config"]["temperature"] == 0.9
    assert (record["seed"], record["device"], record["precision"]) == (0, "cpu", "fp32")
    data = record["data"]
    assert data["name"] == "invented"
    assert data["sizes"] == {"train": 24, "dev": 8, "test:invented": 8}
    assert re.fullmatch("[0-9a-f]{16}", data["fingerprint"])
    assert data["problems"] == []
    assert data["protocol"]
    assert {"nlpcl", "python", "torch", "transformers"} <= record["versions"].keys()
    assert record["versions"]["nlpcl"] == nlpcl.__version__
    started, ended = (datetime.datetime.fromisoformat(record[k]) for k in ("started", "ended"))
    assert started.tzinfo is not None
    assert started <= ended
    assert (ended - started).total_seconds() == pytest.approx(record["seconds"], abs=1.1)
    # The times of beginning and end are whole seconds, as above.
    assert 0 < 2 * record["seconds_per_epoch"] < record["seconds"] + 1.1
    assert record["parameters"] == sum(
        w.numel() for w in nlpcl.load(finished_run).model.parameters()
    )


def test_report_json(finished_run):
    report = read(finished_run / "report.json")
    assert report.keys() == {"metrics", "tables"}
    metrics = report["metrics"]
    for name in ("correction_f1_strict", "correction_f1_lenient", "detection_f1_strict"):
        assert 0 <= metrics[name] <= 100
    assert all(isinstance(value, int | float) for value in metrics.values())
    assert metrics["n"] == 8
    assert len({table["name"] for table in report["tables"]}) == len(report["tables"])
    for table in report["tables"]:
        assert {"name", "columns", "rows"} <= table.keys()
        assert all(len(row) == len(table["columns"]) for row in table["rows"])
    splits = next(table for table in report["tables"] if table["name"] == "splits")
    assert ["train", 24] in splits["rows"]


def test_predictions_jsonl_are_what_was_scored(finished_run, pairs):
    from nlpcl.metrics.spelling import spelling_scores

    found = rows(finished_run / "predictions.jsonl")
    assert [(row["source"], row["gold"]) for row in found] == pairs[32:]
    for row in found:
        assert row["test"] == "invented"
        assert row["id"].startswith("test.tsv:")
        characters = list(row["source"])
        for edit in row["edits"]:
            assert characters[edit["position"]] == edit["wrong"]
            characters[edit["position"]] = edit["right"]
            assert 0 <= edit["probability"] <= 1
        assert "".join(characters) == row["target"]
    scores = spelling_scores(*([row[key] for row in found] for key in ("source", "gold", "target")))
    metrics = read(finished_run / "report.json")["metrics"]
    assert metrics.pop("n_unknown_characters") == 0
    assert metrics == scores.as_metrics()


def test_history_csv(finished_run):
    with (finished_run / "history.csv").open(encoding="utf-8", newline="") as stream:
        found = list(csv.DictReader(stream))
    assert [float(row["epoch"]) for row in found] == [1, 2]
    for name in ("loss", "loss_x", "loss_y", "loss_c", "dev_loss", "dev_correction_f1"):
        assert all(row[name] for row in found)


def test_the_terminal_shows_the_scores_and_the_folder(finished_run):
    out = (finished_run.parent / "stdout").read_text(encoding="utf-8")
    assert "correction" in out
    assert "strict" in out
    assert str(finished_run) in out.replace("\n", "")
    err = (finished_run.parent / "stderr").read_text(encoding="utf-8")
    assert "epoch 2/2" in err
    assert "Warning" not in err


def test_load_reads_it_from_python(finished_run, settings):
    run = nlpcl.load(finished_run, device="cpu", precision="fp32")
    assert isinstance(run, nlpcl.Run)
    assert run.config.lr == settings["lr"]
    assert run.report == read(finished_run / "report.json")
    report, predictions = run.evaluate()
    assert report.metrics == run.report["metrics"]
    assert predictions == rows(finished_run / "predictions.jsonl")
    found = run.predict(["我再家。", ""], threshold=0.0)
    assert [row["source"] for row in found] == ["我再家。", ""]


def test_fit_from_python_equals_the_command_line(finished_run, settings, tmp_path, capsys):
    from nlpcl.zoo.sdcl.config import Config

    run = nlpcl.fit(Config(**settings), out=tmp_path / "run")
    for name in ("model/model.safetensors", "history.csv", "report.json", "predictions.jsonl"):
        assert (run.folder / name).read_bytes() == (finished_run / name).read_bytes(), name
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_fit_refuses_impossible_values(settings, tmp_path):
    from nlpcl.zoo.sdcl.config import Config

    for wrong in ({"lr": -1.0}, {"temperature": 0.0}, {"negatives": "nobody"}, {"epochs": 0}):
        with pytest.raises(UserError, match="--" + next(iter(wrong))):
            nlpcl.fit(Config(**settings | wrong), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_skipped_rows_are_counted(run_main, settings, flags, tmp_path, pairs):
    lines = [f"{wrong}\t{right}" for wrong, right in pairs[:20]]
    lines[3] += "啊"
    lines[7] = "我在家。\t我在。"
    lines[9] = "只有一列"
    data = tmp_path / "unequal.tsv"
    data.write_text("source\ttarget\n" + "\n".join(lines) + "\n", encoding="utf-8")
    chosen = flags(settings | {"data": str(data), "epochs": 1})
    result = run_main("train", "sdcl", *chosen, "--out", "run", "--quiet")
    assert result.code == 0, result.err
    assert "3 rows skipped" in result.out
    record = read(tmp_path / "run" / "run.json")
    assert sorted(problem["line"] for problem in record["data"]["problems"]) == [5, 9, 11]
    assert all(problem["what"] for problem in record["data"]["problems"])
    assert sum(record["data"]["sizes"].values()) == 17


def test_out_must_be_empty(run_main, settings, flags, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "file").touch()
    for name in ("full", "file"):
        line = run_main("train", "sdcl", *flags(settings), "--out", name).error_line
        assert "not empty" in line
        assert "--resume" in line
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["thesis.txt"]


def test_without_out_each_run_gets_a_folder(run_main, settings, flags, tmp_path):
    for _ in range(2):
        result = run_main("train", "sdcl", *flags(settings | {"epochs": 1}), "--quiet")
        assert result.code == 0, result.err
    folders = sorted((tmp_path / "runs").iterdir())
    assert len(folders) == 2
    assert all(re.match(r"sdcl-\d{8}-\d{6}", folder.name) for folder in folders)
    result = run_main("predict", "spelling", "好")
    assert result.code == 0
    assert "runs/sdcl-" in result.err


def damage_weights(folder):
    (folder / "model" / "model.safetensors").write_bytes(b"")


def cut_weights(folder):
    path = folder / "model" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1000])


def remove_weights(folder):
    (folder / "model" / "model.safetensors").unlink()


def remove_model(folder):
    shutil.rmtree(folder / "model")


def remove_tokenizer(folder):
    for path in (folder / "model").glob("*token*"):
        path.unlink()


def damage_record(folder):
    (folder / "run.json").write_text("{")


def empty_record(folder):
    (folder / "run.json").write_text("{}")


def list_record(folder):
    (folder / "run.json").write_text("[]")


def remove_record(folder):
    (folder / "run.json").unlink()


def change_setting(folder):
    record = read(folder / "run.json")
    record["config"]["lrr"] = 1
    (folder / "run.json").write_text(json.dumps(record))


def change_model(folder):
    record = read(folder / "run.json")
    (folder / "run.json").write_text(json.dumps(record | {"model": "scdl"}))


@pytest.mark.parametrize(
    "damage",
    [
        damage_weights,
        cut_weights,
        remove_weights,
        remove_model,
        remove_tokenizer,
        damage_record,
        empty_record,
        list_record,
        remove_record,
        change_setting,
        change_model,
    ],
)
def test_a_damaged_run_is_one_line(copied, damage, run_main):
    damage(copied)
    line = run_main("eval", copied).error_line
    assert len(line) < 900
    line = run_main("predict", "spelling", "好", "--checkpoint", copied, "--quiet").error_line
    assert len(line) < 900


def no_space(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fail_to_write(*_, **__):
    raise RuntimeError("[enforce fail at inline_container.cc:668] . unexpected pos 64 vs 0")


def test_a_full_disk_at_the_end_is_one_line(run_main, settings, flags, tmp_path, monkeypatch):
    """Checkpoints were written, the model itself cannot be."""
    from nlpcl.nn.model import ZooModel

    monkeypatch.setattr(ZooModel, "save_pretrained", no_space)
    chosen = flags(settings | {"epochs": 1})
    line = run_main("train", "sdcl", *chosen, "--out", "run", "--quiet").error_line
    assert "No space left" in line
    folder = tmp_path / "run"
    assert not (folder / "model").exists()
    assert not list(folder.glob(".*"))
    assert read(folder / "run.json")["state"] != "finished"
    monkeypatch.undo()
    result = run_main("train", "sdcl", "--resume", folder, "--quiet")
    assert result.code == 0, result.err
    assert read(folder / "run.json")["state"] == "finished"


@pytest.mark.parametrize("failure", [no_space, fail_to_write])
def test_a_full_disk_at_a_checkpoint_is_one_line(
    run_main, settings, flags, tmp_path, monkeypatch, failure
):
    import torch

    monkeypatch.setattr(torch, "save", failure)
    chosen = flags(settings | {"epochs": 1})
    line = run_main("train", "sdcl", *chosen, "--out", "run", "--quiet").error_line
    assert "cannot be written" in line
    assert "--resume" in line
    assert read(tmp_path / "run" / "run.json")["state"] == "interrupted"


def test_a_full_disk_leaves_an_older_report_alone(
    copied, run_main, tmp_path, monkeypatch, finished_run
):
    path = tmp_path / "report.json"
    path.write_text("older")
    monkeypatch.setattr(os, "fsync", no_space)
    line = run_main("eval", copied, "--output", path).error_line
    assert "No space left" in line
    assert path.read_text() == "older"
    assert not list(tmp_path.glob(".*"))
