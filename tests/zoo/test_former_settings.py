"""Every setting under the name of version 0.1.0: as a flag, in a run, in a saved model."""

from __future__ import annotations

import dataclasses
import json

import pytest

from nlpcl import tasks, zoo
from nlpcl.core.config import flag
from nlpcl.core.renamed import former_names

RENAMED = {
    "": {
        "accumulate": "grad_accumulation",
        "warmup": "warmup_ratio",
        "clip": "max_grad_norm",
    },
    "asrm": {
        "self_supervised": "self_supervised_weight",
        "supervised": "supervised_weight",
    },
    "emotion-gru": {"merge": "map_labels"},
    "emotion-enhanced": {
        "merge": "map_labels",
        "normalise": "normalization",
        "alpha_course": "alpha_schedule",
    },
    "mlm": {
        "rate": "mlm_probability",
        "light": "light_fraction",
        "mask_share": "mask_fraction",
        "pinyin_share": "pinyin_fraction",
        "near_pinyin_share": "near_pinyin_fraction",
        "shape_share": "shape_fraction",
        "random_share": "random_fraction",
        "copied": "copy_fraction",
    },
}
RENAMED["dcl"] = RENAMED["asrm"]
RENAMED["distill"] = RENAMED["mlm"] | {"progressive": "progressive_fraction"}
EVERY = [
    (model, old, new)
    for model in zoo.names()
    for old, new in {**RENAMED[""], **RENAMED.get(model, {})}.items()
]
VALUES = {"normalise": "none", "alpha_course": "dann", "accumulate": 3, "merge": "sad=other"}
"""Values for the flags that take no number between 0 and 1."""
ENHANCED = json.loads("""
{"data": "sample", "data_root": null, "dev_fraction": 0.1, "train_fraction": 1.0,
 "keep_overlap": false, "backbone": "builtin", "max_length": 128, "epochs": 2, "batch_size": 32,
 "accumulate": 2, "lr": 0.0005, "weight_decay": 0.01, "warmup": 0.2, "clip": 3.0, "patience": 10,
 "seed": 0, "precision": "auto", "device": "auto", "threads": 1, "protocol": "auto",
 "labels": null, "merge": "excited=happy", "kind": "all", "path_column": null,
 "label_column": null, "speaker_column": null, "session_column": null, "gender_column": null,
 "encoder": "frozen", "unfreeze": 2, "layer": null, "weighted_sum": false, "encoder_lr": 1e-05,
 "input_norm": "auto", "frame_pool": 8, "noise_snr": null, "stretch": 0.0, "speed": 0.0,
 "time_mask": 0.0, "feature_mask": 0.0, "mixup": 0.0, "loss": "ce", "focal_gamma": 2.0,
 "label_smoothing": 0.0, "class_weights": "none", "min_lr": 1e-07, "restarts": 0, "hidden": 256,
 "gru_layers": 3, "dropout": 0.3, "position": true, "normalise": "none", "attention": true,
 "heads": 8, "enhancement": true, "max_pool": true, "adversary": true, "attention_dropout": 0.1,
 "adversarial_weight": 0.05, "max_alpha": 1.0, "alpha_course": "dann"}
""")
"""The settings in ``run.json`` as version 0.1.0 wrote them, some values changed."""
MLM = json.loads("""
{"data": "sample", "data_root": null, "dev_fraction": 0.1, "train_fraction": 1.0,
 "keep_overlap": false, "backbone": "builtin", "max_length": 128, "epochs": 1, "batch_size": 16,
 "accumulate": 1, "lr": 7e-05, "weight_decay": 0.01, "warmup": 0.1, "clip": 1.0, "patience": 0,
 "seed": 0, "precision": "auto", "device": "auto", "threads": 1, "text_column": null, "layers": 0,
 "spread": false, "fresh": false, "pieces": 0, "confusion": null, "rate": 0.25, "light": 0.75,
 "mask_share": 0.21, "pinyin_share": 0.31, "near_pinyin_share": 0.11, "shape_share": 0.12,
 "random_share": 0.06, "copied": 0.16, "copy_weight": 1.0}
""")


def test_these_are_all_that_were_renamed():
    for model in zoo.names():
        wanted = {**RENAMED[""], **RENAMED.get(model, {})}
        config = zoo.entry(model).config_class
        assert former_names(config) == wanted
        assert wanted.keys().isdisjoint(field.name for field in dataclasses.fields(config))


@pytest.mark.parametrize(
    ("model", "written"), [("emotion-enhanced", ENHANCED), ("mlm", MLM)], ids=["enhanced", "mlm"]
)
def test_the_settings_of_an_older_run(model, written):
    kind = zoo.entry(model).config_class
    config = kind.from_dict(written).check()
    renamed = {**RENAMED[""], **RENAMED[model]}
    present = {renamed.get(name, name): value for name, value in written.items()}
    # What came since has its default.
    assert config.as_dict() == kind().as_dict() | present


