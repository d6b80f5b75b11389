"""Options under the names of earlier releases: read, overridden, and refused when given twice."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import pytest

from nlpcl.core.config import RunConfig, option
from nlpcl.core.errors import UserError
from nlpcl.core.renamed import former_names, with_present_names

INHERITED = former_names(RunConfig)


@dataclass(kw_only=True)
class Example(RunConfig):
    """For these tests."""

    width: float = option(1.0, "Width", above=0, formerly=("breadth", "size"))


@dataclass(kw_only=True)
class Narrow(Example):
    """Overrides a field without repeating what it was called."""

    width: float = option(0.5, "Width", above=0)


@dataclass(kw_only=True)
class Earlier(Example):
    """Written for an earlier release."""

    size: float = option(7.0, "Size", above=0)
    clip: float = option(5.0, "Clipping", at_least=0)

    def learning_rate_course(self, updates):
        return lambda update: self.size * update


@pytest.mark.parametrize("name", ["width", "breadth", "size"])
@pytest.mark.parametrize("config", [Example, Narrow, Earlier])
def test_a_setting_may_have_any_of_its_names(config, name):
    made = config.from_dict({name: 3.0})
    assert made == config(width=3.0)
    assert "width" in made.as_dict()
    assert made.as_dict().keys().isdisjoint({"breadth", "size"})


def test_the_former_names_of_bases_count():
    assert former_names(Example) == INHERITED | {"breadth": "width", "size": "width"}
    assert former_names(Narrow) == former_names(Example)
    assert INHERITED["clip"] == "max_grad_norm"


@pytest.mark.parametrize(
    "values", [{"width": 1, "size": 1}, {"size": 1, "width": 1}, {"size": 1, "breadth": 2}]
)
def test_two_names_of_one_field_are_refused(values):
    words = f"here: {' and '.join(values)} are the same setting. Keep width alone."
    with pytest.raises(UserError) as refusal:
        Example.from_dict(values, where="here")
    assert str(refusal.value) == words


def test_names_of_no_field_are_left_alone():
    assert with_present_names(Example, {"other": 1, "size": 2}) == {"other": 1, "width": 2}


def test_own_code_overrides_fields_and_methods_by_their_former_names():
    config = Earlier()
    assert (config.width, config.max_grad_norm) == (7.0, 5.0)
    assert config.as_dict().keys() == Example().as_dict().keys()
    assert config.learning_rate_schedule(9)(3) == 21.0
    assert Example().learning_rate_schedule(9) is None
    with pytest.raises(UserError, match="--width: -1 is not above 0"):
        Earlier.from_dict({"breadth": -1}).check()


def test_own_code_reads_fields_by_their_former_names():
    config = Earlier(width=2.0)
    assert config.size == config.breadth == 2.0
    assert config.clip == config.max_grad_norm
    with pytest.raises(AttributeError, match="'Earlier' object has no attribute 'depth'"):
        config.depth  # noqa: B018
    assert copy.deepcopy(config) == config
