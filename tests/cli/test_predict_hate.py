"""``nlpcl predict hate`` with a tiny stand-in model whose code lies in its run folder."""

from __future__ import annotations

import csv
import io
import json
import shutil
from types import SimpleNamespace

import pytest

CONFIG = '''
from dataclasses import dataclass
from typing import ClassVar
from nlpcl.core.config import RunConfig

@dataclass(kw_only=True)
class Config(RunConfig):
    """A stand-in."""
    task: ClassVar[str] = "classification"
'''
MODEL = """
from torch import nn
from transformers import AutoModel
from nlpcl.nn.model import Output, ZooModel

class Standin(ZooModel):
    name = "standin-test"

    def __init__(self, config):
        super().__init__(config)
        self.backbone = AutoModel.from_config(config.backbone, trust_remote_code=False)
        self.head = nn.Linear(config.backbone.hidden_size, len(config.id2label))
        self.post_init()

    def forward(self, input_ids, attention_mask, labels=None):
        states = self.backbone(input_ids=input_ids, attention_mask=attention_mask)
        return Output(logits=self.head(states.last_hidden_state[:, 0]))
"""
LABELS = ["hateful", "normal"]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory, tiny_encoder):
    """A finished run with fresh weights."""
    import torch
    from transformers import AutoModelForMaskedLM

    from nlpcl import zoo
    from nlpcl.text.encoders import load_text_encoder

    folder = tmp_path_factory.mktemp("runs") / "classifier"
    code = folder / "code" / "standin"
    code.mkdir(parents=True)
    (code / "config.py").write_text(CONFIG)
    (code / "model.py").write_text(MODEL)
    model_class = zoo.own_entry(code).model_class()
    backbone, tokenizer = load_text_encoder(str(tiny_encoder()), AutoModelForMaskedLM)
    torch.manual_seed(0)
    config = model_class.config_class(backbone=backbone.config, id2label=dict(enumerate(LABELS)))
    model_class(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    record = {
        "model": "standin",
        "task": "classification",
        "config": {"max_length": 32},
        "state": "finished",
        "ended": "2024-02-01T00:00:00+00:00",
    }
    (folder / "run.json").write_text(json.dumps(record))
    return folder


@pytest.fixture
def predict(run_main, classifier):
    def run(*arguments, **named):
        options = ["--checkpoint", classifier, "--precision", "fp32"]
        result = run_main("predict", "hate", *arguments, *options, **named)
        assert result.code == 0, result.err
        return result

    return run


@pytest.fixture
def explained(monkeypatch):
    """Explanations that are known beforehand: the first character for, the second against."""

    def word_attributions(model, task, texts, target=None, *, method="gradients"):
        return [
            [
                SimpleNamespace(text=text[at], start=at, end=at + 1, weight=0.75 - at)
                for at in range(min(2, len(text)))
            ]
            for text in texts
        ]

    monkeypatch.setattr("nlpcl.analysis.attribution.word_attributions", word_attributions)


def json_rows(result):
    return [json.loads(line) for line in result.out.split("\n") if line]


def test_jsonl_rows(predict):
    rows = json_rows(predict("我在家。", "", "好" * 99, "--format", "jsonl"))
    assert [row["text"] for row in rows] == ["我在家。", "", "好" * 99]
    assert [row["is_truncated"] for row in rows] == [False, False, True]
    for row in rows:
        assert list(row) == ["text", "label", "probabilities", "is_truncated"]
    assert rows[1]["label"] is None
    assert rows[1]["probabilities"] == {}
    for row in (rows[0], rows[2]):
        assert list(row["probabilities"]) == LABELS
        assert row["label"] == max(LABELS, key=lambda name: row["probabilities"][name])


def test_notes_go_to_stderr_and_can_be_silenced(predict, classifier):
    lines = predict("好", "", "好" * 99, "--format", "text").err.splitlines()
    assert str(classifier) in lines[0]
    assert "1 of 3 texts are longer than 32 tokens" in lines[1]
    assert "1 of 3 texts are empty" in lines[2]
    assert predict("好", "", "--format", "text", "--quiet").err == ""


def test_lines_of_standard_input_in_order(predict):
    stdin = "我在家。\n\n好\r\n今天\u2028好".encode()
    lines = predict("--input", "-", "--format", "text", stdin=stdin).out.split("\n")
    assert lines[1] == ""
    assert lines[2].endswith("\r")
    assert {lines[0], lines[2].strip(), lines[3]} <= set(LABELS)
    assert predict("--input", "-", "--format", "jsonl", stdin=b"").out == ""
    one = json_rows(predict("--input", "-", "--format", "jsonl", "--chunk-size", 1, stdin=stdin))
    rows = json_rows(predict("--input", "-", "--format", "jsonl", stdin=stdin))
    assert [row["text"] for row in rows] == [row["text"] for row in one]
    assert [row["label"] for row in rows] == [row["label"] for row in one]


def test_input_fields_stay(predict, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"id": 7, "label": "x", "text": "好"}\n', encoding="utf-8")
    (row,) = json_rows(predict("--input", "in.jsonl", "--format", "jsonl"))
    assert row["id"] == 7
    assert row["input_label"] == "x"
    assert row["label"] in LABELS


def test_csv_has_a_column_a_class_even_after_an_empty_text(predict):
    out = predict("", "好", "--format", "csv").out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0]) == ["text", "label", "p_hateful", "p_normal", "is_truncated"]
    assert rows[0]["label"] == rows[0]["p_normal"] == ""
    assert float(rows[1]["p_hateful"]) + float(rows[1]["p_normal"]) == pytest.approx(1, abs=1e-5)


