"""Make the built-in entity model: what a run's model adds to the built-in text encoder, in 8 bits.

    python tools/pack_entity_model.py RUN [--folder WHERE]

The run's encoder must be ``builtin``; weights that training left as they were are not stored.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nlpcl
from nlpcl import tasks
from nlpcl.core.errors import UserError
from nlpcl.nn.int8 import expected_checksum, load_compressed, save_compressed
from nlpcl.nn.model import ZooModel
from nlpcl.runs.run import Run
from nlpcl.runs.weights import ENCODER
from nlpcl.text import BUILTIN_FOLDER, BUILTIN_WEIGHTS

BUILT_IN = tasks.spec("entities").builtin


def pack(run: Path, folder: Path | None = None) -> Path:
    """Write the model of a run as the package keeps it.

    Args:
        run: a finished run of ``globalpointer``.
        folder: where to write; the package's own by default. A card that lies there stays.

    Returns:
        The folder written.

    Raises:
        UserError: no run, or one of another model or encoder.
    """
    source = Run(run, device="cpu", precision="fp32")
    if source.record["model"] != "globalpointer" or source.config.backbone != "builtin":
        raise UserError("holds no globalpointer on the built-in encoder", run, "Give another run.")
    assert BUILT_IN is not None
    folder = folder or BUILT_IN.weights.parent
    write(source.model, folder)
    return folder


def write(model: ZooModel, folder: Path) -> None:
    """Write the configuration of a model, and the weights that the built-in encoder does not have.

    Args:
        model: on the built-in encoder.
        folder: where to write.
    """
    assert BUILT_IN is not None
    encoder = load_compressed(BUILTIN_FOLDER / BUILTIN_WEIGHTS)
    shared = {f"backbone.{name.split('.', 1)[1]}": value for name, value in encoder.items()}
    state = {
        name: value
        for name, value in model.state_dict().items()
        if name not in shared or not value.equal(shared[name])
    }
    sum_of_encoder = expected_checksum(BUILTIN_FOLDER / BUILTIN_WEIGHTS)
    folder.mkdir(parents=True, exist_ok=True)
    model.config.save_pretrained(folder)
    metadata = {"nlpcl": nlpcl.__version__, ENCODER: sum_of_encoder}
    save_compressed(state, folder / BUILT_IN.weights.name, metadata=metadata)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make the built-in entity model.")
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("--folder", type=Path, help="where to write; the package by default")
    arguments = parser.parse_args()
    print(pack(arguments.run, arguments.folder))


if __name__ == "__main__":
    main()
