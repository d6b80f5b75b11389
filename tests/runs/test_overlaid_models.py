"""Models that keep only the weights in which they differ from the built-in text encoder."""

from __future__ import annotations

import json

import pytest
import torch
from pack_entity_model import pack, write
from transformers import AutoModel

from nlpcl import zoo
from nlpcl.core.errors import UserError
from nlpcl.nn.int8 import load_compressed, save_compressed
from nlpcl.runs.weights import overlaid_encoder
from nlpcl.text.encoders import load_text_encoder
from nlpcl.zoo.globalpointer.model import GlobalPointer

ENTRY = zoo.entry("globalpointer")


@pytest.fixture(scope="module")
def model():
    """The built-in encoder with another uppermost layer and a head."""
    backbone, _ = load_text_encoder("builtin", AutoModel)
    found = GlobalPointer.build(backbone, {"head": "efficient"}, types=["PER", "LOC"])
    with torch.no_grad():
        found.backbone.encoder.layer[5].output.dense.weight.normal_(0, 0.1)
    return found.eval()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    place = tmp_path_factory.mktemp("packed")
    write(model, place)
    return place


@pytest.fixture
def copied(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path / "weights.safetensors"


def test_only_other_weights_are_kept_and_answers_stay(model, folder):
    kept = load_compressed(folder / "weights.safetensors")
    assert {name for name in kept if not name.startswith("head.")} == {
        "backbone.encoder.layer.5.output.dense.weight"
    }
    opened, tokenizer = overlaid_encoder(ENTRY, folder / "weights.safetensors")
    ids = torch.tensor([tokenizer("张伟上周去了北京大学。")["input_ids"]])
    inner = torch.ones_like(ids, dtype=torch.bool)
    inner[:, [0, -1]] = False
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    with torch.inference_mode():
        wanted, found = (
            one(**given, starts=inner, ends=inner).logits for one in (model, opened.eval())
        )
    is_possible = wanted.isfinite()
    assert torch.equal(is_possible, found.isfinite())
    difference = (wanted - found)[is_possible].abs().max()
    assert 0 < float(difference) < 0.02 * float(wanted[is_possible].abs().max())
    assert opened.config.id2label == {0: "PER", 1: "LOC"}


def test_another_encoder_is_refused(copied):
    state = load_compressed(copied)
    save_compressed(state, copied, metadata={"encoder": "of another release"})
    with pytest.raises(UserError, match="was made for another built-in encoder"):
        overlaid_encoder(ENTRY, copied)


def test_damage_is_refused(copied):
    state, config = copied.read_bytes(), copied.with_name("config.json")
    copied.write_bytes(state[:-1] + bytes([state[-1] ^ 1]))
    with pytest.raises(UserError, match="its checksum is wrong"):
        overlaid_encoder(ENTRY, copied)
    copied.write_bytes(state)
    saved = json.loads(config.read_text(encoding="utf-8"))
    saved["options"]["head"] = "global"
    config.write_text(json.dumps(saved), encoding="utf-8")
    with pytest.raises(UserError, match=r"does not fit config\.json"):
        overlaid_encoder(ENTRY, copied)


def test_other_runs_are_refused(finished_run, tmp_path):
    with pytest.raises(UserError, match="holds no globalpointer on the built-in encoder"):
        pack(finished_run, tmp_path / "out")
    assert not (tmp_path / "out").exists()
