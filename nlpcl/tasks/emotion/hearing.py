"""Settings of what a speech model hears: speech or all sound, and what befalls training clips.

Imports nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nlpcl.core.config import RunConfig, option
from nlpcl.core.needs import is_one_of, parts

LEARNING = is_one_of("encoder", "partial", "full")
"""What augmentation of waveforms needs: of a frozen encoder the features are cached."""


@dataclass(kw_only=True)
class HearingConfig(RunConfig):
    """Gate of speech, and distortions of waveforms."""

    speech_gate: Literal["auto", "speech", "voice", "off"] = option(
        "auto",
        "Hear of a clip its speech, at one loudness, or any voice, or everything (off); clips "
        "without are left out. auto: speech, or voice for the synthetic sample",
        panel="Encoder",
        absent="off",
    )
    gain: float = option(
        0.0,
        "Change the gain of training clips by up to this much, clipping at full scale; needs an "
        "encoder that is trained",
        panel="Augmentation",
        unit="dB",
        at_least=0,
        needs=LEARNING,
    )
    band_limit: float = option(
        0.0,
        "Fraction of the training clips that go through a telephone or are sampled at 8 kHz; needs "
        "an encoder that is trained",
        panel="Augmentation",
        at_least=0,
        at_most=1,
        needs=LEARNING,
    )
    reverberation: float = option(
        0.0,
        "Fraction of the training clips that are put in an invented room; needs an encoder that is "
        "trained",
        panel="Augmentation",
        at_least=0,
        at_most=1,
        needs=LEARNING,
    )

    @property
    def gate(self) -> str:
        """``speech_gate`` with ``auto`` resolved."""
        if self.speech_gate != "auto":
            return self.speech_gate
        return "voice" if parts(self.data) == ["sample"] else "speech"
