"""The model and the tokenizer or front end that a run has saved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import AutoTokenizer

from nlpcl import zoo
from nlpcl.core import hub
from nlpcl.core.errors import UserError, first_line
from nlpcl.core.json_files import DAMAGED, read_json
from nlpcl.nn.devices import Machine, on_device
from nlpcl.nn.int8 import REINSTALL, expected_checksum, load_compressed, saved_metadata
from nlpcl.nn.model import ZooConfig, ZooModel
from nlpcl.tasks.spec import TaskSpec
from nlpcl.text import BUILTIN_FOLDER, BUILTIN_WEIGHTS
from nlpcl.zoo.auto_classes import register_auto_classes

ENCODER = "encoder"
"""What the weights over the built-in encoder call its checksum, in their metadata."""
UNFIT = ("missing_keys", "unexpected_keys", "mismatched_keys")


def opened_model(entry: zoo.Entry, folder: Path, machine: Machine) -> ZooModel:
    """Load a saved model in float32, on the device, in evaluation mode.

    Raises:
        UserError: its files cannot be read, or do not belong together.
    """
    register_auto_classes()
    model = loaded_model(entry, str(folder), str(folder))
    return on_device(model, machine.device).eval()


def loaded_model(entry: zoo.Entry, source: str, where: str) -> ZooModel:
    """Load a saved model in float32, all of whose weights are in its file, and no others.

    Args:
        entry: the model in the zoo.
        source: its folder, or its id on the hub.
        where: named in errors.

    Raises:
        UserError: its files cannot be read, or do not belong together.
    """
    kind: Any = entry.model_class()
    try:
        check_layers(Path(source))
        model, report = kind.from_pretrained(
            source, dtype=torch.float32, trust_remote_code=False, output_loading_info=True
        )
    except Exception as error:
        hub.refuse_code(error, where)
        raise UserError(f"cannot be loaded ({first_line(error)})", where, DAMAGED) from error
    for what in UNFIT:
        if report[what]:
            told = f"its config.json is of another model than its weights ({what.split('_')[0]}: "
            raise UserError(f"{told}{first_of(report[what])})", where, DAMAGED)
    return model


def overlaid_encoder(entry: zoo.Entry, weights: Path) -> tuple[ZooModel, Any]:
    """Load a model kept as the weights alone in which it differs from the built-in text encoder.

    Args:
        entry: the model in the zoo.
        weights: its file, with ``config.json`` beside it.

    Returns:
        The model in float32, and the encoder's tokenizer.

    Raises:
        UserError: a file is damaged, or was made for another encoder.
    """
    kind: Any = entry.model_class()
    encoder = BUILTIN_FOLDER / BUILTIN_WEIGHTS
    if saved_metadata(weights).get(ENCODER) != expected_checksum(encoder):
        raise UserError("was made for another built-in encoder", weights, REINSTALL)
    config = kind.config_class.from_pretrained(weights.parent, trust_remote_code=False)
    # Names of weights begin with that of the encoder's architecture, "bert.".
    shared = {
        f"backbone.{name.split('.', 1)[1]}": value
        for name, value in load_compressed(encoder).items()
        if not name.startswith("cls.")
    }
    state = shared | load_compressed(weights)
    try:
        model, report = kind.from_pretrained(
            None, config=config, state_dict=state, output_loading_info=True, trust_remote_code=False
        )
    except RuntimeError as error:  # sizes differ
        raise UserError("does not fit config.json", weights, REINSTALL) from error
    if any(report[what] for what in UNFIT):
        raise UserError("does not fit config.json", weights, REINSTALL)
    return model, AutoTokenizer.from_pretrained(BUILTIN_FOLDER, trust_remote_code=False)


def first_of(names: Iterable[Any]) -> str:
    """The first of some weights, and how many there are."""
    listed = sorted(map(str, names))
    return listed[0] + (f" and {len(listed) - 1} more" if len(listed) > 1 else "")


def check_layers(folder: Path) -> None:
    """Refuse a ``config.json`` with more layers than there are weights: to make them takes hours.

    Raises:
        UserError: it is so, or the file is no JSON.
    """
    file, weights = folder / "config.json", folder / "model.safetensors"
    if not file.is_file() or not weights.is_file():
        return  # of the hub, or said by the library
    with safe_open(weights, framework="pt") as opened:
        most = len(opened.keys())
    waiting = [read_json(file, dict[str, Any])]
    while waiting:
        for name, value in waiting.pop().items():
            if isinstance(value, dict):
                waiting.append(value)
            elif "layers" in name and isinstance(value, int) and value > most:
                raise UserError(f"{name} is {value}, with {most} tensors in all", file, DAMAGED)


def opened_processor(spec: TaskSpec, folder: Path, machine: Machine, config: ZooConfig) -> Any:
    """Load the tokenizer or speech front end beside a saved model.

    Args:
        spec: of the task.
        folder: of the model.
        machine: where a front end computes.
        config: of the model, which the tokenizer must suit.

    Raises:
        UserError: its files cannot be read, or it does not suit the model.
    """
    if spec.input == "speech":
        from nlpcl.audio.front_end import open_front_end

        return open_front_end(folder, device=machine.device, precision=machine.precision)
    return loaded_tokenizer(str(folder), str(folder), config)


def loaded_tokenizer(source: str, where: str, config: ZooConfig) -> Any:
    """Load the tokenizer of a saved model.

    Args:
        source: its folder, or its id on the hub.
        where: named in errors.
        config: of the model.

    Raises:
        UserError: its files cannot be read, or it does not suit the model.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
    except Exception as error:
        hub.refuse_code(error, where)
        what = f"its tokenizer cannot be loaded ({first_line(error)})"
        raise UserError(what, where, DAMAGED) from error
    assert config.backbone is not None  # as of all models of texts
    size = config.backbone.vocab_size
    largest = max(tokenizer.get_vocab().values(), default=0)
    if largest >= size:
        what = f"its tokenizer has a token {largest}, its model tokens 0 to {size - 1}"
        raise UserError(what, where, DAMAGED)
    return tokenizer
