"""Figures that run the model: tiny models of each family, trained for the purpose."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import soundfile
import torch

import nlpcl
from nlpcl import zoo
from nlpcl.analysis.figures import (
    attributions,
    corrections,
    embeddings,
    emotion,
    emotion_sound,
    hate,
)
from nlpcl.analysis.figures import spelling as spelling_figures
from nlpcl.analysis.figures.kinds import LeftOut, Options
from nlpcl.runs.run import Run

OPTIONS = Options()
RATE = 16_000
GOOD, BAD = "老师今天早上听到好消息。", "老师今天早上听到坏消息。"


@pytest.fixture(scope="module")
def spelling(finished_run):
    return Run(finished_run)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory, tiny_encoder):
    """An ASRM run with a gate over spans; half of its test texts have marked words."""
    folder = tmp_path_factory.mktemp("texts")
    for part, number in (("train", 12), ("dev", 6), ("test", 12)):
        rows = []
        for at in range(number):
            text = f"{'我他她你们的'[at % 6]}{part[0]}{at}{(GOOD, BAD)[at % 2]}"
            row = {
                "text": text,
                "label": ("normal", "hateful")[at % 2],
                "targets": ["a", "b"][at // 6 % 2],
            }
            place = text.index("息") - 1
            rows.append(row | {"rationale": [[place, place + 2]] if at % 2 else []})
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{part}.jsonl").write_text(lines, encoding="utf-8")
    config = zoo.entry("asrm").config_class(
        data=str(folder), backbone=str(tiny_encoder()), variant="span", epochs=1, batch_size=4,
        lr=1e-3, precision="fp32", device="cpu", keep_overlap=True,
    )  # fmt: skip
    return Run(nlpcl.fit(config, out=tmp_path_factory.mktemp("asrm") / "run").folder)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """An emotion study over three groups of six speakers."""
    folder = tmp_path_factory.mktemp("clips")
    generator = np.random.default_rng(0)
    lines = [["path", "label", "speaker", "gender"]]
    for number in range(36):
        seconds = 0.3 + 0.02 * number
        time = np.arange(int(seconds * RATE)) / RATE
        tone = 900.0 if number % 2 else 180.0
        wave = 0.3 * np.sin(2 * np.pi * tone * time) * (np.sin(20 * time) > 0)
        wave += 0.01 * generator.standard_normal(len(time))
        soundfile.write(folder / f"{number}.wav", wave, RATE)
        speaker = number // 6
        lines.append([f"{number}.wav", "ab"[number % 2], f"s{speaker}", "mf"[speaker % 2]])
    with (folder / "clips.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(lines)
    config = zoo.entry("emotion-gru").config_class(
        data=str(folder / "clips.csv"), backbone="logmel", protocol="kfold:3", hidden=8, epochs=1,
        batch_size=8, precision="fp32", device="cpu", speech_gate="off",
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NLPCL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield Run(nlpcl.fit(config, out=tmp_path_factory.mktemp("study") / "run").folder)


def test_attention_sums_to_one_within_the_clip(study):
    found = emotion_sound.load_attention(study, OPTIONS)
    lengths = {row["id"]: row["seconds"] for row in study.predictions}
    for clip_id in {row["id"] for row in found.rows}:
        own = [row for row in found.rows if row["id"] == clip_id]
        assert sum(row["attention"] for row in own) == pytest.approx(1.0, abs=1e-3)
        assert max(row["seconds"] for row in own) < lengths[clip_id]
        assert max(row["seconds"] for row in own) > lengths[clip_id] - 0.1
    assert all(0 < clip.entropy <= 1.0001 for clip in found.values["clips"])
    assert emotion_sound.draw_attention(**found.values).axes


def test_attention_is_shown_of_clips_the_model_never_heard(study):
    found = emotion_sound.load_attention(study, OPTIONS)
    folds = {row["id"]: row["fold"] for row in study.predictions}
    assert {folds[row["id"]] for row in found.rows} == {study.record["model_fold"]}


def test_equal_weights_have_entropy_one():
    assert emotion_sound.entropy(np.full(8, 1 / 8)) == pytest.approx(1.0)
    assert emotion_sound.entropy(np.array([1.0, 0.0, 0.0])) == 0.0


def test_probabilities_over_a_long_file(study, tmp_path):
    tone = 0.2 * np.sin(2 * np.pi * 300 * np.arange(10 * RATE) / RATE)
    soundfile.write(tmp_path / "long.wav", tone, RATE)
    found = emotion_sound.load_timeline(study, Options(audio=tmp_path / "long.wav"))
    assert [row["start"] for row in found.rows] == [float(at) for at in range(len(found.rows))]
    assert all(row["a"] + row["b"] == pytest.approx(1.0, abs=1e-5) for row in found.rows)
    assert emotion_sound.draw_timeline(**found.values).axes


def test_a_short_file_has_no_timeline(study, tmp_path):
    soundfile.write(tmp_path / "short.wav", np.zeros(RATE), RATE)
    with pytest.raises(LeftOut, match=r"1\.0 s long"):
        emotion_sound.load_timeline(study, Options(audio=tmp_path / "short.wav"))
    with pytest.raises(LeftOut, match="--audio"):
        emotion_sound.load_timeline(study, OPTIONS)


def test_map_of_a_study_marks_what_its_model_was_tested_on(study):
    found = embeddings.load(study, OPTIONS)
    folds = {row["id"]: row["fold"] for row in study.predictions}
    assert len(found.rows) == 36
    for row in found.rows:
        assert row["tested"] == (folds[row["id"]] == study.record["model_fold"])
    assert {row["speaker"] for row in found.rows} == {f"s{number}" for number in range(6)}


def test_noise_of_clips_is_measured(study):
    rows = emotion.load_duration(study, OPTIONS).rows
    levels = [row for row in rows if row["of"] == "SNR"]
    assert sum(row["n"] for row in levels) <= 36
    assert levels
    assert all(10 < row["up to"] < 60 for row in levels)  # a tone of 0.3 over noise of 0.01


def test_map_of_texts_by_target(classifier):
    found = embeddings.load(classifier, OPTIONS)
    assert {row["label"] for row in found.rows} == {"normal", "hateful"}
    assert {row["target"] for row in found.rows} == {"a", "b"}


def test_gate_is_shown_token_by_token(classifier):
    found = hate.load_gate(classifier, OPTIONS)
    for number in {row["text"] for row in found.rows}:
        own = [row for row in found.rows if row["text"] == number]
        assert [row["place"] for row in own] == list(range(len(own)))
        shown = [row for row in own if not row["special"]]
        assert len(own) - len(shown) == 2
        assert np.mean([row["attention before"] for row in shown]) == pytest.approx(1.0)
        assert np.mean([row["attention after"] for row in shown]) == pytest.approx(1.0)
        assert len({round(row["factor"], 6) for row in shown}) > 1
    assert hate.draw_gate(**found.values).axes


def test_similarities_before_and_behind_the_gate(classifier):
    found = hate.load_space(classifier, OPTIONS)
    similar = found.values["similar"]
    pairs = len(similar["before"]["within"]) + len(similar["before"]["between"])
    assert pairs == 12 * 11 / 2
    assert not np.allclose(similar["before"]["within"], similar["after"]["within"])
    assert hate.draw_space(**found.values).axes


def test_words_behind_answers_cover_the_text(classifier):
    found = attributions.load_attributions(classifier, OPTIONS)
    texts = {row["text"] for row in classifier.predictions}
    assert found.values["lines"]
    for line in found.values["lines"]:
        assert "".join(piece.text for piece in line.pieces) in texts
        assert max(abs(piece.weight) for piece in line.pieces) == pytest.approx(1.0)


def test_annotators_words_stand_beside_the_models(classifier):
    found = attributions.load_rationales(classifier, OPTIONS)
    marked = {row["word"] for row in found.rows if row["marked"]}
    assert marked == {"消", "息"}
    lines = found.values["lines"]
    assert len(lines) % 2 == 0
    assert [piece.text for piece in lines[0].pieces if piece.is_marked] == ["消息"]


def test_corrections_have_a_probability_for_every_character(spelling):
    found = corrections.load(spelling, OPTIONS)
    assert found.rows
    assert all(0 <= row["p(written)"] <= row["p(best)"] <= 1 for row in found.rows)
    assert "<span" in found.html


def test_probabilities_of_characters_are_the_models(spelling):
    text = "老师早上听到消息"
    (cells,) = corrections.probabilities(spelling, [text])
    encoded = spelling.processor(text, return_tensors="pt")
    with torch.inference_mode():
        logits = spelling.model(encoded["input_ids"], encoded["attention_mask"]).logits
    shares = logits.softmax(-1)[0, 1:-1]
    assert list(cells) == list(range(len(text)))
    for place, cell in cells.items():
        number = spelling.processor.convert_tokens_to_ids(text[place])
        assert cell["written"] == text[place]
        assert cell["p"] == pytest.approx(float(shares[place, number]), rel=1e-4)
        assert cell["p best"] == pytest.approx(float(shares[place].max()), rel=1e-4)


def test_wrong_characters_before_and_after_training(spelling):
    found = spelling_figures.load_characters(spelling, OPTIONS)
    cells = {
        name: [r["cosine"] for r in found.rows if r["model"] == name]
        for name in ("before", "after")
    }
    numbers = found.values["numbers"]
    for name, values in cells.items():
        assert numbers[name]["cosine"] == pytest.approx(np.mean(values), abs=1e-5)
        assert numbers[name]["alignment"] == pytest.approx(2 - 2 * np.mean(values), abs=1e-5)
    assert spelling_figures.draw_characters(**found.values).axes


def test_similarity_of_one_sentence(spelling):
    found = spelling_figures.load_similarity(spelling, OPTIONS)
    size = len(found.values["written"])
    assert all(matrix.shape == (size, size) for matrix in found.values["matrices"].values())
    assert found.values["wrong"]
    assert all(
        found.values["written"][at] != found.values["right"][at] for at in found.values["wrong"]
    )
    assert len(found.rows) == 2 * size
