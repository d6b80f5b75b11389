"""The encoder in the package: loads, corrects, stays small, and refuses to be damaged."""

import json
import shutil

import pytest
import torch

from nlpcl import tasks
from nlpcl.core.errors import UserError
from nlpcl.nn.devices import choose_machine
from nlpcl.runs.opening import open_builtin, open_checkpoint
from nlpcl.tasks.spec import Builtin
from nlpcl.text.characters import is_han
from nlpcl.text.encoders import (
    BUILTIN,
    BUILTIN_FOLDER,
    BUILTIN_WEIGHTS,
    CharacterIds,
    load_builtin,
    load_text_encoder,
)


@pytest.fixture(scope="module")
def loaded():
    return load_builtin()


def test_it_fits_the_package():
    assert sum(file.stat().st_size for file in BUILTIN_FOLDER.iterdir()) < 20e6
    card = (BUILTIN_FOLDER / "README.md").read_text(encoding="utf-8")
    assert f"{len(load_builtin()[1]):,}" in card


def test_every_parameter_is_fp32_and_trainable(loaded):
    model, _ = loaded
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    assert all(weight.requires_grad for weight in model.parameters())
    tied = model.get_output_embeddings().weight
    assert tied.data_ptr() == model.get_input_embeddings().weight.data_ptr()


def test_common_han_characters_have_an_id_of_their_own(loaded):
    ids = CharacterIds(loaded[1])
    text = [
        bytes((row, column)).decode("gb2312")
        for row in range(0xB0, 0xD7)
        for column in range(0xA1, 0xFF)
        if (row, column) < (0xD7, 0xFA)
    ]
    known = [character for character in text if ids(character) != ids.unknown]
    assert all(map(is_han, text))
    assert len(known) > 0.99 * len(text)
    assert len({ids(character) for character in known}) == len(known)


def test_offsets_point_into_the_original(loaded):
    text = "今天 Hello，ＧＰＵ好！"
    encoded = loaded[1](text, return_offsets_mapping=True)
    spans = [span for span in encoded["offset_mapping"] if span[1] > span[0]]
    covered = {place for start, end in spans for place in range(start, end)}
    assert covered == {place for place, character in enumerate(text) if character != " "}
    assert {"今", "天", "好", "ＧＰＵ"} & {text[start:end] for start, end in spans} >= {"今", "天"}
    assert spans == sorted(spans)


def test_batch_equals_single(loaded):
    model, tokenizer = loaded
    texts = ["今天天气很好。", "我们再家里看电视，他在公圆里走走。"]
    model.eval()
    with torch.inference_mode():
        batch = tokenizer(texts, padding=True, return_tensors="pt")
        together = model(**batch).logits
        for row, text in enumerate(texts):
            alone = model(**tokenizer(text, return_tensors="pt")).logits[0]
            torch.testing.assert_close(together[row, : len(alone)], alone, atol=1e-4, rtol=1e-4)


def test_it_corrects_common_confusions_and_leaves_right_text_alone():
    corrector = open_builtin(tasks.spec("correction"), choose_machine("cpu", "fp32"))
    wrong = {
        "我想喝一背咖啡": "我想喝一杯咖啡",
        "老师说我的做业写得很认真": "老师说我的作业写得很认真",
        "这个问题因该怎么解决": "这个问题应该怎么解决",
        "他在公圆里走走。": "他在公园里走走。",
    }
    right = ["今天天气很好。", "我们明天去学校上课。", "请大家坐下来休息一会儿。"]
    rows = list(corrector.stream([*wrong, *right]))
    assert [row["target"] for row in rows] == [*wrong.values(), *right]


def test_the_judge_decides_what_the_builtin_corrector_changes():
    corrector = open_builtin(tasks.spec("correction"), choose_machine("cpu", "fp32"))
    text = "我每天都吃旱饭"  # 午 fits as well as 早, and the sounds differ

    def probability():
        rows = corrector.stream([text, "我想喝一背咖啡"], threshold=0.0)
        return [[edit["probability"] for edit in row["edits"]] for row in rows]

    assert corrector.task.finder.judge is not None
    (nothing, (judged,)) = probability()
    assert nothing == []
    assert 0.9 < judged < 1
    corrector.task.finder.judge = None
    ((plain,), (other,)) = probability()
    assert plain > 0.5
    assert other != pytest.approx(judged, abs=1e-4)


def test_characters_outside_the_vocabulary_pass_unchanged():
    corrector = open_builtin(tasks.spec("correction"), choose_machine("cpu", "fp32"))
    text = "𠮷琊擤魃 café 😀"
    assert next(iter(corrector.stream([text], threshold=0.0)))["target"][0] == "𠮷"
    assert next(iter(corrector.stream(["😀 ñ \u200b"], threshold=0.0)))["edits"] == []


def test_builtin_is_the_name_of_the_package_encoder(loaded):
    from transformers import AutoModelForMaskedLM

    model, tokenizer = load_text_encoder(BUILTIN, AutoModelForMaskedLM)
    assert len(tokenizer) == len(loaded[1])
    first, second = model.state_dict(), loaded[0].state_dict()
    assert all(torch.equal(first[name], second[name]) for name in second)


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(BUILTIN_FOLDER, tmp_path / "encoder")


def test_a_cut_off_file(copy):
    weights = copy / BUILTIN_WEIGHTS
    weights.write_bytes(weights.read_bytes()[:1_000_000])
    with pytest.raises(UserError, match=r"weights\.safetensors.*Reinstall"):
        load_builtin(copy)


def test_another_configuration(copy):
    config = json.loads((copy / "config.json").read_text())
    config["num_hidden_layers"] = 5
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"does not fit config\.json.*Reinstall"):
        load_builtin(copy)


def test_without_a_run_the_builtin_corrector_is_used(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    chosen = open_checkpoint(None, tasks.spec("correction"), device="cpu", precision="fp32")
    assert chosen.description == "the built-in corrector"
    assert chosen.defaults == {"threshold": 0.9}


def test_without_anything_the_way_to_train_is_named(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Builtin, "is_there", False)
    with pytest.raises(UserError, match=r"no trained spelling model.*nlpcl train sdcl"):
        open_checkpoint(None, tasks.spec("correction"), device="cpu", precision="fp32")
