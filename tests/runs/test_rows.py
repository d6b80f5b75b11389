"""Settings that have no effect on the data at hand are refused, or said where they but permit."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from nlpcl import zoo
from nlpcl.core.errors import UserError
from nlpcl.core.needs import changed
from nlpcl.runs.rows import (
    check_mapping,
    load_splits,
    load_unsplit,
    refuse_equal_on,
    refuse_idle,
)

LABELS = ("calm", "sad", "angry")
OTHER: dict[str, Any] = {
    "dev_fraction": 0.4,
    "keep_overlap": True,
    "unescape_html": True,
    "tune_threshold": True,
}
"""Another value of each setting whose effect depends on the data."""


def write(folder: Path, classes: int, *, dev: bool, overlap: bool, entities: bool) -> Path:
    """A folder of tables, by what makes one of the settings have an effect."""
    folder.mkdir()
    lines = [
        f"some text {'&amp; ' if entities else ''}number {at},{LABELS[at % classes]}"
        for at in range(24)
    ]
    parts = {"train": lines[:12], "dev": lines[12:18], "test": lines[18:]}
    if overlap:
        parts["train"] += parts["test"][:3]
    for part, rows in parts.items():
        if dev or part != "dev":
            (folder / f"{part}.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    return folder


def settings(data: Path | str, **values: Any) -> Any:
    return zoo.entry("asrm").config_class(data=str(data), **values)


IDLE = {"dev": True, "overlap": False, "entities": False, "classes": 3}
EFFECTIVE: dict[str, dict[str, Any]] = {
    "dev_fraction": {"dev": False},
    "keep_overlap": {"overlap": True},
    "unescape_html": {"entities": True},
    "tune_threshold": {"classes": 2},
}


@pytest.mark.parametrize("name", OTHER)
def test_a_setting_is_idle_exactly_where_it_changes_no_row(name, tmp_path):
    for situation, is_idle in (({}, True), (EFFECTIVE[name], False)):
        folder = write(tmp_path / f"{is_idle}", **(IDLE | situation))
        one, two = settings(folder), settings(folder, **{name: OTHER[name]})
        before, after = load_splits(one), load_splits(two)
        for config, splits in ((one, before), (two, after)):
            assert (name in config.idle(splits)) is is_idle, "whatever its value"
        if name != "tune_threshold":  # of the model, not of the rows
            same = before.train == after.train and before.dev == after.dev
            assert same is is_idle


@pytest.mark.parametrize("name", OTHER)
def test_what_was_set_in_vain_is_refused_and_a_permission_is_said(name, tmp_path):
    folder = write(tmp_path / "x", **IDLE)
    config = settings(folder, **{name: OTHER[name]})
    splits = load_splits(config)
    assert changed(config) == ["data", name]
    flag = f"--{name.replace('_', '-')}"
    if name in ("keep_overlap", "unescape_html"):
        refuse_idle(config, splits)
        assert splits.notes[-1].startswith(f"{flag} changes nothing: ")
    else:
        with pytest.raises(UserError, match=f"^{flag}: has no effect: .*Leave it out"):
            refuse_idle(config, splits)
    notes = list(splits.notes)
    refuse_idle(settings(folder), splits)
    assert splits.notes == notes, "nothing was set"


@pytest.mark.parametrize("name", OTHER)
def test_variants_that_differ_in_it_alone_are_refused(name, tmp_path):
    plain = settings(write(tmp_path / "x", **IDLE))
    other = dataclasses.replace(plain, **{name: OTHER[name]})
    splits = load_splits(plain)
    refuse_equal_on(splits, [plain, plain])
    with pytest.raises(UserError, match=f"^--{name.replace('_', '-')}: sets nothing apart"):
        refuse_equal_on(splits, [plain, other])
    one = write(tmp_path / "y", **(IDLE | EFFECTIVE[name]))
    pair = [dataclasses.replace(config, data=str(one)) for config in (plain, other)]
    refuse_equal_on(load_splits(pair[0]), pair)


def test_of_several_corpora_one_that_needs_it_is_enough(tmp_path):
    whole, none = write(tmp_path / "a", **IDLE), write(tmp_path / "b", **(IDLE | {"dev": False}))
    html = write(tmp_path / "c", **(IDLE | {"entities": True}))
    for other, name in ((none, "dev_fraction"), (html, "unescape_html")):
        for data in (f"{whole},{other}", f"{other},{whole}"):
            splits = load_splits(settings(data))
            assert name not in splits.idle
    assert "dev_fraction" in load_splits(settings(f"{whole},{html}")).idle


def test_new_names_of_types_that_no_entity_has_are_refused(tmp_path):
    lines = ["张 B-PER", "三 I-PER", "", "李 B-PER", "四 I-PER", "", "北 B-LOC", "京 I-LOC", "", ""]
    (tmp_path / "a.conll").write_text("\n".join(lines * 3), encoding="utf-8")
    config = zoo.entry("globalpointer").config_class
    made = config(data=str(tmp_path / "a.conll"), map_types="PER=person,LOC=")
    splits = load_splits(made, as_test=True)
    check_mapping(made, splits)
    wrong = dataclasses.replace(made, map_types="PERS=person")
    with pytest.raises(UserError, match=r"^--map-types: unknown type 'PERS'\. Did you mean 'PER'"):
        check_mapping(wrong, load_splits(wrong, as_test=True))
    check_mapping(wrong, splits, trained=wrong)  # other data of a run need not have its types
    with pytest.raises(UserError, match=r"^--inclusive-ends: has no effect: the format"):
        refuse_idle(wrong, splits, ["inclusive_ends"])
    refuse_idle(dataclasses.replace(made, inclusive_ends=True), splits, ["map_types"])


def test_the_commands_refuse_it_before_any_training(run_main, tmp_path):
    folder = write(tmp_path / "x", **IDLE)
    given = ["asrm", "--data", folder, "--backbone", "scratch", "--out", "new"]
    line = run_main("train", *given, "--dev-fraction", "0.2").error_line
    assert "--dev-fraction: has no effect: every corpus here has a dev set" in line
    line = run_main("train", *given, "--tune-threshold").error_line
    assert "there are 3 classes" in line
    for swept in ("dev-fraction=0.1,0.2", "keep-overlap=on,off", "tune-threshold=on,off"):
        line = run_main("ablate", *given, "--sweep", swept, "--seeds", "1").error_line
        assert "sets nothing apart" in line
    assert "has no effect" in run_main("ablate", *given, "--tune-threshold").error_line


def test_all_rows_for_folds_need_every_file(tmp_path):
    """A table that cannot be read would be missing in a fold, with nothing said."""
    import numpy as np
    import soundfile

    folder = tmp_path / "clips"
    folder.mkdir()
    for part in ("train", "dev"):
        soundfile.write(folder / f"{part}.wav", 0.1 * np.sin(np.arange(8000)), 16_000)
        (folder / f"{part}.csv").write_text(f"path,label,speaker\n{part}.wav,sad,{part}\n")
    config = zoo.entry("emotion-gru").config_class(data=str(folder))
    assert len(load_unsplit(config).train) == 2
    (folder / "dev.csv").write_text('path,label,speaker\n"dev.wav,sad,x\n')
    with pytest.raises(UserError, match=r"dev\.csv: broken CSV"):
        load_unsplit(config)
