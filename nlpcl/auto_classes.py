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


def register() -> None:
    """Import every model of the zoo; each tells transformers about itself.

    A model whose import is under way, perhaps the very one that led here, is left to finish.
    """
    shared = sys.modules.get("nlpcl.zoo.model")
    if shared is not None and not hasattr(shared, "ZooModel"):
        return  # its last line comes back here
    from nlpcl import zoo

    for name in zoo.names():
        module = f"{zoo.entry(name).package}.model"
        if module not in sys.modules:
            importlib.import_module(module)


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
