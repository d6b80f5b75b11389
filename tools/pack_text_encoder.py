"""Put the text encoder of a finished run into the package, 8 bits a weight.

python tools/pack_text_encoder.py RUN
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nlpcl
from nlpcl.nn.int8 import save_compressed
from nlpcl.text.encoders import BUILTIN_FOLDER, BUILTIN_WEIGHTS


def export(run: Path, folder: Path = BUILTIN_FOLDER) -> None:
    """Put the encoder of a finished run in the package, compressed; the model card is kept."""
    opened = nlpcl.load(run, device="cpu")
    backbone, tokenizer = opened.model.backbone, opened.processor
    folder.mkdir(parents=True, exist_ok=True)
    tied = set(backbone.all_tied_weights_keys)
    state = {name: value for name, value in backbone.state_dict().items() if name not in tied}
    backbone.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    metadata = {"nlpcl": nlpcl.__version__, "model": opened.record["model"]}
    save_compressed(state, folder / BUILTIN_WEIGHTS, metadata=metadata)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=export.__doc__)
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--folder", type=Path, default=BUILTIN_FOLDER, help="where to put it")
    arguments = parser.parse_args()
    export(arguments.run, arguments.folder)
