"""What makes a finished training useless for a comparison, and what does not."""

from __future__ import annotations

import pytest

from nlpcl import zoo
from nlpcl.ablation import identity
from nlpcl.ablation.identity import PACKAGE, bare, code_identity, encoder_digest, source_files


def names(model):
    return {path.relative_to(PACKAGE).as_posix() for path in source_files(zoo.entry(model))}


def test_the_files_are_those_that_a_training_runs_through():
    spelling, speech = names("sdcl"), names("emotion-enhanced")
    both = {"trainer.py", "batches.py", "inference.py", "zoo/model.py", "config.py"}
    assert both <= spelling & speech
    assert {"zoo/sdcl/model.py", "zoo/masked_lm.py", "losses/contrastive.py"} <= spelling
    assert {"zoo/speech.py", "layers/recurrent.py", "audio/front_end.py"} <= speech
    for one, other in ((spelling, "emotion"), (speech, "correction")):
        assert not [name for name in one if other in name]
    for name in spelling | speech:
        assert not name.startswith(("cli/", "data/", "metrics/", "ablation/"))
        assert not name.endswith("_report.py")
    # Distillation is built upon masked language modelling.
    assert {"zoo/mlm/config.py", "zoo/distill/model.py"} <= names("distill")


@pytest.mark.parametrize(
    ("text", "is_same"),
    [
        ('"""Other words."""\n\n\ndef f(x):\n    # why\n    return (x + 1)\n', True),
        ("def f(x):\n    'Hint.'\n    return x + 1\n", True),
        ("def f(x):\n    return x + 2\n", False),
    ],
)
def test_comments_and_docstrings_do_not_count(text, is_same, tmp_path):
    first, second = tmp_path / "a.py", tmp_path / "b.py"
    first.write_text('"""Words."""\ndef f(x): return x + 1\n')
    second.write_text(text)
    assert (bare(first) == bare(second)) is is_same


def test_own_models_and_encoders_count(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    config = "from nlpcl.zoo.sdcl.config import Config as P\nclass Config(P):\n    '''Mine.'''\n"
    (folder / "config.py").write_text(config)
    (folder / "model.py").write_text("A = 1\n")
    entry = zoo.entry(str(folder))
    before = code_identity(entry, "scratch")
    assert before == code_identity(entry, "scratch")
    (folder / "model.py").write_text("A = 2\n")
    assert code_identity(entry, "scratch")["digest"] != before["digest"]
    (folder / "weights.safetensors").write_bytes(b"one")
    first = encoder_digest(str(folder))
    (folder / "weights.safetensors").write_bytes(b"two")
    assert first and encoder_digest(str(folder)) not in ("", first)
    assert encoder_digest("somebody/model") == ""
    assert encoder_digest("builtin") or not (identity.PACKAGE / "assets").is_dir()