def test_the_table(predict):
    out = predict("我在家", "", "好" * 500).out
    assert "我在家" in out
    assert "normal 0." in out
    assert "(cut)" in out
    assert "…" in out


def test_explanations(predict, explained):
    rows = json_rows(predict("我在家", "", "--format", "jsonl", "--explain"))
    assert rows[0]["words"] == [["我", 0, 1, 0.75], ["在", 1, 2, -0.25]]
    assert rows[1]["words"] == []
    out = predict("我在家", "", "--explain").out
    assert "我 +0.75" in out
    assert "在 -0.25" in out
    (row, _) = csv.DictReader(
        io.StringIO(predict("我在家", "", "--format", "csv", "--explain").out)
    )
    assert json.loads(row["words"]) == rows[0]["words"]


def test_words_are_marked_by_their_weight():
    from nlpcl.tasks.classification.output import shown_text

    row = {
        "text": "ab\x1bcd",
        "is_truncated": False,
        "words": [["a", 0, 1, 0.9], ["b", 1, 2, -0.3], ["c", 3, 4, 0.01]],
    }
    shown = shown_text(row, True)
    assert shown.plain == "ab\u241bcd"
    spans = {(span.start, span.end): str(span.style) for span in shown.spans}
    assert spans == {(0, 1): "bold red underline", (1, 2): "blue"}
    assert shown_text({**row, "words": [["a", 0, 1, 0.0]]}, True).spans == []


def test_an_output_file_appears_whole_or_not_at_all(predict, run_main, classifier, tmp_path):
    shown = predict("好", "--format", "jsonl").out
    assert predict("好", "--format", "jsonl", "--output", "deep/out.jsonl").out == ""
    assert (tmp_path / "deep" / "out.jsonl").read_text(encoding="utf-8") == shown
    (tmp_path / "bad.txt").write_bytes("好\n".encode() + b"\xff")
    (tmp_path / "old.txt").write_text("old")
    result = run_main(
        "predict", "hate", "--input", "bad.txt", "--checkpoint", classifier, "--quiet",
        "--output", "old.txt", "--format", "jsonl", "--chunk-size", "1",
    )  # fmt: skip
    assert "bad.txt:2: not UTF-8" in result.error_line
    assert (tmp_path / "old.txt").read_text() == "old"


def test_the_newest_run_is_taken_unless_it_brings_code(run_main, classifier, tmp_path):
    shutil.copytree(classifier, tmp_path / "runs" / "mine")
    line = run_main("predict", "hate", "好", "--format", "text").error_line
    assert "runs/mine: brings Python code" in line
    named = ["--checkpoint", "runs/mine"]
    assert named == line.rsplit(maxsplit=2)[-2:]
    result = run_main("predict", "hate", "好", "--format", "text", *named)
    assert result.code == 0, result.err
    assert "by the run runs/mine" in result.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "arguments or --input"),
        ("好 --input -", "arguments or --input"),
        ("--input nowhere.txt", "no such file"),
        ("好", "nlpcl train asrm"),
        ("好 --checkpoint nowhere", "no such run"),
        ("好 --checkpoint builtin", "no built-in hate model"),
        ("好 --format texd", "Did you mean 'text'"),
        ("好 --method gradient", "Did you mean 'gradients'"),
        ("好 --chunk-size 0", "--chunk-size"),
    ],
)
def test_mistakes_are_one_line(line, words, run_main):
    assert words in run_main("predict", "hate", *line.split()).error_line or (
        line == "" and "Usage" in run_main("predict", "hate").out
    )


def test_a_run_of_another_task_is_refused(run_main, finished_run):
    line = run_main("predict", "hate", "好", "--checkpoint", finished_run).error_line
    assert "not one for classification" in line


def test_help_loads_nothing_heavy(run_python):
    script = """
import sys
from nlpcl.cli import main
sys.argv = ["nlpcl", "predict", "hate", "--help"]
try:
    main()
except SystemExit:
    pass
print("LOADED", *[name for name in ("torch", "numpy", "transformers") if name in sys.modules])
"""
    assert run_python(script).out.splitlines()[-1] == "LOADED"
