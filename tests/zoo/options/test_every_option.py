"""Every option of every model changes something that is computed, where what it needs is met."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from nlpcl import zoo
from nlpcl.core.config import SPEED_ALONE
from nlpcl.core.errors import UserError
from nlpcl.core.needs import CORPUS, OWN_FILE, Need, changed, needs_of, refuse_without_effect

TRAINER_ALONE: dict[str, Any] = {
    "epochs": 1,
    "lr": 0.02,
    "weight_decay": 0.5,
    "warmup_ratio": 0.9,
    "max_grad_norm": 1e-3,
    "patience": 1,
    "min_lr": 5e-3,
    "restarts": 1,
}
"""Read by the trainer, which is the same for all models: trained for in one model of each input."""
TRAINED = {"sdcl", "emotion-gru"}
REGULARISERS: dict[str, Any] = {
    "rdrop": 1.0,
    "rdrop_divergence": "sigmoid",
    "rdrop_delay": 0.5,
    "rdrop_ramp": 0.5,
    "vat": 1.0,
    "vat_weight": 0.5,
    "vat_divergence": "sigmoid",
    "vat_xi": 0.1,
    "vat_iterations": 2,
    "fgm": 1.0,
    "pgd": 1.0,
    "pgd_step_size": 0.2,
    "pgd_steps": 2,
    "ema": 0.9,
}
"""Trained for in one model; what they do in each is in ``test_regularised_models.py``."""
TRAINED_ALONE = {"judge"}
"""Tells in a trained model alone: see its own tests."""

VALUES: dict[str, Any] = {
    "data": "other",
    "backbone": "other encoder",
    "teacher": "other encoder",
    "confusion": "confusions",
    "data_root": "other root",
    "windows": "1,7",
    "labels": "calm,sad",
    "map_labels": "sad=calm",
    "observed": "pairs",
    "word_fraction": 0.1,
    "light_errors": 3.0,
    "kind": "scripted",
    "protocol": "kfold:2",
    "dev": "clips",
    "noise_snr": 3.0,
    "gain": 20.0,
    "band_limit": 1.0,
    "reverberation": 1.0,
    "speech_gate": "voice",
    "layer": 1,
    "layers": 1,
    "pieces": 1,
    "max_length": 8,
    "hidden": 12,
    "heads": 4,
    "batch_size": 3,
    "unfreeze": 1,
    "precision": "bf16",
    "spread": True,
    "dev_fraction": 0.6,
    "progressive_fraction": 0.9,
    "distill layers": 2,
    "map_types": "ORG=LOC",
    "pack": 0.0,
    "token_column": "2",
    "tag_column": "3",
    "overlap": 2,
    "head_size": 8,
    "frozen_layers": 1,
    "globalpointer max_length": 16,
}
"""The other value of an option where its type does not tell one."""

KINDS = ("mask", "pinyin", "near_pinyin", "shape", "random", "word")
FRACTIONS = [f"{kind}_fraction" for kind in KINDS]
NOTHING_ELSE = dict.fromkeys(FRACTIONS, 0.0)
SITUATIONS: dict[str, dict[str, Any]] = {
    "patience": {"epochs": 4},
    "tune_threshold": {"data": "two"},
    "dev_fraction": {"data": "no dev"},
    "keep_overlap": {"data": "overlap"},
    "mlm_probability": {"light_fraction": 0.0},
    **{name: {"light_fraction": 0.0, "mlm_probability": 0.9} for name in FRACTIONS},
    "pieces": {"backbone": "unigram"},
    "observed": NOTHING_ELSE | {"observed_fraction": 1.0, "mlm_probability": 0.9},
    "observed_fraction": NOTHING_ELSE | {"light_fraction": 0.0, "mlm_probability": 0.9},
    "light_errors": {"light_fraction": 1.0},
    "reduction": {"reduction": 1},
    "light_mask_probability": {"light_fraction": 1.0},
    "unescape_html": {"data": "html"},
    "encoder": {"backbone": "speech"},
    "encoder_lr": {"backbone": "speech"},
    "unfreeze": {"backbone": "speech"},
    "layer": {"backbone": "speech"},
    "weighted_sum": {"backbone": "speech"},
    "speed": {"backbone": "speech", "encoder": "full"},
    "gain": {"backbone": "speech"},
    "band_limit": {"backbone": "speech"},
    "reverberation": {"backbone": "speech"},
    "speech_gate": {"data": "sample"},
    "spread": {"layers": 1},
    "overlap": {"max_length": 16},
    "pack": {"data": "columns"},
    "token_column": {"data": "columns"},
    "tag_column": {"data": "columns"},
}
"""What else must be so that the two values differ, beside what the option declares to need."""

UNMET: dict[str, Any] = {
    "data": "corpus",
    "loss": "ce",
    "variant": "none",
    "self_supervised_weight": 0.0,
    "supervised_weight": 0.0,
    "beta": 0.0,
    "attention": False,
    "adversary": False,
    "max_alpha": 0.0,
    "adversarial_weight": 0.0,
    "batch_size": 1,
    "encoder": "frozen",
    "layers": 0,
    "protocol": "kfold:4",
}
"""Values of the options that others need with which these have no effect."""


ENDS = (0.0, 1.0)


def options(with_needs: bool) -> Iterator[Any]:
    """Every option of every model, or those that need others."""
    for name in zoo.names():
        for field in dataclasses.fields(zoo.entry(name).config_class):
            is_tried = "help" in field.metadata and field.name not in SPEED_ALONE
            is_tried &= field.name not in TRAINER_ALONE or name in TRAINED
            is_tried &= field.name not in TRAINED_ALONE
            is_tried &= field.name not in REGULARISERS or name == "sdcl"
            is_tried &= not of_task_alone(name, field)
            if is_tried and (needs_of(field) or not with_needs):
                yield pytest.param(name, field, id=f"{name}-{field.name}")


def of_task_alone(name: str, field: dataclasses.Field[Any]) -> bool:
    """Whether an option is as in all models of a task, and tried in its default model."""
    task = zoo.entry(name).task
    shared = {other.name: other for other in dataclasses.fields(task.settings)}
    is_model = field.metadata.get("panel") == "Model"
    return name != task.default_model and not is_model and field.name in shared


@pytest.fixture(scope="module")
def configured(places):
    """``configured(name, values)`` → a configuration; names of places stand for them."""

    def made(name: str, values: dict[str, Any]) -> Any:
        entry = zoo.entry(name)
        plain = {
            "data": "plain",
            "backbone": "encoder",
            "epochs": 2,
            "batch_size": 4,
            "lr": 0.01,
            "precision": "fp32",
            "device": "cpu",
        }
        if entry.task.input == "speech":
            plain |= {"hidden": 8, "gru_layers": 1, "protocol": "kfold:4", "frame_pool": 1}
            plain["speech_gate"] = "off"  # the clips are noise
        found = plain | values
        for key in ("data", "data_root", "backbone", "teacher", "confusion", "observed"):
            for kind in (entry.task.name, entry.task.input):
                if (kind, found.get(key)) in places:
                    found[key] = places[kind, found[key]]
                    break
            else:
                found[key] = found.get(key)
            if found[key] is None:
                del found[key]
        return entry.config_class(**found)

    return made


@pytest.fixture(scope="module")
def reference(configured, stages, tmp_path_factory):
    """``reference(name, values, last)`` → the stages of these settings, each made once."""
    made: dict[str, Iterator[Any]] = {}

    def stages_of(name: str, values: dict[str, Any], last: str) -> Iterator[Any]:
        key = f"{name} {sorted(values.items())} {last}"
        if key not in made:
            folder = tmp_path_factory.mktemp("reference")
            made[key] = stages(configured(name, values), folder, last)
        made[key], again = itertools.tee(made[key])
        return again

    return stages_of


def other_value(name: str, field: dataclasses.Field[Any]) -> Any:
    """Another value of an option than its default."""
    known = TRAINER_ALONE | REGULARISERS | VALUES
    for key in (f"{name} {field.name}", field.name):
        if key in known:
            return known[key]
    if field.name.endswith("_column"):
        return field.name.removesuffix("_column") + "2"
    hint = get_type_hints(zoo.entry(name).config_class)[field.name]
    if get_origin(hint) is Literal:
        return next(value for value in reversed(get_args(hint)) if value != field.default)
    if hint is bool:
        return not field.default
    return field.default + 1 if hint is int else field.default / 2 or 0.4


def met(needs: tuple[Need, ...]) -> dict[str, Any]:
    """Settings that meet all conditions; the data are a file by default."""
    values = {need.field: need.example for need in needs if need is not OWN_FILE}
    return values | ({"data": "corpus"} if CORPUS in needs else {})


def unmet(needs: tuple[Need, ...]) -> dict[str, Any]:
    """Settings that do not meet the first condition, in none of its forms."""
    first = needs[0]
    values = {need.field: failing(need) for need in (first, *first.others)}
    return values | ({"data": "plain"} if first is CORPUS else {})


def failing(need: Need) -> Any:
    """A value of the other option that does not meet a condition."""
    known = [UNMET[need.field]] if need.field in UNMET else []
    named = {"protocol": ("random",), "data": ("sample",), "normalization": ("none",)}
    others = named.get(need.field, ENDS)
    return next(value for value in (*known, *others) if not need.holds(value))


@pytest.mark.parametrize(("name", "field"), options(with_needs=False))
def test_an_option_has_an_effect(name, field, configured, reference, stages, tmp_path):
    values = met(needs_of(field)) | SITUATIONS.get(field.name, {})
    other = values | {field.name: other_value(name, field)}
    # Columns are told apart from what is found without naming one.
    two = configured(name, other)
    refuse_without_effect(two, [field.name])
    last = "weights" if field.name in TRAINER_ALONE | REGULARISERS else "report"
    wanted, found = reference(name, values, last), stages(two, tmp_path, last)
    assert any(first != second for first, second in zip(wanted, found, strict=True))


@pytest.mark.parametrize(("name", "field"), options(with_needs=True))
def test_without_what_it_needs_it_has_none_and_is_refused(
    name, field, configured, reference, stages, tmp_path
):
    values = SITUATIONS.get(field.name, {}) | unmet(needs_of(field))
    two = configured(name, values | {field.name: other_value(name, field)})
    assert field.name in changed(two)
    with pytest.raises(UserError, match=f"^--{field.name.replace('_', '-')}: has no effect"):
        refuse_without_effect(two, changed(two))
    wanted = reference(name, values, "scores")
    for first, second in zip(wanted, stages(two, tmp_path, "scores"), strict=True):
        assert first == second


@pytest.mark.parametrize("name", zoo.names())
def test_needs_name_other_options_and_examples_that_meet_them(name):
    config = zoo.entry(name).config_class
    known = {field.name: field for field in dataclasses.fields(config)}
    for field in known.values():
        for need in needs_of(field):
            for one in (need, *need.others):
                assert one.field in known
                assert one.field != field.name
                assert one.holds(one.example)


@pytest.mark.parametrize("option", SPEED_ALONE)
def test_what_is_said_to_concern_speed_alone_does(option, configured, stages, tmp_path):
    """On one processor; sums of several threads may be rounded otherwise."""
    other = {"device": "cpu", "threads": 1}[option]
    values = {"device": "auto"} if option == "device" else {}
    one, two = configured("asrm", values), configured("asrm", values | {option: other})
    for first, second in zip(
        stages(one, tmp_path, "report"), stages(two, tmp_path, "report"), strict=True
    ):
        assert first == second
