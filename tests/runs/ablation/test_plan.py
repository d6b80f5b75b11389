"""What an ablation trains, and what is refused before any training."""

from __future__ import annotations

import dataclasses

import pytest

from nlpcl import zoo
from nlpcl.core.errors import UserError
from nlpcl.runs.ablation.plan import folder_names, make_plan


def plan(model="sdcl", given=None, **options):
    return make_plan(zoo.entry(model), given or {}, **options)


def test_all_variants_by_default():
    made = plan()
    assert list(made.variants) == list(zoo.entry("sdcl").variants)
    assert made.baseline == "sdcl"
    assert made.variants["no-contrast"].beta == 0
    cells = made.cells()
    assert len(cells) == 3 * len(made.variants)
    # Seed by seed: after the first round everything can be compared once.
    assert [cell.seed for cell in cells[: len(made.variants)]] == [0] * len(made.variants)
    assert cells[0].place.as_posix() == "cells/sdcl/seed-0"
    assert cells[-1].config.seed == 2


def test_variants_differ_in_their_settings_alone():
    made = plan(given={"lr": 1e-3, "seed": 5}, variants=["sdcl", "no-contrast"], seeds=2)
    assert list(made.seeds) == [5, 6]
    for seed in made.seeds:
        pair = [cell.config for cell in made.cells() if cell.seed == seed]
        assert pair[0] != pair[1]
        assert dataclasses.replace(pair[1], beta=pair[0].beta) == pair[0]
        assert pair[0].lr == 1e-3


def test_the_declared_baseline_is_added_and_said():
    made = plan(variants=["no-copy", "no-contrast"])
    assert list(made.variants) == ["sdcl", "no-copy", "no-contrast"]
    assert made.baseline == "sdcl"
    assert "sdcl" in made.notes[0]
    named = plan(variants=["no-copy", "no-contrast"], baseline="no-contrast")
    assert list(named.variants) == ["no-copy", "no-contrast"]
    assert named.baseline == "no-contrast"
    # Without a declared baseline the first named one is it.
    assert plan("emotion-gru", variants=["dot", "general"]).baseline == "dot"


def test_a_preset_lies_beneath_flags_and_variants():
    made = plan(
        given={"beta": 0.2}, preset={"beta": 0.1, "epochs": 9}, variants=["sdcl", "no-contrast"]
    )
    assert made.variants["sdcl"].beta == 0.2
    assert made.variants["no-contrast"].beta == 0
    assert made.variants["sdcl"].epochs == 9


def test_sweeps_make_a_grid_of_the_model_as_it_is():
    made = plan(sweeps=["temperature=0.05,0.9", "beta=0.1,0.5"])
    assert list(made.variants) == [
        "temperature=0.05 beta=0.1",
        "temperature=0.05 beta=0.5",
        "temperature=0.9 beta=0.1",
        "temperature=0.9 beta=0.5",
    ]
    assert made.variants["temperature=0.9 beta=0.1"].temperature == 0.9
    assert made.baseline == "temperature=0.05 beta=0.1"
    places = [cell.place for cell in made.cells()]
    assert len(set(places)) == len(places)


def test_a_sweep_may_have_the_former_name_of_a_field():
    made = plan(sweeps=["warmup=0.0,0.2", "max-grad-norm=0,1"])
    # The name stays as written, so that the cells of an older ablation are found again.
    assert list(made.variants)[3] == "warmup=0.2 max_grad_norm=1.0"
    last = made.variants["warmup=0.2 max_grad_norm=1.0"]
    assert (last.warmup_ratio, last.max_grad_norm) == (0.2, 1.0)
    assert made.settings["warmup=0.0 max_grad_norm=1.0"] == {
        "warmup_ratio": 0.0, "max_grad_norm": 1.0,
    }  # fmt: skip


def test_sweeps_of_variants():
    made = plan(variants=["sdcl", "no-contrast"], sweeps=["batch-size=4,8"], baseline="no-contrast")
    assert len(made.variants) == 4
    assert made.variants["no-contrast batch_size=8"].batch_size == 8
    assert made.baseline == "no-contrast batch_size=4"


