"""Make the built-in speech encoder: the first blocks of a Whisper encoder, 8 bits an element.

    python tools/cut_speech_encoder.py --source FOLDER --layers N [--folder WHERE]

Cutting a longer encoder again and again gives the same file: nothing is drawn at random.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def cut(source: Path, layers: int, folder: Path | None = None, origin: str = "") -> Path:
    """Write the first ``layers`` blocks of the Whisper encoder in ``source``.

    Args:
        source: folder saved by transformers: a whole Whisper model or a ``WhisperEncoder``.
        layers: blocks to keep.
        folder: where to write; the package's own by default.
        origin: the source's name for the config; the folder's name by default.

    Returns:
        The folder written.

    Raises:
        UserError: the source is no Whisper encoder, or has fewer blocks.
    """
    from nlpcl.audio.loading import FOLDER, load_whisper, save_builtin

    encoder = load_whisper(str(source), str(source), layers=layers)
    encoder.config.source = origin or source.name
    folder = folder or FOLDER
    save_builtin(encoder, folder)
    return folder


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Make the built-in speech encoder.")
    parser.add_argument("--source", type=Path, required=True, help="folder of a Whisper model")
    parser.add_argument("--layers", type=int, required=True, help="blocks to keep")
    parser.add_argument("--folder", type=Path, help="where to write; the package by default")
    parser.add_argument("--origin", default="", help="name of the source for the config")
    arguments = parser.parse_args()
    print(cut(arguments.source, arguments.layers, arguments.folder, arguments.origin))


if __name__ == "__main__":
    main()
