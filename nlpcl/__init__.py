"""nlpcl: contrastive models for Chinese and English text and speech.

``nlpcl.load(RUN)`` and ``nlpcl.fit(CONFIG)`` are what the command line calls;
``nlpcl.register_auto_classes()`` lets transformers' ``AutoModel`` open saved models. Importing the
package is cheap: torch and transformers are loaded by the first call that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nlpcl.core.version import __version__

if TYPE_CHECKING:
    from nlpcl.runs.fit import fit
    from nlpcl.runs.run import Run, load
    from nlpcl.zoo.auto_classes import register_auto_classes

__all__ = ["Run", "__version__", "fit", "load", "register_auto_classes"]


def __getattr__(name: str) -> Any:
    if name in {"Run", "load"}:
        from nlpcl.runs import run

        return getattr(run, name)
    if name == "fit":
        from nlpcl.runs.fit import fit

        return fit
    if name == "register_auto_classes":
        from nlpcl.zoo.auto_classes import register_auto_classes

        return register_auto_classes
    raise AttributeError(f"module 'nlpcl' has no attribute {name!r}")
