"""Make the built-in emotion model: the model of a run, in half precision.

    python tools/pack_emotion_model.py RUN [--folder WHERE]

The run's encoder must be one that everybody has: ``builtin`` or ``logmel``, frozen.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

FILES = ("config.json", "front_end.json")


def pack(run: Path, folder: Path | None = None) -> Path:
    """Write the model of a run as the package keeps it.

    Args:
        run: a finished run of a speech model with frozen features.
        folder: where to write; the package's own by default. A card that lies there stays.

    Returns:
        The folder written.

    Raises:
        UserError: no run, no model, or an encoder that others do not have.
    """
    import torch
    from safetensors.torch import load_file, save_file

    from nlpcl import tasks
    from nlpcl.core.errors import UserError
    from nlpcl.runs.run import Run

    source = Run(run, device="cpu", precision="fp32")
    config: Any = source.config
    if source.spec.input != "speech" or config.encoder != "frozen":
        raise UserError("holds no speech model with frozen features", run, "Give another run.")
    if config.backbone not in {"builtin", "logmel"}:
        what = f"needs the encoder {config.backbone}, which the package does not hold"
        raise UserError(what, run, "Train with --backbone builtin.")
    weights = source.folder / "model" / "model.safetensors"
    if not weights.is_file():
        raise UserError("holds no model", run, "Finish the training first.")
    built_in = tasks.spec("emotion").builtin
    assert built_in is not None
    folder = folder or built_in.weights.parent
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(weights.parent / name, folder / name)
    halves = {name: value.to(torch.float16) for name, value in load_file(weights).items()}
    save_file(halves, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    return folder


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make the built-in emotion model.")
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--folder", type=Path, help="where to write; the package by default")
    arguments = parser.parse_args()
    print(pack(arguments.run, arguments.folder))


if __name__ == "__main__":
    main()