@pytest.mark.parametrize(
    ("text", "value"),
    [("lr=1e-3,1", 1.0), ("epochs=3,7", 7), ("keep_overlap=on,off", False),
     ("negatives=batch,student", "student"), ("source_column=a,none", None)],
)  # fmt: skip
def test_values_have_the_type_of_their_field(text, value):
    made = plan(given={"data": "own.csv"}, sweeps=[text])
    found = getattr(list(made.variants.values())[1], text.split("=")[0])
    assert found == value
    assert type(found) is type(value)


def test_a_flag_with_an_effect_in_some_variants_is_at_its_default_in_the_others():
    made = plan("asrm", given={"windows": "1,3"}, variants=["none", "span"]).variants
    assert (made["none"].windows, made["span"].windows) == ("1,3,5", "1,3")


def test_variants_that_differ_in_what_has_no_effect_are_equal(monkeypatch):
    entry = zoo.entry("asrm")
    variants = {"none": {"variant": "none"}, "sharp": {"variant": "none", "temperature": 0.01}}
    monkeypatch.setattr(entry.settings, "VARIANTS", variants)
    with pytest.raises(UserError, match="same settings here but for temperature, which has no eff"):
        make_plan(entry, {})


def test_any_name_makes_a_folder():
    found = folder_names(["a/b", "a b", "..", "A_B", "谷=1"])
    assert len({name.lower() for name in found.values()}) == 5
    assert not any("/" in name or name.startswith(".") for name in found.values())


