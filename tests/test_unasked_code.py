"""Whose Python is executed: nobody's whom the user has not named."""

from __future__ import annotations

import ast
import io
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from nlpcl import tasks, zoo
from nlpcl.core.errors import UserError
from nlpcl.runs import fit
from nlpcl.runs.opening import open_checkpoint
from nlpcl.runs.run import Run

ROOT = Path(__file__).parents[1]
LOADERS = {"from_pretrained", "from_config", "load_dataset"}
"""What may execute code that comes with weights or data; torch.load, never called, does too."""
SOURCES = (
    "nlpcl/**/*.py",
    "nlpcl/**/*.py.txt",
    "tools/*.py",
    "benchmarks/*.py",
    "examples/**/*.py",
)


def loaders(tree: ast.AST) -> dict[ast.AST, bool]:
    """Every mention of a loader, and whether it is a call that trusts no code."""
    calls = {node.func: node for node in ast.walk(tree) if isinstance(node, ast.Call)}

    def is_safe(node: ast.AST) -> bool:
        given = {word.arg: word.value for word in calls[node].keywords} if node in calls else {}
        trusts = given.get("trust_remote_code")
        return isinstance(trusts, ast.Constant) and trusts.value is False

    return {
        node: is_safe(node)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in LOADERS)
        or (isinstance(node, ast.Name) and node.id in LOADERS)
        or (isinstance(node, ast.Attribute) and ast.unparse(node) == "torch.load")
    }


def test_every_call_of_a_loader_trusts_no_code():
    number, unsafe = 0, []
    for file in sorted({file for pattern in SOURCES for file in ROOT.glob(pattern)}):
        text = re.sub(r"\$\{(\w+)\}", r"\1", file.read_text(encoding="utf-8"))  # in templates
        for node, is_safe in loaders(ast.parse(text)).items():
            number += 1
            if not is_safe:
                unsafe.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert not unsafe, "trust_remote_code=False is missing"
    assert number >= 20, "are they called otherwise now?"


@pytest.mark.parametrize(
    "line",
    [
        "AutoModel.from_pretrained(x)",
        "AutoModel.from_config(x, trust_remote_code=True)",
        "load(AutoModel.from_pretrained, x, trust_remote_code=False)",
        "load_dataset(x, trust_remote_code=trust)",
        "torch.load(x)",
    ],
)
def test_that_test_bites(line):
    assert False in loaders(ast.parse(line)).values()


@pytest.fixture
def marker(tmp_path) -> Path:
    """What the code of this module writes when it is executed."""
    return tmp_path / "executed"


@pytest.fixture
def code(marker) -> str:
    """A module that every loader could use, and that leaves a trace."""
    return f"""
open({str(marker)!r}, "a").write(__name__)
from transformers import BertConfig, BertForMaskedLM, BertTokenizer, WhisperFeatureExtractor

class Settings(BertConfig):
    model_type = "unheard-of"

class Model(BertForMaskedLM):
    config_class = Settings

class Tokenizer(BertTokenizer):
    pass

class Extractor(WhisperFeatureExtractor):
    pass
"""


def edit(file: Path, **values: object) -> None:
    """Change entries of a JSON file."""
    old = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(old | values), encoding="utf-8")


@pytest.fixture
def encoder(tiny_encoder, finished_run, tmp_path, code, request) -> Path:
    """An encoder with a model of its own, or a saved model with a tokenizer of its own."""
    source = tiny_encoder() if request.param == "model" else finished_run / "model"
    folder = shutil.copytree(source, tmp_path / "encoder")
    (folder / "brought.py").write_text(code)
    models = dict.fromkeys(("AutoModel", "AutoModelForMaskedLM"), "brought.Model")
    if request.param == "model":
        maps = {"AutoConfig": "brought.Settings", **models}
        edit(folder / "config.json", model_type="unheard-of", auto_map=maps)
    else:
        maps = {"AutoTokenizer": ["brought.Tokenizer", None]}
        edit(folder / "tokenizer_config.json", tokenizer_class="Tokenizer", auto_map=maps)
    return folder


both = pytest.mark.parametrize("encoder", ["model", "tokenizer"], indirect=True)
DATA = "y\n我再家\n"
"""Lines of data, the first of which would answer transformers' question with yes."""


