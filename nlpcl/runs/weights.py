"""The model and the tokenizer or front end that a run has saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from nlpcl import zoo
from nlpcl.core import hub
from nlpcl.core.errors import UserError, first_line
from nlpcl.nn.devices import Machine, on_device
from nlpcl.nn.model import ZooModel
from nlpcl.tasks.spec import TaskSpec
from nlpcl.zoo.auto_classes import register_auto_classes


def opened_model(entry: zoo.Entry, folder: Path, machine: Machine) -> ZooModel:
    """Load a saved model in float32, on the device, in evaluation mode.

    Raises:
        UserError: its files cannot be read.
    """
    register_auto_classes()
    try:
        model = entry.model_class().from_pretrained(
            folder, dtype=torch.float32, trust_remote_code=False
        )
    except Exception as error:
        hub.refuse_code(error, str(folder))
        raise UserError(
            f"cannot be loaded ({first_line(error)})",
            folder,
            "The file is damaged or cut off; train again or restore it from a copy.",
        ) from error
    return on_device(model, machine.device).eval()


def opened_processor(spec: TaskSpec, folder: Path, machine: Machine) -> Any:
    """Load the tokenizer or speech front end beside a saved model.

    Raises:
        UserError: its files cannot be read.
    """
    if spec.input == "speech":
        from nlpcl.audio.front_end import open_front_end

        return open_front_end(folder, device=machine.device, precision=machine.precision)
    try:
        return AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except Exception as error:
        hub.refuse_code(error, str(folder))
        raise UserError(
            f"its tokenizer cannot be loaded ({first_line(error)})",
            folder,
            "The folder is damaged; train again or restore it from a copy.",
        ) from error
