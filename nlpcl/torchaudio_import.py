"""Make ``import torchaudio`` work beside a CPU-only torch.

torchaudio's Linux wheel links CUDA libraries. Beside a torch without them ``import torchaudio``
dies with ``OSError: libc10_cuda.so``, and so does every transformers model, since transformers
imports torchaudio wherever it is installed. Everything nlpcl needs of torchaudio (resampling, mel
spectrograms, MFCC, Kaldi features) is written in Python and needs no native extension. So when the
extension cannot load, an empty stand-in takes the place of the module that would load it.

``import nlpcl`` calls :func:`prepare`; it reads one small file and imports neither torch nor
torchaudio.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

EXTENSION = "torchaudio._extension"
CUDA_LIBRARY = "libc10_cuda.so"


def package_folder(name: str) -> Path | None:
    """Where a package is installed, without importing it; None when it is not."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).parent if spec and spec.origin else None


def needs_missing_cuda(torchaudio: Path | None, torch: Path | None) -> bool:
    """Whether torchaudio's native extension links CUDA libraries that torch does not bring.

    Args:
        torchaudio: folder of the installed package, None when not installed.
        torch: likewise.
    """
    if torchaudio is None or torch is None or (torch / "lib" / CUDA_LIBRARY).exists():
        return False
    extensions: Iterable[Path] = (torchaudio / "lib").glob("_torchaudio*.so")
    return any(CUDA_LIBRARY.encode() in extension.read_bytes() for extension in extensions)


def stand_in() -> ModuleType:
    """What ``torchaudio._extension`` looks like when torchaudio was built without its extension."""
    module = ModuleType(EXTENSION, "Stand-in: the native extension cannot load beside this torch.")
    module.__spec__ = ModuleSpec(EXTENSION, loader=None)

    def fail_if_no_align(function: Callable[..., Any]) -> Callable[..., NoReturn]:
        def unavailable(*_: Any, **__: Any) -> NoReturn:
            raise RuntimeError(
                f"torchaudio.{function.__name__} needs torchaudio's native extension, "
                "which cannot load beside this CPU-only torch"
            )

        return unavailable

    contents = {
        "_IS_TORCHAUDIO_EXT_AVAILABLE": False,
        "_IS_ALIGN_AVAILABLE": False,
        "_check_cuda_version": lambda: None,
        "_load_lib": lambda library: False,
        "fail_if_no_align": fail_if_no_align,
    }
    for name, value in contents.items():
        setattr(module, name, value)
    return module


def prepare() -> bool:
    """Put the stand-in in place where it is needed.

    Returns:
        Whether the stand-in is in place; False means that the native extension will be used.
    """
    present = sys.modules.get(EXTENSION)
    if present is not None:
        return present.__spec__ is not None and present.__spec__.loader is None
    if not needs_missing_cuda(package_folder("torchaudio"), package_folder("torch")):
        return False
    sys.modules[EXTENSION] = stand_in()
    return True