@both
def test_an_encoder_with_code_is_one_line(encoder, run_main, settings, flags, marker):
    chosen = flags(settings | {"backbone": str(encoder)})
    line = run_main("train", "sdcl", *chosen, "--out", "run", stdin=DATA.encode()).error_line
    assert f"--backbone {encoder}: needs Python code" in line
    assert "nlpcl new" in line and "trust_remote_code" not in line
    given = ["--input", "-", "--checkpoint", encoder, "--assume-tuned"]
    line = run_main("predict", "spelling", *given, stdin=DATA.encode()).error_line
    assert f"{encoder}: needs Python code" in line
    assert not marker.exists()


@both
def test_the_data_answer_no_question(encoder, monkeypatch, marker):
    monkeypatch.setattr(sys, "stdin", io.StringIO(DATA))
    spec = tasks.spec("correction")
    with pytest.raises(UserError, match="needs Python code"):
        open_checkpoint(str(encoder), spec, device="cpu", precision="fp32", assume_tuned=True)
    assert sys.stdin.read() == DATA
    assert not marker.exists()


@both
def test_code_beside_known_classes_is_not_looked_at(encoder, run_main, marker):
    if "auto_map" in json.loads((encoder / "config.json").read_text(encoding="utf-8")):
        edit(encoder / "config.json", model_type="bert")
    else:
        edit(encoder / "tokenizer_config.json", tokenizer_class="BertTokenizer")
    given = ["--input", "-", "--checkpoint", encoder, "--assume-tuned", "--format", "text"]
    result = run_main("predict", "spelling", *given, stdin=DATA.encode())
    assert result.code == 0, result.err
    assert len(result.out.splitlines()) == 2
    assert not marker.exists()


def test_a_feature_extractor_with_code_is_one_line(tmp_path, code, marker):
    import transformers

    from nlpcl.audio.loading import load_speech_encoder

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 16, "conv_dim": (16,), "conv_stride": (5,), "conv_kernel": (10,)}
    config = transformers.HubertConfig(**sizes, num_conv_pos_embedding_groups=2)
    transformers.HubertModel(config).save_pretrained(tmp_path)
    (tmp_path / "brought.py").write_text(code)
    maps = {"AutoFeatureExtractor": "brought.Extractor"}
    kind = {"feature_extractor_type": "Extractor", "auto_map": maps}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(kind))
    with pytest.raises(UserError, match=r"--backbone .*: needs Python code"):
        load_speech_encoder(str(tmp_path))
    assert not marker.exists()


def test_a_saved_model_whose_encoder_names_code_builds_the_known_class(finished_run, tmp_path):
    folder = shutil.copytree(finished_run / "model", tmp_path / "model")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    edit(
        folder / "config.json",
        backbone=config["backbone"] | {"auto_map": {"AutoModelForMaskedLM": "brought.Model"}},
    )
    spec = tasks.spec("correction")
    opened = open_checkpoint(str(folder), spec, device="cpu", precision="fp32")
    assert type(opened.model.backbone).__name__ == "BertForMaskedLM"


@pytest.mark.parametrize("name", ["pytorch_model.bin"])
def test_a_pickle_is_not_executed(tiny_encoder, tmp_path, run_main, settings, flags, marker, name):
    import torch

    folder = shutil.copytree(tiny_encoder(), tmp_path / "encoder")
    (folder / "model.safetensors").unlink()
    torch.save({"weight": Leaves(marker)}, folder / name)
    chosen = flags(settings | {"backbone": str(folder)})
    line = run_main("train", "sdcl", *chosen, "--out", "run").error_line
    assert f"--backbone {folder}: cannot be loaded" in line
    assert not marker.exists()


class Leaves:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.file), "w")


@pytest.fixture
def own_code(marker) -> dict[str, str]:
    """A model folder: SDCL under another name, which leaves a trace."""
    trace = f"open({str(marker)!r}, 'a').write(__name__)\n"
    return {
        "config.py": f"{trace}from nlpcl.zoo.sdcl import config\nclass Config(config.Config):\n"
        "    'SDCL under another name.'\n",
        "model.py": f"{trace}from nlpcl.zoo.sdcl import model\n"
        "class Mine(model.SDCL):\n    name = 'mine-unasked'\n",
    }


