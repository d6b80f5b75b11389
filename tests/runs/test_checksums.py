"""A run knows its weights: no bit of its model can change unseen."""

from __future__ import annotations

import hashlib
import json
import shutil

import pytest

import nlpcl
from nlpcl.core.errors import UserError


@pytest.fixture
def copied(finished_run, tmp_path):
    return shutil.copytree(finished_run, tmp_path / "run")


def test_run_json_holds_the_sha256_of_every_file(finished_run):
    kept = json.loads((finished_run / "run.json").read_text(encoding="utf-8"))["files"]
    files = {path for path in finished_run.rglob("*") if path.is_file()}
    names = {path.relative_to(finished_run).as_posix(): path for path in files}
    assert kept.keys() == names.keys() - {"run.json"}
    for name, digest in kept.items():
        assert digest == hashlib.sha256(names[name].read_bytes()).hexdigest(), name


def flip(file, at=-7):
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"]
)
def test_one_bit_is_seen_by_whoever_loads_the_model(copied, name, run_main):
    flip(copied / "model" / name)
    said = f"model/{name} has changed"
    for arguments in (
        ["eval", copied],
        ["predict", "spelling", "好", "--checkpoint", copied],
        ["predict", "spelling", "好", "--checkpoint", copied / "model"],
        ["train", "sdcl", "--backbone", copied],
    ):
        line = run_main(*arguments).error_line
        assert said in line, line
        assert "nlpcl verify" in line
    run = nlpcl.load(copied)
    for part in ("model", "processor"):
        with pytest.raises(UserError, match="has changed"):
            getattr(run, part)


def test_a_missing_file_is_named(copied):
    (copied / "model" / "tokenizer_config.json").unlink()
    with pytest.raises(UserError, match=r"model/tokenizer_config\.json is missing"):
        nlpcl.load(copied).processor  # noqa: B018


def test_a_run_without_checksums_opens(copied):
    record = json.loads((copied / "run.json").read_text(encoding="utf-8"))
    del record["files"]
    (copied / "run.json").write_text(json.dumps(record), encoding="utf-8")
    assert nlpcl.load(copied).predict(["好"])


def test_finished_is_not_written_over_a_model_that_is_not_whole(
    run_main, settings, flags, tmp_path, monkeypatch
):
    """As when another process writes into the same folder."""
    from nlpcl.tasks.correction.task import Correction

    usual = Correction.evaluate

    def meddled(self, *given):
        flip(tmp_path / "run" / "model" / "model.safetensors")
        return usual(self, *given)

    monkeypatch.setattr(Correction, "evaluate", meddled)
    chosen = flags(settings | {"epochs": 1})
    line = run_main("train", "sdcl", *chosen, "--out", "run", "--quiet").error_line
    assert "model.safetensors has changed" in line
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["state"] == "interrupted"
    monkeypatch.undo()
    assert run_main("train", "sdcl", "--resume", "run", "--quiet").code == 0
    assert nlpcl.load(tmp_path / "run").state == "finished"
