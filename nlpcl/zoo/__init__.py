"""The model zoo: one folder per model, found by its name; nothing else is edited to add one.

A folder holds ``config.py`` (torch-free: ``Config``, ``VARIANTS``, ``PRESETS``) and ``model.py``
(one ``ZooModel``). A folder of one's own, given by its path, works like those here; with a
``spec.py`` and a ``task.py`` it defines its own task.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nlpcl import tasks
from nlpcl.core import progress
from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.renamed import with_present_names
from nlpcl.tasks.spec import TaskSpec
from nlpcl.zoo import former_names

if TYPE_CHECKING:
    from nlpcl.nn.model import ZooModel

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Entry:
    """One model of the zoo.

    Args:
        name: as on the command line.
        package: import path of its folder.
        folder: the folder itself.
        own: whether it is a user's folder rather than one of the zoo.
    """

    name: str
    package: str
    folder: Path
    own: bool = False

    @cached_property
    def settings(self) -> ModuleType:
        """The module ``config.py`` of the model; imports nothing heavy."""
        module = self._module("config")
        config = getattr(module, "Config", None)
        if not (isinstance(config, type) and issubclass(config, RunConfig)):
            raise UserError(
                "has no class Config derived from nlpcl.core.config.RunConfig",
                self.folder / "config.py",
                "See examples/ for a complete model of one's own.",
            )
        return module

    @property
    def config_class(self) -> type[Any]:
        """The configuration dataclass."""
        return self.settings.Config

    @property
    def task(self) -> TaskSpec:
        """The specification of its task."""
        return tasks.spec(self.config_class.task)

    @property
    def variants(self) -> dict[str, dict[str, Any]]:
        """Named settings to compare, by the present names of their fields."""
        return self._named_settings("VARIANTS", "variant")

    @property
    def presets(self) -> dict[str, dict[str, Any]]:
        """Named defaults, such as a paper's, by the present names of their fields."""
        return self._named_settings("PRESETS", "preset")

    @property
    def summary(self) -> str:
        """The first line of the configuration's docstring, for ``--help`` and ``nlpcl models``."""
        return (self.config_class.__doc__ or "").strip().split("\n")[0]

    def model_class(self) -> type[ZooModel]:
        """The model class; imports torch and transformers."""
        from nlpcl.nn.model import ZooModel

        module = self._module("model")
        found = [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, ZooModel)
            and value.__module__ == module.__name__
        ]
        if len(found) != 1:
            raise UserError(
                f"holds {len(found)} classes derived from nlpcl.nn.model.ZooModel, not one",
                self.folder / "model.py",
            )
        return found[0]

    def _named_settings(self, table: str, kind: str) -> dict[str, dict[str, Any]]:
        return {
            name: with_present_names(self.config_class, values, where=f"{kind} {name}")
            for name, values in getattr(self.settings, table, {}).items()
        }

    def _module(self, name: str) -> ModuleType:
        if self.own and f"{self.package}.{name}" not in sys.modules:
            for line in former_names.lead_on(self.folder / f"{name}.py"):
                progress.say(f"nlpcl: {self.folder.name}/{name}.py: {line}; change it soon")
        try:
            return importlib.import_module(f"{self.package}.{name}")
        except (SyntaxError, ImportError) as error:
            if not self.own:
                raise
            raise UserError(f"cannot be imported: {error}", self.folder / f"{name}.py") from error


def names() -> list[str]:
    """The names of the models in the zoo, sorted."""
    return sorted(
        folder.name.replace("_", "-")
        for folder in FOLDER.iterdir()
        if (folder / "config.py").is_file()
    )


def is_path(name: str) -> bool:
    """Whether a model is given as the path of a folder: anything with a separator, or dots."""
    return "/" in name or "\\" in name or name in {".", ".."}


def entry(name: str) -> Entry:
    """A model by name, or a folder of one's own by path.

    Raises:
        UserError: no such model, or a folder without ``config.py`` and ``model.py``.
    """
    if is_path(name):
        return own_entry(Path(name))
    return listed(name, how="A folder of your own needs its path: ./NAME.")


def listed(name: str, *, where: object = "", how: str = "") -> Entry:
    """A model of the zoo by its name, never a path: what a file says may come from anyone.

    Args:
        name: of the model.
        where: the file or flag that names it, for the error.
        how: advice for the error.

    Raises:
        UserError: no such model.
    """
    if name not in names():
        raise unknown_name("model", name, names(), where=str(where), how=how)
    package = name.replace("-", "_")
    return Entry(name, f"{__name__}.{package}", FOLDER / package)


def own_entry(folder: Path) -> Entry:
    """A model in a user's folder."""
    resolved = folder.resolve()
    for file in ("config.py", "model.py"):
        if not (resolved / file).is_file():
            raise UserError(
                "not found", folder / file, "A model folder needs config.py and model.py."
            )
    package = f"nlpcl_own_{resolved.name}"
    present = sys.modules.get(package)
    if present is None or list(present.__path__) != [str(resolved)]:
        for module in [key for key in sys.modules if key.split(".")[0] == package]:
            del sys.modules[module]
        spec = importlib.machinery.ModuleSpec(package, loader=None, is_package=True)
        spec.submodule_search_locations = [str(resolved)]
        sys.modules[package] = importlib.util.module_from_spec(spec)
    if (resolved / "spec.py").is_file():
        tasks.add_own(package)
    return Entry(resolved.name.replace("_", "-"), package, resolved, own=True)