REFUSED = {
    "without effect": (
        {"model": "asrm", "sweeps": ["temperature=0.05,0.1"]},
        "--sweep temperature: has no effect here. Set --self-supervised-weight ",
    ),
    "without effect in one": (
        {"variants": ["sdcl", "no-contrast"], "sweeps": ["temperature=0.1,0.9"]},
        "no effect in the variant no-contrast temperature=0.1. Set --beta above 0",
    ),
    "without effect in a grid": (
        {"sweeps": ["beta=0,1", "temperature=0.1,0.9"]},
        "no effect in the variant beta=0.0 temperature=0.1.",
    ),
    "flag without effect": (
        {"model": "asrm", "given": {"windows": "1,3"}, "variants": ["none", "original"]},
        "--windows: has no effect here",
    ),
    "speed": ({"sweeps": ["threads=1,2"]}, "changes where and how fast a model is trained"),
    "unknown variant": ({"variants": ["sdcl", "no-contrst"]}, "Did you mean 'no-contrast'"),
    "flag as variant": ({"variants": ["sdcl", "beta"]}, "--sweep beta="),
    "flag in full": ({"variants": ["sdcl", "--batch-size"]}, "--sweep batch_size="),
    "twice": ({"variants": ["sdcl", "sdcl"]}, "sdcl is named twice"),
    "alone": ({"variants": ["sdcl"]}, "nothing to compare"),
    "one value": ({"sweeps": ["beta=1"]}, "nothing to compare"),
    "baseline": ({"variants": ["sdcl", "no-copy"], "baseline": "plain"}, "baseline 'plain'"),
    "declared": ({"variants": ["no-copy", "plain"], "baseline": "sdcl"}, "Add it to --variants"),
    "unknown field": ({"sweeps": ["temprature=1,2"]}, "Did you mean 'temperature'"),
    "hidden field": ({"sweeps": ["task=a,b"]}, "unknown setting"),
    "swept data": ({"sweeps": ["data=a,b"]}, "cannot be swept"),
    "swept seed": ({"sweeps": ["seed=1,2"]}, "Use --seeds"),
    "word": ({"sweeps": ["beta=1,x"]}, "'x' is not a number"),
    "fraction": ({"sweeps": ["epochs=1,1.5"]}, "'1.5' is not a whole number"),
    "switch": ({"sweeps": ["keep_overlap=on,maybe"]}, "neither on nor off"),
    "choice": ({"sweeps": ["negatives=batch,teachr"]}, "Did you mean 'teacher'"),
    "bound": ({"sweeps": ["temperature=0.5,0"]}, "not above 0"),
    "nan": ({"sweeps": ["lr=0.5,nan"]}, "not a finite number"),
    "same value": ({"sweeps": ["beta=1,1.0"]}, "1.0 is named twice"),
    "same field": ({"sweeps": ["beta=1,2", "beta=3,4"]}, "swept twice"),
    "same field renamed": (
        {"sweeps": ["clip=1,2", "max_grad_norm=3,4"]},
        "max_grad_norm is swept twice",
    ),
    "flag and sweep renamed": (
        {"given": {"max_grad_norm": 1.0}, "sweeps": ["clip=1,2"]},
        "--max-grad-norm: has no effect: the sweep sets it",
    ),
    "no value": ({"sweeps": ["beta"]}, "FIELD=VALUE"),
    "empty value": ({"sweeps": ["beta=1,"]}, "FIELD=VALUE"),
    "set twice": ({"variants": ["sdcl", "no-contrast"], "sweeps": ["beta=1,2"]}, "sets beta"),
    "flag and sweep": ({"given": {"beta": 1.0}, "sweeps": ["beta=1,2"]}, "--beta: has no effect"),
    "equal": (
        {"given": {"beta": 0.0}, "variants": ["sdcl", "no-contrast"]},
        "sdcl and no-contrast are the same",
    ),
    "seeds": ({"seeds": 0}, "--seeds: 0 is not at least 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    options, words = REFUSED[name]
    with pytest.raises(UserError) as refusal:
        plan(**options)
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def own_entry(tmp_path, variants, presets=None):
    folder = tmp_path / "own_model"
    folder.mkdir()
    (folder / "config.py").write_text(
        "from nlpcl.zoo.sdcl.config import Config as Parent\n"
        "class Config(Parent):\n    '''Mine.'''\n"
        f"VARIANTS = {variants!r}\nPRESETS = {presets or {}!r}\n"
    )
    (folder / "model.py").write_text("")
    return zoo.entry(str(folder))


def test_a_declared_variant_must_not_look_like_a_flag(tmp_path):
    entry = own_entry(tmp_path, {"own": {}, "beta": {"beta": 2.0}, "keep-overlap": {"beta": 1.0}})
    for name in ("beta", "keep-overlap"):
        with pytest.raises(UserError, match="also the flag"):
            make_plan(entry, {}, variants=["own", name])


def test_a_variant_may_be_named_after_the_switch_it_turns(tmp_path):
    # As no-adversary of emotion-enhanced: the same as the flag of that name.
    assert "no-adversary" in plan("emotion-enhanced").variants
    entry = own_entry(tmp_path, {"own": {}, "keep-overlap": {"keep_overlap": True}})
    assert make_plan(entry, {}).variants["keep-overlap"].keep_overlap


def test_a_variant_with_an_unknown_setting_is_refused(tmp_path):
    entry = own_entry(tmp_path, {"own": {}, "typo": {"betta": 1.0}})
    with pytest.raises(UserError, match="variant typo: unknown setting 'betta'"):
        make_plan(entry, {})


def test_a_flag_that_every_variant_overrides_is_refused(tmp_path):
    entry = own_entry(tmp_path, {"low": {"beta": 0.1}, "high": {"beta": 1.0}})
    with pytest.raises(UserError, match="--beta: has no effect"):
        make_plan(entry, {"beta": 0.5})


def test_own_variants_and_presets_may_have_former_names(tmp_path):
    entry = own_entry(tmp_path, {"own": {}, "gentle": {"clip": 0.5}}, {"slow": {"warmup": 0.3}})
    assert entry.variants == {"own": {}, "gentle": {"max_grad_norm": 0.5}}
    assert entry.presets == {"slow": {"warmup_ratio": 0.3}}
    made = make_plan(entry, {"max_grad_norm": 2.0}, preset=entry.presets["slow"])
    found = {name: (one.warmup_ratio, one.max_grad_norm) for name, one in made.variants.items()}
    assert found == {"own": (0.3, 2.0), "gentle": (0.3, 0.5)}
    with pytest.raises(UserError, match="the variant gentle sets max_grad_norm itself"):
        make_plan(entry, {}, sweeps=["clip=1,2"], variants=["own", "gentle"])
