"""What a finished training may be reused for: the same settings and the same code."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
from pathlib import Path
from typing import Any

import nlpcl
from nlpcl import zoo

PACKAGE = Path(nlpcl.__file__).parent
TAKES_PART = {
    *("audio", "batches", "builtin", "classification_config", "config", "emotion_config"),
    *("encoders", "inference", "layers", "losses", "noise", "preparation", "pruning"),
    *("schedules", "tasks", "trainer", "training_callback", "zoo"),
}
"""Modules of the package that take part in training, where a model imports them.

What reads data is not among them: runs keep a fingerprint of their rows.
"""
SHOWN_ONLY = ("_report.py", "_output.py", "_probe.py", "_stream.py")
"""Ends of names of files that only show results or serve prediction."""


def code_identity(entry: zoo.Entry, backbone: str) -> dict[str, str]:
    """Versions of libraries, a digest of the code that trains a model, one of its encoder.

    Comments, docstrings and layout do not count.
    """
    digest = hashlib.sha256()
    for file in source_files(entry):
        digest.update(file.name.encode() + b"\0" + bare(file).encode() + b"\0")
    return {
        "torch": importlib.metadata.version("torch"),
        "transformers": importlib.metadata.version("transformers"),
        "digest": digest.hexdigest()[:16],
        "encoder": encoder_digest(backbone),
    }


def source_files(entry: zoo.Entry) -> list[Path]:
    """The model's files, its task, the trainer, and what these import, directly or not."""
    config = entry.config_class
    roots = [f"tasks/{config.task}.py", "trainer.py", "preparation.py"]
    waiting = [*entry.folder.rglob("*.py"), *(PACKAGE / name for name in roots)]
    seen: set[Path] = set()
    while waiting:
        file = waiting.pop()
        if file not in seen and (takes_part(file, config.input) or entry.folder in file.parents):
            seen.add(file)
            waiting += imported(file)
    return sorted(seen)


def takes_part(file: Path, input: str) -> bool:
    """Whether a file of the package can change what a training gives."""
    if PACKAGE not in file.parents or file.name.endswith(SHOWN_ONLY):
        return False
    first = file.relative_to(PACKAGE).parts[0].removesuffix(".py")
    return first in TAKES_PART and (first != "audio" or input == "speech")


def imported(file: Path) -> list[Path]:
    """The files of the package that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    parts = [name.split(".")[1:] for name in names if name.startswith("nlpcl.")]
    places = [PACKAGE.joinpath(*part) for part in parts]
    files = [place.with_name(f"{place.name}.py") for place in places]
    return [
        file for file in [*files, *(place / "__init__.py" for place in places)] if file.is_file()
    ]


def bare(file: Path) -> str:
    """A source file as a syntax tree without docstrings."""
    tree: Any = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not is_text(part)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def is_text(node: ast.AST) -> bool:
    """Whether a statement is a docstring or another string that does nothing."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def encoder_digest(backbone: str) -> str:
    """A digest of the weights that training starts from; empty for names of a hub."""
    folder = PACKAGE / "assets" if backbone == "builtin" else Path(backbone)
    digest = hashlib.sha256()
    files = sorted(folder.rglob("*.safetensors")) if folder.is_dir() else []
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16] if files else ""
