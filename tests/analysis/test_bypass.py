"""Modules of trained models bypassed: time, scores, runs and studies."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

import nlpcl
from nlpcl import zoo
from nlpcl.analysis.bypass import bypassed, encoder_layers, module_report, plain_forms
from nlpcl.core.errors import UserError
from nlpcl.nn.gate_statistics import watched
from nlpcl.runs.rows import load_splits


class Twice(nn.Module):
    """Two results, as attention layers give them."""

    def forward(self, states, scale=1.0):
        return scale * states * 2, states.sum()


def test_a_bypassed_module_gives_its_first_input():
    states = torch.randn(2, 3)
    layer = nn.Linear(3, 3)
    before = layer(states)
    with bypassed(layer):
        assert torch.equal(layer(states), states)
        assert torch.equal(layer(input=states), states)
    assert torch.equal(layer(states), before)
    pair = Twice()
    with bypassed(pair):
        first, second = pair(states, scale=3.0)
    assert torch.equal(first, states)
    assert torch.equal(second, states.sum())


def test_it_comes_back_after_an_error():
    layer = nn.Linear(3, 3)
    states = torch.randn(2, 3)
    before = layer(states)
    with pytest.raises(RuntimeError), bypassed(layer):
        raise RuntimeError
    assert torch.equal(layer(states), before)


def test_another_shape_is_refused():
    layer = nn.Linear(3, 4)
    with pytest.raises(ValueError, match="changes the shape"), bypassed(layer):
        layer(torch.randn(2, 3))


def test_nested_bypasses_join():
    layers = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    states = torch.randn(2, 3)
    with bypassed(layers[0]), bypassed(layers[1]):
        assert torch.equal(layers(states), states)


def test_encoder_layers_are_the_heaviest_stack():
    backbone = nn.Module()
    backbone.small = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    backbone.stack = nn.ModuleList([nn.Linear(9, 9) for _ in range(2)])
    backbone.mixed = nn.ModuleList([nn.Linear(99, 99), nn.LayerNorm(99)])
    found = encoder_layers(backbone)
    assert list(found) == ["encoder layer 1", "encoder layer 2"]
    assert list(found.values()) == list(backbone.stack)
    assert encoder_layers(None) == encoder_layers(nn.Linear(2, 2)) == {}


def test_the_table_of_a_run(finished_run):
    run = nlpcl.load(finished_run, device="cpu", precision="fp32")
    own, rows = run.evaluate()
    report, predictions = module_report(run, load_splits(run.config), run.config)
    assert [row["bypassed"] for row in predictions].count("(nothing)") == len(rows)
    assert len(predictions) == 4 * len(rows)
    (table,) = report.tables
    assert f"n = {len(rows)}" in table.title
    cells = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    full = cells.pop("(nothing)")
    metric = "correction_f1_strict"
    assert full[metric] == pytest.approx(own.metrics[metric])
    assert report.metrics[metric] == full[metric]
    assert list(cells) == ["encoder layer 1", "encoder layer 2", "head transform"]
    for name, row in cells.items():
        assert row["drop"] == pytest.approx(full[metric] - row[metric])
        assert report.metrics[f"drop/{name}"] == row["drop"]
        assert row["low"] <= row["drop"] <= row["high"]
        assert 0 <= row["changed (%)"] <= 100
        assert 0 < row["time (%)"] < 100
    layer = run.model.backbone.bert.encoder.layer[0]
    size = sum(weight.numel() for weight in layer.parameters())
    assert cells["encoder layer 1"]["parameters"] == size
    assert run.evaluate()[1] == rows
    with bypassed(layer):
        without = run.evaluate()[0].metrics[metric]
    assert cells["encoder layer 1"][metric] == pytest.approx(without)


def test_a_task_without_prediction_rows(tmp_path, settings, pairs):
    text = tmp_path / "text.txt"
    text.write_text("\n".join(right for _, right in pairs), encoding="utf-8")
    names = ("backbone", "precision", "device", "lr", "batch_size")
    chosen = {name: settings[name] for name in names}
    config = zoo.entry("mlm").config_class(data=str(text), epochs=1, **chosen)
    run = nlpcl.fit(config, out=tmp_path / "run", quiet=True)
    report, _ = module_report(run, load_splits(run.config), run.config)
    (table,) = report.tables
    assert table.columns[-2:] == ["masked_accuracy", "drop"]
    assert table.rows[0][3] == pytest.approx(run.report["metrics"]["masked_accuracy"])
    assert len(table.rows) == 4


@pytest.fixture(scope="module")
def gated(tmp_path_factory, settings, pairs):
    """A run of a text classifier with a gate per token, tested on 10 texts."""
    folder = tmp_path_factory.mktemp("gated")
    for part, own in {"train": pairs[:20], "dev": pairs[20:30], "test": pairs[30:]}.items():
        rows = [f"{text}\t{'ab'[at % 2]}\n" for at, (_, text) in enumerate(own)]
        (folder / f"{part}.tsv").write_text("text\tlabel\n" + "".join(rows), encoding="utf-8")
    chosen = settings | {"data": str(folder), "epochs": 1}
    config = zoo.entry("asrm").config_class(variant="span", **chosen)
    return nlpcl.fit(config, out=folder / "run", quiet=True)


def cells_of(report):
    (table,) = report.tables
    return {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}


def test_the_report_of_a_run_says_how_its_gate_varies(gated):
    (table,) = [table for table in gated.report["tables"] if table["name"] == "gates"]
    ((name, texts, mean, over_texts, over_tokens),) = table["rows"]
    assert (name, texts) == ("calibration", 10)
    assert 0 < mean < 2
    assert over_texts > 0 and over_tokens > 0
    report, _ = gated.evaluate()
    assert next(t.rows[0] for t in report.tables if t.name == "gates") == pytest.approx(
        table["rows"][0], abs=1e-6
    )


def answers_that_differ(predictions):
    """Those without the gate's evidence beside those of the whole model."""
    named = {"(nothing)": [], "calibration (its mean)": []}
    for one in predictions:
        if one["bypassed"] in named:
            named[one["bypassed"]].append(one["label"])
    whole, by_mean = named.values()
    return by_mean, sum(one != two for one, two in zip(whole, by_mean, strict=True))