@pytest.fixture
def run_with_code(finished_run, tmp_path, own_code) -> Path:
    """``runs/newest``: finished later than any other run, with code."""
    folder = shutil.copytree(finished_run, tmp_path / "runs" / "newest")
    place = folder / "code" / "mine"
    place.mkdir(parents=True)
    for name, text in own_code.items():
        (place / name).write_text(text)
    edit(folder / "run.json", model="mine", ended="2999-01-01T00:00:00+00:00")
    return folder


def test_code_of_a_run_is_executed_when_the_run_is_named_alone(
    run_with_code, finished_run, run_main, marker, tmp_path
):
    shutil.copytree(finished_run, tmp_path / "runs" / "older")
    predict = ["predict", "spelling", "我再家", "--format", "text"]
    found = run_main(*predict)
    assert found.code == 0, found.err
    assert not marker.exists()
    (line,) = found.err.splitlines()
    assert "the run runs/older (passed over: runs/newest" in line
    assert line.endswith("--checkpoint runs/newest)")
    assert run_main(*predict, "--checkpoint", "runs/newest").code == 0
    assert marker.exists()


def test_a_folder_of_data_is_no_run(run_with_code, finished_run, run_main, pair_folder, marker):
    for file in pair_folder.iterdir():
        shutil.copy(file, run_with_code)
    result = run_main("eval", finished_run, "--data", run_with_code, "--format", "json")
    assert result.code == 0, result.err
    assert not marker.exists()
    assert run_main("eval", run_with_code, "--format", "json").code == 0
    assert marker.exists()


def test_an_own_model_goes_on_by_its_own_code(
    run_with_code, tmp_path, own_code, run_main, settings, flags, marker
):
    place = tmp_path / "mine"
    place.mkdir()
    for name, text in own_code.items():
        (place / name).write_text(text.replace("executed", "trusted"))
    kept = settings | {"epochs": 1}
    edit(run_with_code / "run.json", state="interrupted", config=kept)
    result = run_main("train", "./mine", *flags(kept), "--resume", "auto", "--quiet")
    assert result.code == 0, result.err
    assert json.loads((run_with_code / "run.json").read_text())["state"] == "finished"
    predicted = run_main("predict", "./mine", "我再家")
    assert "the run runs/newest" in predicted.err, predicted
    assert (tmp_path / "trusted").exists()
    assert not marker.exists()


def test_the_run_that_training_returns_keeps_its_code(run_with_code, marker):
    entry = zoo.entry("sdcl")
    run = Run(run_with_code, entry=entry)
    assert (run.entry, run.spec.name) == (entry, "correction")
    assert run.config.lr == 3e-3
    assert not marker.exists()
    assert fit.entry_of(run.config) == entry


@pytest.mark.parametrize("model", ["../own", "{own}", "{own}/model.py", "..", "own\\model"])
def test_the_name_of_a_model_in_a_record_is_no_path(
    finished_run, tmp_path, run_main, own_code, marker, model
):
    folder, own = shutil.copytree(finished_run, tmp_path / "run"), tmp_path / "own"
    own.mkdir()
    for name, text in own_code.items():
        (own / name).write_text(text)
    edit(folder / "run.json", model=model.format(own=own))
    (folder / "config.py").write_text(own_code["config.py"])
    (folder / "model.py").write_text(own_code["model.py"])
    for command in (["eval"], ["predict", "spelling", "好", "--checkpoint"], ["verify"]):
        line = run_main(*command, "run").error_line
        assert "run/run.json: unknown model" in line
        assert "Known: asrm" in line
    assert not marker.exists()


def test_an_ablation_names_no_run_outside_of_it(run_with_code, tmp_path, run_main, marker):
    study = tmp_path / "study"
    study.mkdir()
    cell = {"variant": "a", "seed": 0, "state": "finished", "folder": "../runs/newest"}
    record = {"model": "sdcl", "task": "correction", "state": "finished", "cells": [cell]}
    (study / "ablation.json").write_text(json.dumps(record))
    assert "names a run outside of it" in run_main("visualize", "study").error_line
    assert not marker.exists()
