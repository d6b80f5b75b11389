"""Every example runs, in seconds, on a tiny encoder."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import nlpcl

EXAMPLES = Path(__file__).parents[1] / "examples"
PAIRS = [
    ("我每天都吃旱饭", "我每天都吃早饭"),
    ("他在公圆里走", "他在公园里走"),
    ("今天天气很好", "今天天气很好"),
    ("我们再见面吧", "我们再见面吧"),
]


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "pairs.tsv"
    rows = [(f"{s}{n}", f"{t}{n}") for n in "一二三四五六七八九十" for s, t in PAIRS]
    path.write_text("".join(f"{s}\t{t}\n" for s, t in rows), encoding="utf-8")
    return path


@pytest.fixture
def encoder(tmp_path):
    import torch
    from transformers import BertConfig, BertForMaskedLM, BertTokenizer

    characters = sorted(
        {c for pair in PAIRS for text in pair for c in text + "一二三四五六七八九十"}
    )
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters]
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokens),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
    )
    folder = tmp_path / "encoder"
    BertForMaskedLM(config).save_pretrained(folder)
    vocabulary = {token: index for index, token in enumerate(tokens)}
    BertTokenizer(vocab=vocabulary).save_pretrained(folder)
    return folder


def settings(data, encoder):
    return {"data": str(data), "backbone": str(encoder), "epochs": 1, "precision": "fp32"}


def test_python_api(data, encoder, tmp_path, capsys):
    specification = importlib.util.spec_from_file_location("api", EXAMPLES / "python_api.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    module.main(str(tmp_path / "run"), **settings(data, encoder))
    printed = capsys.readouterr().out
    assert "correction F1" in printed
    assert "我每天都吃旱饭。 → " in printed
    assert (tmp_path / "run" / "report.json").is_file()


def test_own_model_is_small_and_trains(data, encoder, tmp_path):
    lines = [
        line
        for name in ("config.py", "model.py")
        for line in (EXAMPLES / "own_model" / name).read_text().splitlines()
        if line.strip()
    ]
    assert len(lines) <= 60
    flags = [f"--{name}={value}" for name, value in settings(data, encoder).items()]
    command = [sys.executable, "-m", "nlpcl", "train", str(EXAMPLES / "own_model"), *flags]
    out = tmp_path / "run"
    done = subprocess.run(
        [*command, "--out", str(out)], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    history = (out / "history.csv").read_text()
    assert "loss_detection" in history
    assert "loss_correction" in history
    rows = nlpcl.load(out).predict(["我每天都吃旱饭"])
    assert len(rows[0]["target"]) == 7


def test_paper_settings(data, encoder, tmp_path):
    folder = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "DATA": str(data),
        "BACKBONE": str(encoder),
        "OUT": str(tmp_path / "runs"),
        "FLAGS": "--epochs 1 --batch-size 32 --precision fp32 --quiet --threads 1",
    }
    done = subprocess.run(
        ["bash", str(EXAMPLES / "paper_settings.sh")],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    names = {path.parent.name for path in (tmp_path / "runs").glob("*/report.json")}
    assert names == {
        "sdcl",
        "no-contrast",
        "no-copy",
        "student-negatives",
        "batch-negatives",
        "elementwise",
    }
