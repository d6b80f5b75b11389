"""Settings of classifiers of text."""

from __future__ import annotations

import logging

import pytest

from nlpcl import zoo
from nlpcl.core.errors import UserError
from nlpcl.core.splits import Splits
from nlpcl.tasks.classification.config import ClassificationConfig


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"windows": "1,2"}, "--windows: '2' is no odd number"),
        ({"windows": "4"}, "--windows: '4' is no odd number"),
        ({"windows": "0"}, "--windows: '0' is no odd number"),
        ({"windows": "1,,3"}, "--windows: '1,,3' is no odd number"),
        ({"windows": "-1"}, "--windows: '-1' is no odd number"),
        ({"windows": "three"}, "--windows: 'three' is no odd number"),
        ({"windows": "3,3"}, "--windows: 3,3 repeats a width"),
        ({"variant": "spans"}, "--variant: unknown value 'spans'. Did you mean 'span'"),
        (
            {"self_supervised_weight": -0.1},
            "--self-supervised-weight: -0.1 is not at least 0",
        ),
        ({"supervised_weight": -1.0}, "--supervised-weight: -1.0 is not at least 0"),
        ({"temperature": 0.0}, "--temperature: 0.0 is not above 0"),
        ({"variant": "span", "pooling": "cls"}, "--pooling cls: a gate per token"),
        ({"loss": "hinge"}, "--loss: unknown value 'hinge'"),
    ],
)
def test_impossible_values(values, words):
    with pytest.raises(UserError, match="^" + words):
        ClassificationConfig(**values).check()


@pytest.mark.parametrize(("text", "widths"), [("1,3,5", (1, 3, 5)), ("7", (7,)), ("1+5", (1, 5))])
def test_windows(text, widths):
    assert ClassificationConfig(windows=text).check().window_widths() == widths


def test_columns_and_what_a_model_keeps():
    config = ClassificationConfig(text_column="tweet", tune_threshold=True)
    assert config.columns() == {"text": "tweet"}
    kept = config.model_options()
    assert {"variant", "loss", "self_supervised_weight", "class_weights", "pooling"} <= set(kept)
    assert not {"tune_threshold", "lr", "text_column", "max_length"} & set(kept)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["calm", "calm"], "--data invented: of 2 training rows all have the label 'calm'"),
        ([None, None], "--data invented: of 2 training rows none has a label"),
    ],
)
def test_a_classifier_needs_two_classes(labels, words):
    from nlpcl.tasks.classification.task import Classification

    rows = [{"text": "今天", **({"label": label} if label else {})} for label in labels]
    config = zoo.entry("asrm").config_class(data="invented")
    with pytest.raises(UserError, match="^" + words):
        Classification.facts(Splits("invented", train=rows), config)


def report(*rows: tuple[str, str]) -> logging.LogRecord:
    table = "\n".join(f"{name} | {status} | " for name, status in (("Key", "Status"), *rows))
    text = "BertModel LOAD REPORT from: somewhere\n" + table
    return logging.LogRecord("x", logging.WARNING, "", 0, text, None, None)


def test_missing_weights_of_an_encoder_are_still_reported():
    from nlpcl.text.encoders import LOADING_LOGGER as LOGGER
    from nlpcl.text.encoders import for_states_alone

    logger = logging.getLogger(LOGGER)
    head = ("cls.predictions.bias", "UNEXPECTED")
    pooler = ("pooler.dense.weight", "MISSING")
    layer = ("encoder.layer.3.output.dense.weight", "MISSING")
    with for_states_alone():
        assert not logger.filter(report(head, pooler))
        assert logger.filter(report(head, pooler, layer))
        other = logging.LogRecord("x", logging.WARNING, "", 0, "something else", None, None)
        assert logger.filter(other)
    assert logger.filter(report(head, pooler))