def test_a_gate_replaced_by_its_mean(gated, monkeypatch):
    """The evidence of a token is made to depend on its state, so that answers hang on the gate."""
    run = nlpcl.load(gated.folder, device="cpu", precision="fp32")
    gate = run.model.calibration
    splits = load_splits(run.config)
    changed = 0
    for _ in range(20):
        with torch.no_grad():
            gate.spans[0].weighing.weight.normal_(std=300.0)
            run.model.head.weight.normal_(std=3.0)
            run.model.head.bias.normal_(std=3.0)
        report, predictions = module_report(run, splits, run.config)
        by_mean, changed = answers_that_differ(predictions)
        if changed:
            break
    row = cells_of(report)["calibration (its mean)"]
    assert row["changed (%)"] == 10 * changed > 0
    (statistics,) = next(t.rows for t in run.evaluate()[0].tables if t.name == "gates")
    mean = statistics[2]
    assert abs(mean - 1) > 1e-3
    with watched(run.model.gates()) as found:
        run.evaluate()
    _, function = plain_forms(run.model, found)["calibration (its mean)"]
    states = torch.randn(2, 3, 32)
    torch.testing.assert_close(function(states, None), mean * states)
    monkeypatch.setattr(gate, "factors", lambda states, mask: torch.full_like(states, mean))
    wanted, rows = run.evaluate()
    assert row["macro_f1"] == pytest.approx(wanted.metrics["macro_f1"])
    assert by_mean == [one["label"] for one in rows]
    assert row["low"] <= row["drop"] <= row["high"]
    assert row["parameters"] == sum(weight.numel() for weight in gate.parameters())


def test_a_gate_that_is_a_constant_changes_no_answer_and_has_no_interval_of_width_zero(gated):
    run = nlpcl.load(gated.folder, device="cpu", precision="fp32")
    for span in run.model.calibration.spans:
        torch.nn.init.zeros_(span.weighing.weight)
    report, _ = module_report(run, load_splits(run.config), run.config)
    row = cells_of(report)["calibration (its mean)"]
    assert (row["drop"], row["low"], row["high"]) == (0, None, None)
    assert row["changed (%)"] == 0
    most = 100 * (1 - 0.025**0.1)
    (table,) = report.tables
    assert f"Where no answer changed, up to {most:.1f} % may (exact" in table.note


