"""Settings without an effect."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest

from nlpcl import tasks, zoo
from nlpcl.core.config import RunConfig, option
from nlpcl.core.errors import UserError
from nlpcl.core.needs import (
    CORPUS,
    OWN_FILE,
    above,
    below,
    effective,
    is_one_of,
    refuse_without_effect,
    unmet,
)


@dataclass(kw_only=True)
class Config(RunConfig):
    beta: float = option(0.0, "Weight", at_least=0)
    kind: str = option("a", "Kind")
    heat: float = option(1.0, "Of the term", needs=above("beta", 0) | is_one_of("kind", "b", "c"))
    both: int = option(3, "Two", needs=(above("beta", 0), below("heat", 2)))


def test_one_of_several_or_all_of_several():
    usual = set(unmet(RunConfig()))
    assert "data_root" in usual
    assert set(unmet(Config())) == usual | {"heat", "both"}
    assert set(unmet(Config(kind="c"))) == usual | {"both"}
    assert set(unmet(Config(beta=1.0))) == usual
    assert set(unmet(Config(beta=1.0, heat=2.0))) == usual | {"both"}


def test_what_has_no_effect_is_put_at_its_default():
    assert effective(Config(heat=5.0, both=9)) == Config()
    config = Config(beta=0.5, heat=1.5, both=9)
    assert effective(config) == config


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            {"heat": 2.0},
            "--heat: has no effect here. Set --beta above 0 or --kind b or c, or leave it out.",
        ),
        (
            {"both": 4, "heat": 3.0, "kind": "b"},
            "--both: has no effect here. Set --beta above 0 and --heat below 2, or leave it out.",
        ),
    ],
)
def test_the_error_says_what_to_set(values, line):
    with pytest.raises(UserError) as caught:
        refuse_without_effect(Config(**values), list(values))
    assert str(caught.value) == line
    refuse_without_effect(Config(**values), ["kind"])


@pytest.mark.parametrize(
    ("data", "is_file", "is_corpus"),
    [("sample", False, False), ("sighan15", False, True), ("a.csv", True, False),
     ("hf:owner/name", True, False), ("sighan13,third.tsv", True, True),
     ("./corpus.py", False, True), ("sample,cold", False, True), ("sample-emotion", False, False)],
)  # fmt: skip
def test_which_data_have_columns_and_a_folder(data, is_file, is_corpus):
    assert OWN_FILE.is_met(Config(data=data)) == is_file
    assert CORPUS.is_met(Config(data=data)) == is_corpus


@pytest.mark.parametrize("name", zoo.names())
def test_declared_variants_and_presets_set_nothing_in_vain(name):
    entry = zoo.entry(name)
    for values in (*entry.variants.values(), *entry.presets.values()):
        assert not set(unmet(entry.config_class(**values))) & set(values)


def test_fit_refuses_it_before_any_work(tmp_path):
    import nlpcl
    from nlpcl.zoo.asrm.config import Config as Asrm

    with pytest.raises(UserError, match=r"--temperature: has no effect here. Set --self-superv"):
        nlpcl.fit(Asrm(temperature=0.1), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_flags_are_refused_also_at_their_default_but_not_what_a_preset_sets(run_main):
    line = run_main("train", "asrm", "--focal-gamma", 2.0).error_line
    assert line.endswith("--focal-gamma: has no effect here. Set --loss focal, or leave it out.")
    from nlpcl.cli.options import configured
    from nlpcl.zoo.emotion_enhanced.config import PRESETS
    from nlpcl.zoo.emotion_enhanced.config import Config as Enhanced

    preset = {"paper": PRESETS["paper"] | {"max_alpha": 0.7}}
    made = configured(Enhanced, preset, "paper", {"adversary": False})
    assert made.max_alpha == 1.0


@pytest.mark.parametrize("name", tasks.names())
def test_how_files_of_ones_own_are_read_may_be_said_for_an_evaluation_too(name):
    spec = tasks.spec(name)
    fields = dataclasses.fields(spec.settings)
    told = {field.name for field in fields if field.metadata.get("needs") == OWN_FILE}
    assert told and told <= set(spec.eval_settings)
