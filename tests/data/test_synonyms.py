"""Other names of emotions, across corpora and languages."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import soundfile

from nlpcl.core.errors import UserError
from nlpcl.core.splits import Splits
from nlpcl.data.clips import EMOTIONS
from nlpcl.data.synonyms import CODES, SYNONYMS, proposed, split_auto, synonyms, with_synonyms
from nlpcl.tasks.renaming import check_gold


def test_every_name_stands_for_an_emotion_here_and_none_for_itself():
    assert set(SYNONYMS.values()) <= set(EMOTIONS)
    assert not set(SYNONYMS) & set(EMOTIONS)
    assert all(set(code.values()) <= set(EMOTIONS) for code in CODES)


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (["anger", "Fear", "sad"], {"anger": "angry", "Fear": "fearful"}),
        (["愤怒", "生气"], {"愤怒": "angry", "生气": "angry"}),
        (["Wut", "Freude", "neutral"], {"Wut": "angry", "Freude": "happy"}),
        (["pleasant surprise"], {"pleasant surprise": "surprised"}),
        (["calm", "neutral", "平静"], {}),
        (["W", "A", "T"], {"W": "angry", "A": "fearful", "T": "sad"}),
        (["a", "sa", "f"], {"a": "angry", "sa": "sad", "f": "fearful"}),
        (["a", "f", "n"], {}),
        (["a", "b", "c"], {}),
        (["a", "sa"], {}),
    ],
)
def test_of_one_corpus(labels, wanted):
    assert synonyms(labels) == wanted


def test_what_is_said_explicitly_holds():
    assert split_auto("auto, calm=neutral") == (True, " calm=neutral")
    assert split_auto('{"auto": "x"}') == (False, '{"auto": "x"}')
    mapping = with_synonyms(["anger", "fear", "excitement"], {"fear": "scared", "excited": "happy"})
    assert mapping == {
        "anger": "angry", "fear": "scared", "excitement": "happy", "excited": "happy"
    }  # fmt: skip


def test_a_mapping_is_proposed_where_two_names_meet():
    assert proposed(["anger", "angry", "sad"]) == {"anger": "angry"}
    assert proposed(["anger", "愤怒"]) == {"愤怒": "anger"}
    assert proposed(["angry", "sad"], ["愤怒", "悲伤", "x"]) == {"angry": "愤怒", "sad": "悲伤"}
    assert proposed(["anger", "fear"]) == {}


def test_an_unknown_class_that_is_a_synonym_is_refused_with_the_mapping():
    rows = [{"label": "fear"}, {"label": "anger"}]
    with pytest.raises(UserError) as caught:
        check_gold(Splits("other", test={"t": rows}), ["angry", "fearful"])
    assert '--map-labels "anger=angry,fear=fearful"' in str(caught.value)
    assert "Or --map-labels auto" in str(caught.value)
    with pytest.raises(UserError) as caught:
        check_gold(Splits("other", test={"t": [*rows, {"label": "odd"}]}), ["angry", "fearful"])
    assert '"anger=angry,fear=fearful,odd=CLASS"' in str(caught.value)
    assert "auto" not in str(caught.value)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Two corpora of one emotion pair under other names, with labels and speakers missing."""
    folder = tmp_path_factory.mktemp("names")
    drawn = np.random.default_rng(0)
    time = np.arange(4800) / 16_000
    for name, (high, low) in {"english": ("anger", "sad"), "chinese": ("愤怒", "悲伤")}.items():
        lines = [["path", "label", "speaker"]]
        for number in range(12):
            wave = 0.3 * np.sin(2 * np.pi * (900 if number % 2 else 180) * time)
            file = f"{name}-{number}.wav"
            soundfile.write(folder / file, wave + 0.01 * drawn.standard_normal(4800), 16_000)
            lines.append([file, high if number % 2 else low, f"{name}{number // 4}"])
        for label in ("nan", "None", "", "NaN") if name == "english" else ():
            file = f"extra-{label}.wav"
            soundfile.write(folder / file, 0.3 * np.sin(900 * time), 16_000)
            lines.append([file, label, "nan"])
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows(lines)
    return folder


def loaded(tables, data, **settings):
    from nlpcl import zoo
    from nlpcl.runs.rows import load_unsplit

    names = ",".join(str(tables / f"{name}.csv") for name in data)
    return load_unsplit(zoo.entry("emotion-gru").config_class(data=names, **settings))


def labels_of(splits):
    return sorted({row["label"] for row in splits.train})


def test_auto_gives_corpora_the_same_names(tables):
    both = ("english", "chinese")
    assert labels_of(loaded(tables, both)) == ["anger", "sad", "悲伤", "愤怒"]
    assert labels_of(loaded(tables, both, map_labels="auto")) == ["angry", "sad"]
    assert labels_of(loaded(tables, both, map_labels="auto,angry=cross")) == ["cross", "sad"]


def test_missing_labels_are_skipped_and_counted(tables):
    from nlpcl.data.inventory import problem_lines

    splits = loaded(tables, ["english"])
    assert labels_of(splits) == ["anger", "sad"]
    (line,) = problem_lines(splits.problems)
    assert line.startswith("4 rows skipped")
    assert "no label ('nan') (2; first" in line
    assert "no label ('none') (1; first" in line
    meant = loaded(tables, ["english"], map_labels="nan=unsure")
    assert labels_of(meant) == ["anger", "sad", "unsure"], "a class where the user says so"
    assert {row["speaker"] for row in meant.train if row["label"] == "unsure"} == {""}


def test_training_proposes_and_eval_applies(tables, run_main, tmp_path):
    data = ["--data", f"{tables / 'english.csv'},{tables / 'chinese.csv'}", "--backbone", "logmel"]
    fast = ["--epochs", "1", "--hidden", "8", "--device", "cpu", "--precision", "fp32"]
    fast += ["--speech-gate", "off"]
    command = ["train", "emotion-gru", *data, *fast, "--protocol", "kfold:2", "--no-baseline"]
    told = run_main(*command, "--out", tmp_path / "four", "--dev", "clips")
    assert told.code == 0, told.err
    assert "classes that may be one: '愤怒' and 'anger', '悲伤' and 'sad'" in told.err
    assert "--map-labels auto merges them" in told.err
    english = ["--data", tables / "english.csv", *data[2:], *fast, "--protocol", "lospo"]
    run = run_main("train", "emotion-gru", *english, "--merge", "auto", "--out", tmp_path / "run")
    assert run.code == 0, run.err
    other = ["eval", tmp_path / "run", "--data", tables / "chinese.csv"]
    line = run_main(*other).error_line
    assert '--map-labels "悲伤=sad,愤怒=angry". Or --map-labels auto' in line
    found = run_main(*other, "--map-labels", "auto", "--format", "json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["metrics"]["n"] == 12