def test_a_state_of_the_model_that_collapses_is_named(gated):
    run = nlpcl.load(gated.folder, device="cpu", precision="fp32")
    torch.nn.init.zeros_(run.model.head.weight)
    run.model.head.bias.data = torch.tensor([1.0, 0.0])
    report, _ = module_report(run, load_splits(run.config), run.config)
    names = ", ".join(cells_of(report))
    wanted = f"COLLAPSED: bypassing {names} the model answers 'a' to every one of the 10 texts."
    assert report.tables[0].note.startswith(wanted)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Three folds of six invented speakers with two emotions told apart by their pitch."""
    folder = tmp_path_factory.mktemp("clips")
    generator = np.random.default_rng(0)
    seconds = np.arange(4800) / 16_000
    lines = [["path", "label", "speaker"]]
    for speaker in range(6):
        for label, tone in (("angry", 900.0), ("sad", 180.0)):
            name = f"s{speaker}_{label}.wav"
            wave = 0.3 * np.sin(2 * np.pi * tone * (1 + 0.05 * speaker) * seconds)
            soundfile.write(folder / name, wave + 0.01 * generator.standard_normal(4800), 16_000)
            lines.append([name, label, f"s{speaker}"])
    with (folder / "clips.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(lines)
    config = zoo.entry("emotion-enhanced").config_class(
        data=str(folder / "clips.csv"), backbone="logmel", protocol="kfold:3", hidden=8, epochs=3,
        heads=2, gru_layers=1, lr=5e-3, batch_size=8, precision="fp32", device="cpu",
        speech_gate="off",
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NLPCL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield nlpcl.fit(config, out=tmp_path_factory.mktemp("study") / "run", quiet=True)


def test_in_a_study_each_fold_answers_for_its_own_clips(study, run_main):
    result = run_main("eval", study.folder, "--by", "module", "--format", "json")
    assert result.code == 0, result.err
    (table,) = json.loads(result.out)["tables"]
    cells = {row[0]: dict(zip(table["columns"], row, strict=True)) for row in table["rows"]}
    full = cells.pop("(nothing)")
    assert full["ua"] == pytest.approx(study.report["metrics"]["ua"])
    assert set(cells) >= {"attention", "enhancement", "max pooling", "normalisation"}
    assert cells["max pooling"]["parameters"] == 0
    assert cells["attention (uniform)"]["parameters"] == cells["attention"]["parameters"] > 0
    assert cells["attention (uniform)"]["time (%)"] is None
    assert "n = 12" in table["title"]
    right = 0
    for fold in study.record["leaks"]["folds"]:
        part = nlpcl.load(study.folder / "folds" / fold["name"], device="cpu", precision="fp32")
        rows = [
            json.loads(line)
            for line in (part.folder / "predictions.jsonl").read_text().splitlines()
        ]
        clips = load_clips_of(study, {row["id"] for row in rows})
        with bypassed(part.model.modules_to_bypass()["attention"]):
            _, found = part.task.evaluate(part.model, clips, "fp32", "")
        right += sum(row["label"] == row["gold"] for row in found)
    # Both emotions have as many clips, so UA is the share of right answers.
    assert cells["attention"]["ua"] == pytest.approx(100 * right / 12)


def load_clips_of(study, ids):
    from nlpcl.runs.rows import load_unsplit

    return [clip for clip in load_unsplit(study.config).train if clip["id"] in ids]


def test_a_model_without_modules_is_refused(study):
    run = nlpcl.load(study.folder / "folds" / study.record["leaks"]["folds"][0]["name"])
    clips = load_clips_of(study, {"s0_angry", "s0_sad"})
    run.model.modules_to_bypass = dict
    from nlpcl.core.splits import Splits

    with pytest.raises(UserError, match="no module that can be bypassed"):
        module_report(run, Splits("clips", test={"clips": clips}), run.config)
