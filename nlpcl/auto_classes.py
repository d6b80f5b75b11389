"""Let transformers' ``AutoModel`` and ``AutoConfig`` open models saved by nlpcl.

``import nlpcl`` must stay free of torch and transformers, so the models are registered at the
moment somebody else imports transformers' auto classes.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

AUTO_MODULE = "transformers.models.auto.modeling_auto"
ENCODERS = ("nlpcl.audio.speech_encoder", "nlpcl.audio.pretrained_speech")
"""Modules outside the zoo whose models can be opened on their own."""
SHARED = (
    "nlpcl.zoo.model",
    "nlpcl.zoo.masked_lm",
    "nlpcl.zoo.speech",
    "nlpcl.zoo.text_classifier",
    "nlpcl.audio.speech_encoder",
)
"""Modules that models import from; each ends with ``register(__name__)``."""


def register(finished: str = "") -> None:
    """Import every model of the zoo and the encoders; each tells transformers about itself.

    While a module that they share is being imported they would find it half made. Its last line
    comes back here.

    Args:
        finished: the shared module whose last line this is.
    """
    for name in SHARED:
        module = sys.modules.get(name)
        if name != finished and getattr(getattr(module, "__spec__", None), "_initializing", False):
            return
    from nlpcl import zoo

    for name in (*ENCODERS, *(f"{zoo.entry(name).package}.model" for name in zoo.names())):
        if name not in sys.modules:
            importlib.import_module(name)


class _RegisteringLoader(Loader):
    """Runs the module's own loader, then :func:`register`."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        register()


class _AutoModuleFinder(MetaPathFinder):
    """Wraps the loader of transformers' auto module and of no other."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != AUTO_MODULE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _RegisteringLoader(spec.loader)
        return spec


def prepare() -> None:
    """Register now if the auto classes are loaded already, else as soon as they are."""
    if AUTO_MODULE in sys.modules:
        register()
    elif not any(isinstance(finder, _AutoModuleFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AutoModuleFinder())
