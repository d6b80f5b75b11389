"""Put a trained text encoder into the package, 8 bits a weight.

python tools/pack_text_encoder.py RUN
python tools/pack_text_encoder.py OUT --prepared FOLDER

RUN is a finished run; OUT holds the parts that ``tools.train_text_encoder`` saved, and FOLDER the
configuration and tokenizer it began with.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoConfig, AutoTokenizer

import nlpcl
from nlpcl.nn.int8 import save_compressed
from nlpcl.text.encoders import BUILTIN_FOLDER, BUILTIN_WEIGHTS


def export(run: Path, folder: Path = BUILTIN_FOLDER) -> None:
    """Put the encoder of a finished run in the package, compressed; the model card is kept."""
    opened = nlpcl.load(run, device="cpu")
    backbone = opened.model.backbone
    tied = set(backbone.all_tied_weights_keys)
    state = {name: value for name, value in backbone.state_dict().items() if name not in tied}
    write(state, backbone.config, opened.processor, opened.record["model"], folder)


def export_parts(parts: Path, prepared: Path, folder: Path = BUILTIN_FOLDER) -> None:
    """Put an encoder saved in parts in the package, compressed; the model card is kept."""
    files = sorted(parts.glob("part-*.safetensors"))
    state = {name: value.float() for file in files for name, value in load_file(file).items()}
    config = AutoConfig.from_pretrained(prepared, trust_remote_code=False)
    layers = [re.search(r"encoder\.layer\.(\d+)\.", name) for name in state]
    config.num_hidden_layers = 1 + max(int(found[1]) for found in layers if found)
    write(
        state,
        config,
        AutoTokenizer.from_pretrained(prepared, trust_remote_code=False),
        "mlm",
        folder,
    )


def write(
    state: Mapping[str, Tensor], config: Any, tokenizer: Any, model: str, folder: Path
) -> None:
    """Write what :func:`nlpcl.text.encoders.load_builtin` reads."""
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    metadata = {"nlpcl": nlpcl.__version__, "model": model}
    save_compressed(state, folder / BUILTIN_WEIGHTS, metadata=metadata)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=export.__doc__)
    parser.add_argument("source", type=Path, help="run folder, or folder of parts")
    parser.add_argument("--prepared", type=Path, help="folder the parts were trained from")
    parser.add_argument("--folder", type=Path, default=BUILTIN_FOLDER, help="where to put it")
    arguments = parser.parse_args()
    if arguments.prepared:
        export_parts(arguments.source, arguments.prepared, arguments.folder)
    else:
        export(arguments.source, arguments.folder)
