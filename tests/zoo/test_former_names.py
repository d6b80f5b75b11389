"""Own code from before the rooms is still read, and told of the new names."""

from __future__ import annotations

import sys

import pytest

from nlpcl import zoo
from nlpcl.zoo.former_names import FORMER, current, lead_on

CONFIG = '''
from dataclasses import dataclass
from nlpcl.config import CorrectionConfig, option


@dataclass(kw_only=True)
class Config(CorrectionConfig):
    """An own model of an earlier version."""

    scale: float = option(2.0, "A factor", above=0)
'''
MODEL = """
from nlpcl.errors import UserError
from nlpcl.layers.pooling import average
from nlpcl.losses import classification
from nlpcl.zoo.model import Output, Part
from nlpcl.zoo.sdcl.model import SDCL


class Earlier(SDCL):
    name = "earlier"
"""


@pytest.fixture
def folder(tmp_path):
    before = set(sys.modules)
    place = tmp_path / "earlier"
    place.mkdir()
    (place / "config.py").write_text(CONFIG, encoding="utf-8")
    (place / "model.py").write_text(MODEL, encoding="utf-8")
    yield place
    for name in set(sys.modules) - before:
        if name in FORMER or current(name) or name.startswith("nlpcl_own_"):
            del sys.modules[name]


def test_every_former_name_leads_to_modules_that_are_there():
    for name, homes in FORMER.items():
        assert current(name) == homes
        for home in homes:
            assert __import__(home)
    assert current("nlpcl.losses.contrastive") == ("nlpcl.nn.losses.contrastive",)
    assert current("nlpcl.core.config") == current("nlpcl.zoo.sdcl.model") == ()
    assert current("nlpcl.losses.none") == ()


def test_own_code_of_earlier_versions_is_read(folder, capfd):
    from nlpcl.core.config import RunConfig
    from nlpcl.core.errors import UserError

    entry = zoo.entry(str(folder))
    assert issubclass(entry.config_class, RunConfig)
    assert entry.config_class().scale == 2.0
    told = capfd.readouterr().err
    assert "earlier/config.py: nlpcl.config is nlpcl.core.config and" in told.replace("\n", " ")
    module = sys.modules[entry.model_class().__module__]
    assert module.UserError is UserError
    assert "nlpcl.nn.layers.pooling" in capfd.readouterr().err


def test_other_files_are_left_alone(tmp_path):
    file = tmp_path / "config.py"
    file.write_text("from nlpcl.core.config import option\nimport json\n")
    assert lead_on(file) == []
    file.write_text("def (")
    assert lead_on(file) == lead_on(tmp_path / "none.py") == []
