"""Make ``import torchaudio`` work beside a torch for which its native extension was not built.

torchaudio's Linux wheels link the CUDA libraries of one version. Beside a torch without CUDA, or
with another version, ``import torchaudio`` dies ("Could not load this library", "compiled with
different CUDA versions"), and so does whatever imports it: transformers does wherever it is
installed, with the first model, trainer or pipeline. All that nlpcl and the models it opens use of
torchaudio is written in Python, so an empty stand-in takes the place of the extension that would
not load.

:func:`prepare` is called where the rooms nn, text, audio and training are first entered, before any
of their modules; zoo and runs stand on them. It reads two small files and imports neither package.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

EXTENSION = "torchaudio._extension"


def prepare() -> bool:
    """Install the stand-in if it is needed.

    Returns:
        Whether the stand-in is in place; False means that the native extension will be used.
    """
    present = sys.modules.get(EXTENSION)
    if present is not None:
        return present.__spec__ is not None and present.__spec__.loader is None
    if is_loadable(package_folder("torchaudio"), package_folder("torch")):
        return False
    sys.modules[EXTENSION] = stand_in()
    return True


def package_folder(name: str) -> Path | None:
    """Folder of an installed package, found without importing it; None if not installed."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).parent if spec and spec.origin else None


def is_loadable(torchaudio: Path | None, torch: Path | None) -> bool:
    """Whether torchaudio's extension was built for no CUDA, or for that of torch.

    Args:
        torchaudio: folder of the installed package, None when not installed.
        torch: likewise.
    """
    if torchaudio is None or torch is None:
        return True
    built = re.search(r"\+cu(\d+)(\d)\b", written(torchaudio / "version.py"))
    brought = re.search(r"^cuda\b.*'(\d+\.\d+)", written(torch / "version.py"), re.MULTILINE)
    if built is None:
        return True
    return brought is not None and brought[1] == f"{built[1]}.{built[2]}"


def written(path: Path) -> str:
    """Read a file; empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def stand_in() -> ModuleType:
    """Create a module like ``torchaudio._extension`` of a build without the extension."""
    module = ModuleType(EXTENSION, "Stand-in: the native extension cannot load beside this torch.")
    module.__spec__ = ModuleSpec(EXTENSION, loader=None)

    def fail_if_no_align(function: Callable[..., Any]) -> Callable[..., NoReturn]:
        def unavailable(*_: Any, **__: Any) -> NoReturn:
            raise RuntimeError(
                f"torchaudio.{function.__name__} needs torchaudio's native extension, "
                "which was not built for this torch"
            )

        return unavailable

    def load(library: str) -> bool:
        return False

    contents: dict[str, object] = {
        "_IS_TORCHAUDIO_EXT_AVAILABLE": False,
        "_IS_ALIGN_AVAILABLE": False,
        "_check_cuda_version": lambda: None,
        "_load_lib": load,
        "fail_if_no_align": fail_if_no_align,
    }
    for name, value in contents.items():
        setattr(module, name, value)
    return module
