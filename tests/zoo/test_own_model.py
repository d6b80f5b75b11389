"""A model folder of one's own, used like a name."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from nlpcl import zoo
from nlpcl.core.errors import UserError

CONFIG = '''
from dataclasses import dataclass
from nlpcl.core.config import option
from nlpcl.zoo.sdcl import config as sdcl

@dataclass(kw_only=True)
class Config(sdcl.Config):
    """SDCL with heavier copying."""
    scale: float = option(3.0, "Scale of the copying loss", above=0)

VARIANTS = {"heavy": {"scale": 9.0}}
PRESETS = {"quick": {"epochs": 1, "lr": 0.002}}
'''
MODEL = """
from nlpcl.nn.model import weighted_sum
from nlpcl.zoo.sdcl.model import SDCL

from .config import Config

class Heavier(SDCL):
    name = "heavier"

    def __init__(self, config):
        options = dict(config.options)
        self.scale = options.pop("scale")
        super().__init__(type(config)(backbone=config.backbone, options=options))
        self.config = config

    def forward(self, input_ids, attention_mask, labels=None):
        output = super().forward(input_ids, attention_mask, labels)
        if output.parts:
            part = output.parts["y"]
            output.parts["y"] = part._replace(weight=part.weight * self.scale)
            output.loss = weighted_sum(output.parts)
        return output
"""


@pytest.fixture
def folder(tmp_path):
    """``./heavier-copy`` in an empty folder."""
    made = tmp_path / "heavier_copy"
    made.mkdir()
    (made / "config.py").write_text(CONFIG, encoding="utf-8")
    (made / "model.py").write_text(MODEL, encoding="utf-8")
    return made


def test_a_folder_is_a_model(folder):
    entry = zoo.entry(str(folder))
    assert entry.own
    assert entry.name == "heavier-copy"
    assert entry.summary == "SDCL with heavier copying."
    assert entry.variants == {"heavy": {"scale": 9.0}}
    assert entry.config_class().scale == 3.0


def test_train_use_and_read_without_the_folder(folder, run_main, settings, flags, tmp_path):
    chosen = flags(settings | {"epochs": 1, "scale": 2.0})
    result = run_main("train", "./heavier_copy", *chosen, "--out", "run", "--quiet")
    assert result.code == 0, result.err
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert record["model"] == "heavier-copy"
    assert record["config"]["scale"] == 2.0
    first = run_main("predict", "spelling", "我再家", "--checkpoint", "run", "--format", "jsonl")
    assert first.code == 0, first.err
    shutil.rmtree(folder)
    for name in [name for name in sys.modules if name.startswith("nlpcl_own_")]:
        del sys.modules[name]
    second = run_main("predict", "spelling", "我再家", "--checkpoint", "run", "--format", "jsonl")
    assert second.code == 0, second.err
    assert second.out == first.out
    assert run_main("eval", "run", "--format", "json").code == 0


def test_a_hyphen_in_the_folders_name(folder, run_main, settings, flags):
    folder.rename(folder.with_name("heavier-copy"))
    chosen = flags(settings | {"epochs": 1})
    assert run_main("train", "./heavier-copy", *chosen, "--out", "run", "--quiet").code == 0
    shutil.rmtree(folder.with_name("heavier-copy"))
    result = run_main("predict", "spelling", "我再家", "--checkpoint", "run", "--format", "text")
    assert result.code == 0, result.err


def test_a_run_inside_the_folder(folder, run_main, settings, flags):
    chosen = flags(settings | {"epochs": 1})
    result = run_main("train", ".", *chosen, "--out", "here", "--quiet", cwd=folder)
    assert result.code == 0, result.err
    kept = sorted(path.name for path in (folder / "here" / "code").rglob("*.py"))
    assert kept == ["config.py", "model.py"]


def test_flags_and_presets_of_the_folder(folder, run_main):
    help_text = run_main("train", "./heavier_copy", "--help").out
    assert "--scale" in help_text
    assert "heavier copying" in help_text
    line = run_main("train", "./heavier_copy", "--scale", "0").error_line
    assert "--scale" in line
    assert "above 0" in line
    line = run_main("train", "./heavier_copy", "--preset", "slow").error_line
    assert "quick" in line


def test_its_own_loss_weight_is_used(folder, tiny_encoder, examples):
    from nlpcl.tasks import open_task
    from nlpcl.text.encoders import load_text_encoder

    losses = {}
    backbone, tokenizer = load_text_encoder(
        str(tiny_encoder("bert", 0.0)), zoo.entry("sdcl").model_class().auto_class
    )
    for name in (str(folder), "sdcl"):
        entry = zoo.entry(name)
        config = entry.config_class(beta=0.0)
        model = entry.model_class().build(backbone, config.model_options())
        task = open_task(config, tokenizer, model.config)
        output = model(**task.collate(task.encode(examples["correction"])))
        means = {part: float(value.mean().detach()) for part, value in output.parts.items()}
        losses[name] = float(output.loss.detach()), means
    (own, means), (plain, _) = losses[str(folder)], losses["sdcl"]
    assert plain == pytest.approx(means["x"] + means["y"])
    assert own == pytest.approx(means["x"] + 3 * means["y"])


def test_two_folders_of_one_name_do_not_mix(folder, tmp_path):
    other = tmp_path / "elsewhere" / "heavier_copy"
    shutil.copytree(folder, other)
    (other / "config.py").write_text(CONFIG.replace("3.0", "5.0"), encoding="utf-8")
    assert zoo.entry(str(folder)).config_class().scale == 3.0
    assert zoo.entry(str(other)).config_class().scale == 5.0
    assert zoo.entry(str(folder)).config_class().scale == 3.0


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("config.py", None, "needs config.py and model.py"),
        ("model.py", None, "needs config.py and model.py"),
        ("config.py", "x = 1\n", "no class Config"),
        ("config.py", "import nothing_of_this_name\n", "nothing_of_this_name"),
        ("config.py", "class Config(\n", "cannot be imported"),
        ("model.py", "x = 1\n", "not one"),
        ("model.py", "import nothing_of_this_name\n", "nothing_of_this_name"),
        ("model.py", "from nlpcl.nn.model import Nothing\n", "Nothing"),
    ],
)
def test_an_unfit_folder_is_one_line(folder, name, text, words, run_main, settings, flags):
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text, encoding="utf-8")
    line = run_main("train", "./heavier_copy", *flags(settings), "--out", "run").error_line
    assert words in line
    assert name in line


@pytest.mark.parametrize("name", ["sdcl", "mlm"])
def test_names_are_found_with_and_without_files(name):
    assert name in zoo.names()
    assert zoo.entry(name).folder.name == name
    assert not zoo.entry(name).own


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(UserError, match="Did you mean 'sdcl'"):
        zoo.entry("scdl")
