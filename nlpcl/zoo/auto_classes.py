"""Registration of nlpcl's models with transformers' ``AutoConfig`` and ``AutoModel``."""

from __future__ import annotations

import importlib

from nlpcl import zoo

ENCODERS = ("nlpcl.audio.speech_encoder", "nlpcl.audio.pretrained_speech")
"""Modules outside the zoo whose models can be opened on their own."""


def register_auto_classes() -> None:
    """Register every model of the zoo and the speech encoders with transformers' auto classes.

    Afterwards ``AutoModel.from_pretrained(RUN/"model")`` and ``AutoConfig.from_pretrained`` work as
    for any model of transformers. Imports torch and transformers; calling it again does no harm.
    """
    # Each module registers its models when it is imported.
    for name in (*ENCODERS, *(f"{zoo.entry(name).package}.model" for name in zoo.names())):
        importlib.import_module(name)
