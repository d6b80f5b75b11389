"""torchaudio beside a torch that its native extension was built for, and beside others."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from nlpcl.core import torchaudio_import
from nlpcl.core.torchaudio_import import EXTENSION, is_loadable, prepare, stand_in

PACKAGE = Path(torchaudio_import.__file__).parents[1]
PREPARED = ("nn", "text", "audio", "training")


@pytest.fixture
def packages(tmp_path):
    """``packages("2.11.0+cu130", "'13.0'")`` → folders of an installed torchaudio and torch."""

    def make(torchaudio: str, cuda: str):
        folders = tmp_path / "torchaudio", tmp_path / "torch"
        texts = (
            f"__version__ = '{torchaudio}'\ngit_version = '34c52a67'\n",
            f"__version__ = '2.13.0'\ndebug = False\ncuda: Optional[str] = {cuda}\nhip = None\n",
        )
        for folder, text in zip(folders, texts, strict=True):
            folder.mkdir()
            (folder / "version.py").write_text(text)
        return folders

    return make


@pytest.mark.parametrize(
    ("torchaudio", "cuda", "loads"),
    [
        ("2.11.0+cu130", "'13.0'", True),
        ("2.8.0+cu128", "'12.8'", True),
        ("2.11.0+cu130", "None", False),
        ("2.11.0+cu130", "'13.2'", False),
        ("2.11.0+cu130", "'12.8'", False),
        ("2.11.0+cpu", "None", True),
        ("2.11.0+cpu", "'13.0'", True),
        ("2.11.0", "None", True),
    ],
)
def test_an_extension_loads_beside_the_torch_it_was_built_for(torchaudio, cuda, loads, packages):
    assert is_loadable(*packages(torchaudio, cuda)) is loads


def test_absent_packages_need_nothing(tmp_path, packages):
    audio, torch = packages("2.11.0+cu130", "None")
    assert is_loadable(None, torch)
    assert is_loadable(audio, None)
    assert is_loadable(tmp_path, torch), "a torchaudio that does not say what it was built for"
    assert torchaudio_import.package_folder("no_such_package") is None


@pytest.fixture
def not_imported(monkeypatch):
    """As if torchaudio had not been imported yet."""
    monkeypatch.delitem(sys.modules, EXTENSION, raising=False)

    def folders(audio, torch):
        known = {"torchaudio": audio, "torch": torch}
        monkeypatch.setattr(torchaudio_import, "package_folder", known.__getitem__)

    return folders


def test_an_extension_that_loads_is_left_alone(not_imported, packages):
    not_imported(*packages("2.11.0+cu130", "'13.0'"))
    assert prepare() is False
    assert EXTENSION not in sys.modules


def test_a_stand_in_takes_the_place_of_one_that_cannot_load(not_imported, packages):
    not_imported(*packages("2.11.0+cu130", "None"))
    try:
        assert prepare() is True
        assert sys.modules[EXTENSION]._IS_TORCHAUDIO_EXT_AVAILABLE is False
        first = sys.modules[EXTENSION]
        assert prepare() is True
        assert sys.modules[EXTENSION] is first
    finally:
        sys.modules.pop(EXTENSION, None)


def test_what_needs_the_extension_says_so():
    @stand_in().fail_if_no_align
    def forced_align():
        raise AssertionError("never called")

    with pytest.raises(RuntimeError, match=r"torchaudio\.forced_align needs"):
        forced_align()


def imports(tree: ast.AST) -> set[str]:
    """Names of the packages and modules that are imported somewhere in it."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def from_packages(tree: ast.AST, *packages: str) -> bool:
    return any(name.split(".")[0] in packages for name in imports(tree))


def sources() -> dict[str, ast.Module]:
    """Every module of nlpcl by its path in the package."""
    return {
        str(path.relative_to(PACKAGE)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def test_one_module_imports_torchaudio_and_late():
    found = {name: tree for name, tree in sources().items() if from_packages(tree, "torchaudio")}
    assert list(found) == ["audio/log_mel.py"]
    at_once = [node for node in found["audio/log_mel.py"].body if not hasattr(node, "body")]
    assert not any(from_packages(node, "torchaudio") for node in at_once)


def test_whoever_imports_transformers_has_entered_a_prepared_room():
    trees = sources()
    for room in PREPARED:
        assert "torchaudio_import.prepare()" in map(ast.unparse, trees[f"{room}/__init__.py"].body)
    users = [name for name, tree in trees.items() if from_packages(tree, "transformers")]
    assert len(users) > 10
    rooms = {f"nlpcl.{room}" for room in PREPARED}
    for name in users:
        entered = {".".join(found.split(".")[:2]) for found in imports(trees[name])}
        entered.add(f"nlpcl.{Path(name).parts[0]}")
        assert entered & rooms, name


STEPS = """
import importlib, sys

def seen(name):
    importlib.import_module(name)
    heavy = [name for name in sys.modules if name.split(".")[0] in ("torch", "transformers")]
    return [name, "torchaudio._extension" in sys.modules, heavy]

print([seen(name) for name in sys.argv[1:]])
"""


@pytest.mark.parametrize("room", PREPARED)
def test_a_room_prepares_what_nlpcl_itself_leaves_alone(room, run_python):
    folders = map(torchaudio_import.package_folder, ("torchaudio", "torch"))
    needed = not is_loadable(*folders)
    result = run_python(STEPS, "nlpcl", "nlpcl.cli", f"nlpcl.{room}")
    assert result.out, result.err
    assert ast.literal_eval(result.out) == [
        ["nlpcl", False, []],
        ["nlpcl.cli", False, []],
        [f"nlpcl.{room}", needed, []],
    ]


USE_IT = """
import nlpcl.nn, torch, torchaudio
from torchaudio.compliance import kaldi
from transformers import BertModel, WhisperFeatureExtractor

wave = torch.sin(torch.arange(16000) * 0.1)[None]
resampled = torchaudio.functional.resample(wave, 16000, 8000)
assert resampled.shape == (1, 8000), resampled.shape
mel = torchaudio.transforms.MelSpectrogram(16000, n_mels=40)(wave)
assert mel.shape[:2] == (1, 40) and mel.isfinite().all()
mfcc = torchaudio.transforms.MFCC(16000, n_mfcc=13)(wave)
assert mfcc.shape[:2] == (1, 13) and mfcc.isfinite().all()
bank = kaldi.fbank(wave, num_mel_bins=40, sample_frequency=16000.0)
assert bank.shape == (98, 40) and bank.isfinite().all(), bank.shape
print("works")
"""


@pytest.mark.slow
def test_torchaudio_and_transformers_work_after_a_prepared_room(run_python):
    if torchaudio_import.package_folder("torchaudio") is None:
        pytest.skip("torchaudio is not installed")
    result = run_python(USE_IT)
    assert result.code == 0, result.err
    assert result.out == "works\n"
