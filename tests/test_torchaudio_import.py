"""torchaudio beside a torch with and without CUDA libraries."""

from __future__ import annotations

import sys

import pytest

from nlpcl import torchaudio_import
from nlpcl.torchaudio_import import EXTENSION, needs_missing_cuda, prepare, stand_in

USE_IT = """
import nlpcl, torch, torchaudio
from torchaudio.compliance import kaldi

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


@pytest.fixture
def packages(tmp_path):
    """Folders of an installed torchaudio and torch, with or without CUDA."""

    def make(*, linked: bool, brought: bool):
        audio, torch = tmp_path / "torchaudio", tmp_path / "torch"
        for folder in (audio, torch):
            (folder / "lib").mkdir(parents=True)
        name = b"libc10_cuda.so" if linked else b"libc10.so"
        (audio / "lib" / "_torchaudio.abi3.so").write_bytes(b"\x7fELF\0" + name + b"\0")
        if brought:
            (torch / "lib" / "libc10_cuda.so").touch()
        return audio, torch

    return make


@pytest.mark.parametrize(
    ("linked", "brought", "missing"),
    [(True, False, True), (True, True, False), (False, False, False), (False, True, False)],
)
def test_only_a_linked_library_can_be_missing(linked, brought, missing, packages):
    assert needs_missing_cuda(*packages(linked=linked, brought=brought)) is missing


def test_absent_packages_miss_nothing(tmp_path, packages):
    audio, torch = packages(linked=True, brought=False)
    assert not needs_missing_cuda(None, torch)
    assert not needs_missing_cuda(audio, None)
    assert not needs_missing_cuda(tmp_path, torch)


@pytest.fixture
def not_imported(monkeypatch):
    """As if torchaudio had not been imported yet."""
    monkeypatch.delitem(sys.modules, EXTENSION, raising=False)

    def folders(audio, torch):
        known = {"torchaudio": audio, "torch": torch}
        monkeypatch.setattr(torchaudio_import, "package_folder", known.__getitem__)

    return folders


def test_an_extension_that_loads_is_left_alone(not_imported, packages):
    not_imported(*packages(linked=True, brought=True))
    assert prepare() is False
    assert EXTENSION not in sys.modules


def test_a_stand_in_takes_the_place_of_one_that_cannot_load(not_imported, packages):
    not_imported(*packages(linked=True, brought=False))
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


def test_torchaudio_works_after_nlpcl(run_python):
    pytest.importorskip("torch")
    if torchaudio_import.package_folder("torchaudio") is None:
        pytest.skip("torchaudio is not installed")
    result = run_python(USE_IT)
    assert result.code == 0, result.err
    assert result.out == "works\n"
