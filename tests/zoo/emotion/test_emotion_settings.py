"""Settings of the models of speech emotion."""

from __future__ import annotations

import pytest

from nlpcl import zoo
from nlpcl.core.errors import UserError


@pytest.mark.parametrize(
    "options",
    [
        {"protocol": "lopso"},
        {"kind": "sung"},
        {"protocol": "kfold:1"},
        {"min_lr": 1.0},
        {"map_labels": "excited"},
        {"backbone": "logmel", "encoder": "full"},
        {"backbone": "logmel", "weighted_sum": True},
        {"speed": 0.1},
        {"encoder": "full", "input_norm": "channel"},
        {"encoder": "full", "normalization": "speaker"},
        {"heads": 3},
        {"loss": "mse"},
        {"dropout": 1.0},
    ],
    ids=str,
)
def test_impossible_settings_are_refused(options):
    with pytest.raises(UserError) as caught:
        zoo.entry("emotion-enhanced").config_class(**options).check()
    assert "--" in str(caught.value)


def test_settings_say_what_data_and_schedule_are(settings):
    config = settings(
        "emotion-gru",
        labels="angry, sad",
        map_labels="excited=happy,calm=neutral",
        label_column="e",
    )
    assert config.data_options() == {
        "labels": ["angry", "sad"],
        "map_labels": {"excited": "happy", "calm": "neutral"},
        "kind": "all",
        "synonyms": False,
    }
    assert config.columns() == {"label": "e"}
    assert config.folds
    assert not settings("emotion-gru", protocol="official").folds
    schedule = config.learning_rate_schedule(200)
    assert config.lr * schedule(199) == pytest.approx(config.min_lr)
    assert config.model_options()["input_norm"] == "layer"
    assert settings("emotion-gru", backbone="logmel").model_options()["input_norm"] == "channel"


def test_documented_defaults():
    entry = zoo.entry("emotion-enhanced")
    config = entry.config_class(**entry.variants["documented"])
    assert (config.keep_mean, config.head, config.head_dropout) == (False, "mlp", 0.3)
    assert (config.hidden, config.gru_layers, config.dropout, config.heads) == (256, 3, 0.3, 8)
    assert (config.lr, config.batch_size, config.epochs, config.patience) == (5e-4, 32, 50, 10)
    assert (config.adversarial_weight, config.max_alpha, config.max_grad_norm) == (0.05, 1.0, 1.0)
