"""What makes a finished training useless for a comparison, and what does not."""

from __future__ import annotations

import shutil

import pytest

from nlpcl import zoo
from nlpcl.runs.ablation.identity import (
    LIBRARIES,
    OWN,
    PACKAGE,
    SHOWN_ONLY,
    bare,
    code_identity,
    differing,
    encoder_digest,
    room_digests,
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the package's sources, to be edited."""
    folder = tmp_path_factory.mktemp("copy") / "nlpcl"
    return shutil.copytree(
        PACKAGE, folder, ignore=shutil.ignore_patterns("*.safetensors", "__pycache__")
    )


# Each of these changed what a training gives, and was missed by a list of modules.
EDITS = [
    ("text/encoders.py", "return min(max_length,", "return min(9, max_length,"),
    ("runs/build.py", "rows = task.encode(splits.train)", "rows = task.encode(splits.train)[:9]"),
    ("nn/int8.py", "return", "return 2 *"),
    ("metrics/counts.py", "2 *", "3 *"),
    ("metrics/confusion.py", "return f1(counts).mean(-1)", "return f1(counts).max(-1)"),
]


@pytest.mark.parametrize(("file", "old", "new"), EDITS)
def test_an_edit_that_changes_training_or_selection_is_seen(file, old, new, copy):
    place, before = copy / file, room_digests(copy)
    text = place.read_text(encoding="utf-8")
    assert old in text, "the edit no longer fits the code: choose another line"
    place.write_text(text.replace(old, new, 1), encoding="utf-8")
    after = room_digests(copy)
    place.write_text(text, encoding="utf-8")
    assert differing(before, after) == [f"nlpcl/{file.split('/')[0]}"]
    assert room_digests(copy) == before


def test_every_source_file_counts_but_those_that_only_show(copy, tmp_path):
    """Room by room, since each edit is followed by hashing all that is there."""
    assert not any("cli" in name or "analysis" in name for name in room_digests(copy))
    for room in [place for place in copy.iterdir() if place.suffix in ("", ".py")]:
        alone = tmp_path / room.name / "nlpcl"
        alone.mkdir(parents=True)
        (shutil.copytree if room.is_dir() else shutil.copy2)(room, alone / room.name)
        before = room_digests(alone)
        for place in sorted(alone.rglob("*.py")):
            text = place.read_text(encoding="utf-8")
            place.write_text(text + "\nEDITED = 1\n", encoding="utf-8")
            after = room_digests(alone)
            place.write_text(text, encoding="utf-8")
            assert (differing(before, after) == []) == (room.name in SHOWN_ONLY), place


def test_libraries_count():
    found = code_identity(zoo.entry("sdcl"))
    assert set(LIBRARIES) <= set(found) and OWN not in found
    assert differing(found | {"torch": "1.0"}, found) == [f"torch 1.0 (now {found['torch']})"]
    assert differing({}, {"numpy": "2"}) == ["numpy None (now 2)"]


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
    before = code_identity(entry)
    assert before == code_identity(entry)
    (folder / "model.py").write_text("A = 2\n")
    assert differing(before, code_identity(entry)) == [OWN]
    (folder / "weights.safetensors").write_bytes(b"one")
    first = encoder_digest(str(folder))
    (folder / "weights.safetensors").write_bytes(b"two")
    assert first and encoder_digest(str(folder)) not in ("", first)
    assert encoder_digest("somebody/model") == ""
    assert encoder_digest("builtin") or not any(PACKAGE.rglob("*.safetensors"))
