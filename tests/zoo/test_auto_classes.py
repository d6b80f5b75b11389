"""Every module can be imported first, and transformers' own classes open what nlpcl saves."""

from __future__ import annotations

import json

import pytest

IMPORT_EACH = """
import importlib, os, pkgutil, sys
import nlpcl, torch, transformers.modeling_utils

assert "transformers.models.auto.modeling_auto" not in sys.modules
names = [module.name for module in pkgutil.walk_packages(nlpcl.__path__, "nlpcl.")]
for name in sorted(set(names) - {"nlpcl.__main__"}):
    child = os.fork()
    if not child:
        try:
            importlib.import_module(name)
        except BaseException as error:
            print(name, repr(error), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
print(len(names), "modules")
"""

OPEN_SAVED = """
import json, sys
FIRST
folder = sys.argv[1]
import torch
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer
import nlpcl

nlpcl.register_auto_classes()
tokenizer = AutoTokenizer.from_pretrained(folder)
config = AutoConfig.from_pretrained(folder)
models = [auto.from_pretrained(folder).eval() for auto in (AutoModel, AutoModelForMaskedLM)]
encoded = tokenizer("我再家", return_tensors="pt")
batch = {name: encoded[name] for name in ("input_ids", "attention_mask")}
with torch.inference_mode():
    logits = [model(**batch).logits for model in models]
print(json.dumps({
    "type": config.model_type,
    "classes": [type(model).__name__ for model in models],
    "same": torch.equal(*logits),
    "sum": float(logits[0].double().sum()),
    "nlpcl": "nlpcl" in sys.modules,
}))
"""


@pytest.mark.slow
def test_every_module_can_be_imported_first(run_python):
    result = run_python(IMPORT_EACH)
    assert result.code == 0, result.err
    *failures, last = result.out.splitlines()
    assert not failures
    assert int(last.split()[0]) > 40


@pytest.mark.slow
def test_a_model_can_be_asked_for_before_anything_else(run_python):
    code = "from nlpcl import zoo; print(*[zoo.entry(n).model_class().name for n in zoo.names()])"
    result = run_python(code)
    assert result.code == 0, result.err
    assert "sdcl" in result.out.split()


@pytest.mark.slow
@pytest.mark.parametrize("first", ["nlpcl", "transformers"])
def test_auto_classes_open_a_run(first, run_python, finished_run):
    import torch
    from transformers import AutoTokenizer

    import nlpcl

    result = run_python(OPEN_SAVED.replace("FIRST", f"import {first}"), finished_run / "model")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["type"] == "nlpcl-sdcl"
    assert found["classes"] == ["SDCL", "SDCL"]
    assert found["same"]
    encoded = AutoTokenizer.from_pretrained(finished_run / "model")("我再家", return_tensors="pt")
    with torch.inference_mode():
        model = nlpcl.load(finished_run).model
        logits = model(encoded["input_ids"], encoded["attention_mask"]).logits
    assert found["sum"] == pytest.approx(float(logits.double().sum()), rel=1e-6)


OPEN_SPEECH = """
import sys
import nlpcl
from transformers import AutoModel
nlpcl.register_auto_classes()
print(type(AutoModel.from_pretrained(sys.argv[1])).__name__)
"""


def test_a_saved_speech_encoder_opens_with_auto_model(run_python, tmp_path):
    from nlpcl.audio.speech_encoder import SpeechEncoder, SpeechEncoderConfig

    config = SpeechEncoderConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    SpeechEncoder(config).save_pretrained(tmp_path)
    result = run_python(OPEN_SPEECH, tmp_path)
    assert result.code == 0, result.err
    assert result.out.strip() == "SpeechEncoder"