@pytest.fixture
def configured(monkeypatch):
    """The configurations that ``nlpcl train`` would have trained."""
    found = []
    monkeypatch.setattr("nlpcl.cli.train.start", lambda config, *_, **__: found.append(config))
    return found


@pytest.mark.parametrize(("model", "old", "new"), EVERY)
def test_a_former_flag_sets_the_field_and_says_what_it_is_now(
    model, old, new, configured, run_main
):
    value = VALUES.get(old, 0.125)
    result = run_main("train", model, flag(old), value, "--quiet")
    assert result.code == 0, result
    (config,) = configured
    assert getattr(config, new) == value
    assert result.out == ""
    told = f"{flag(old)} is now {flag(new)}; the old name goes with the next release"
    assert result.err == f"nlpcl: {told}\n"


def test_each_former_flag_has_its_line(configured, run_main):
    result = run_main("train", "mlm", "--rate", 0.2, "--copied=0.1", "--epochs", 1)
    assert [line.split()[1] for line in result.err.splitlines()] == ["--rate", "--copied"]
    assert (configured[0].mlm_probability, configured[0].copy_fraction) == (0.2, 0.1)
    assert run_main("train", "mlm", "--mlm-probability", 0.2).err == ""


@pytest.mark.parametrize("verb", ["train", "ablate"])
def test_both_names_are_one_line(verb, run_main):
    given = ["--alpha-course", "dann", "--alpha-schedule", "documented"]
    for flags in (given, [*given[2:], *given[:2]]):
        line = run_main(verb, "emotion-enhanced", *flags).error_line
        assert line == (
            "nlpcl: --alpha-course and --alpha-schedule are the same flag. "
            "Give --alpha-schedule alone."
        )


def test_a_mistaken_value_names_the_present_flag(run_main):
    result = run_main("train", "mlm", "--rate", 2)
    assert result.code == 2
    assert result.err.splitlines()[1].startswith("nlpcl: --mlm-probability: 2.0 is not below 1")
    line = run_main("train", "emotion-enhanced", "--alpha-course", "dan").error_line
    assert "documented" in line and "dann" in line


@pytest.mark.parametrize("verb", ["train", "ablate"])
@pytest.mark.parametrize("model", zoo.names())
def test_the_help_and_suggestions_hold_present_names_only(verb, model, run_main):
    wide = {"COLUMNS": "300", "NO_COLOR": "1"}
    help_text = run_main(verb, model, "--help", env=wide).out.split()
    line = run_main(verb, model, "--acumulate", 1).error_line.replace(",", " ").split()
    for old, new in former_names(zoo.entry(model).config_class).items():
        assert flag(new) in help_text and flag(new) in line
        assert flag(old) not in help_text and flag(old) not in line


def test_the_options_of_predict_are_renamed_alike(run_main, finished_run):
    specs = [tasks.spec(name) for name in tasks.names()]
    options = {spec.noun: spec.prediction.options for spec in specs if spec.prediction}
    assert former_names(options["spelling"]) == former_names(options["hate"])
    assert former_names(options["emotion"]) == {}
    given = [
        "predict",
        "spelling",
        "好",
        "我再家",
        "--format",
        "jsonl",
        "--checkpoint",
        finished_run,
    ]
    plain = run_main(*given, "--chunk-size", 1)
    former = run_main(*given, "--window", 1)
    assert former.out == plain.out
    told = "nlpcl: --window is now --chunk-size; the old name goes with the next release\n"
    assert former.err == told + plain.err


def test_the_options_of_predict_are_renamed_in_python_too(finished_run):
    import nlpcl

    run = nlpcl.load(finished_run)
    assert run.predict(["好", "我再家"], window=1) == run.predict(["好", "我再家"], chunk_size=1)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("asrm", {"self_supervised_weight": 0.3, "supervised_weight": 0.2}),
        ("dcl", {"self_supervised_weight": 0.3, "supervised_weight": 0.2}),
        ("emotion-enhanced", {"normalization": "none", "alpha_schedule": "dann"}),
    ],
)
def test_a_saved_model_with_former_options(name, options, tiny, tmp_path):
    import torch

    made = tiny(name, **options)
    made.model.save_pretrained(tmp_path)
    before = {new: old for old, new in RENAMED[name].items()}
    file = tmp_path / "config.json"
    saved = json.loads(file.read_text(encoding="utf-8"))
    written = {before.get(key, key): value for key, value in saved["options"].items()}
    assert {before[new] for new in options} <= written.keys()
    file.write_text(json.dumps(saved | {"options": written}), encoding="utf-8")
    opened = type(made.model).from_pretrained(tmp_path)
    assert opened.options == made.model.options
    assert {new: getattr(opened.options, new) for new in options} == options
    batch = made.unlabelled()
    with torch.no_grad():
        logits = [model.eval()(**batch).logits for model in (made.model, opened)]
    assert torch.equal(*logits)
