"""The text encoder that comes with the package.

``nlpcl/assets/text_encoder`` holds ``config.json``, the tokenizer, ``weights.safetensors`` (8 bits
an element) and a model card. It is made by training runs and put there by
``python -m nlpcl.builtin RUN``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoTokenizer, BertForMaskedLM, PreTrainedModel

import nlpcl
from nlpcl.core.errors import UserError
from nlpcl.weights import load_compressed, save_compressed

FOLDER = Path(__file__).parent / "assets" / "text_encoder"
WEIGHTS = "weights.safetensors"


def is_there() -> bool:
    """Whether this installation holds the encoder."""
    return (FOLDER / WEIGHTS).is_file()


def load(folder: Path = FOLDER) -> tuple[PreTrainedModel, Any]:
    """The encoder as a masked language model in fp32, ready for fine-tuning, and its tokenizer.

    Raises:
        UserError: a damaged or missing file, or one of another version.
    """
    state: dict[str, torch.Tensor] = load_compressed(folder / WEIGHTS)
    config = AutoConfig.from_pretrained(folder)
    model, report = BertForMaskedLM.from_pretrained(
        None,  # type: ignore[arg-type]
        config=config,
        state_dict=state,
        output_loading_info=True,
    )
    if report["missing_keys"] or report["unexpected_keys"] or report["mismatched_keys"]:
        raise UserError(
            "does not fit config.json",
            folder / WEIGHTS,
            "Reinstall: pip install --force-reinstall nlpcl",
        )
    return model, AutoTokenizer.from_pretrained(folder)


def export(run: Path, folder: Path = FOLDER) -> None:
    """Put the encoder of a finished run in the package, compressed; the model card is kept."""
    opened = nlpcl.load(run, device="cpu")
    backbone, tokenizer = opened.model.backbone, opened.processor
    folder.mkdir(parents=True, exist_ok=True)
    tied = set(backbone.all_tied_weights_keys)
    state = {name: value for name, value in backbone.state_dict().items() if name not in tied}
    backbone.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    metadata = {"nlpcl": nlpcl.__version__, "model": opened.record["model"]}
    save_compressed(state, folder / WEIGHTS, metadata=metadata)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=export.__doc__)
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to put it")
    arguments = parser.parse_args()
    export(arguments.run, arguments.folder)
