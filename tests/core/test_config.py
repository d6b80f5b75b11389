"""Settings: bounds, choices, what is saved with a model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pytest

from nlpcl.core.config import RunConfig, flag, option
from nlpcl.core.errors import UserError
from nlpcl.tasks.correction.config import CorrectionConfig


@dataclass(kw_only=True)
class Example(RunConfig):
    """For these tests."""

    width: float = option(1.0, "Width", unit="mm", above=0, at_most=5)
    height: int = option(2, "Height", at_least=0, below=9)
    kind: Literal["round", "square"] = option("round", "Kind")
    shown: bool = option(True, "Shown")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"width": 0.0}, "--width: 0.0 is not above 0"),
        ({"width": 5.1}, "--width: 5.1 is not at most 5"),
        ({"width": math.nan}, "--width: nan"),
        ({"height": -1}, "--height: -1 is not at least 0"),
        ({"height": 9}, "--height: 9 is not below 9"),
        ({"kind": "sqare"}, "--kind: unknown value 'sqare'. Did you mean 'square'"),
        ({"batch_size": 0}, "--batch-size: 0 is not at least 1"),
    ],
)
def test_impossible_values(values, words):
    with pytest.raises(UserError, match="^" + words):
        Example(**values).check()


@pytest.mark.parametrize("values", [{"width": 5}, {"height": 0}, {"height": 8}, {"shown": False}])
def test_possible_values(values):
    assert Example(**values).check().as_dict().items() >= values.items()


def test_only_the_models_own_fields_are_saved_with_it():
    assert Example().model_options() == {
        "width": 1.0, "height": 2, "kind": "round", "shown": True,
    }  # fmt: skip
    assert CorrectionConfig().model_options() == {}


def test_there_and_back():
    config = Example(lr=0.5, kind="square", data_root="x")
    assert Example.from_dict(config.as_dict()) == config
    with pytest.raises(UserError, match=r"run\.json: unknown setting 'widht'.*'width'"):
        Example.from_dict({"widht": 1})


def test_columns_are_those_that_were_named():
    assert CorrectionConfig().columns() == {}
    assert CorrectionConfig(source_column="wrong").columns() == {"source": "wrong"}


def test_flags():
    assert flag("batch_size") == "--batch-size"
