"""Front ends, which turn waveforms into frames: frozen speech encoders and spectrograms.

Legend: ``B`` batch, ``T`` frames, ``K`` layers, ``H`` width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from nlpcl.audio.encoder_identity import MEL_BINS, identity_of
from nlpcl.audio.loading import load_speech_encoder
from nlpcl.audio.log_mel import HOP, SAMPLING_RATE, WINDOW, log_mel
from nlpcl.audio.speech_gate import KINDS, holds_speech, speech_alone
from nlpcl.audio.speech_gate import VERSION as GATE_VERSION
from nlpcl.core.errors import UserError
from nlpcl.core.files import write_json
from nlpcl.core.json_files import DAMAGED, read_json
from nlpcl.core.shapes import fault
from nlpcl.nn.devices import arithmetic, choose_device, choose_precision, on_device

LOG_MEL = "logmel"
BATCH_SECONDS = 60.0
"""Padded seconds a batch; a longer clip goes alone."""
FILE = "front_end.json"
OFF, ANSWERS = "off", "answers"
"""Gates beside those of :data:`nlpcl.audio.speech_gate.KINDS`: none, and that of models from before
there was one, which hear all sound, as they were trained to, but are not asked where nobody speaks.
"""


@dataclass(frozen=True)
class Description:
    """The saved form of a front end.

    Args:
        source: ``builtin``, ``logmel``, an absolute folder, or a hub id.
        identity: a short name and a hash of the encoder's weights and settings.
        layer: the (last) layer whose states are given; None for a spectrogram.
        layers: layers K that are given, from 0 to ``layer`` where there are several.
        all_layers: whether a clip has an axis of layers.
        width: width H of a frame.
        frame_rate: frames a second.
        gate: what it hears of a waveform: the ``speech`` or any ``voice`` in it, cut out and
            brought to one level, or all of it (``off``, ``answers``).
    """

    source: str
    identity: str
    layer: int | None
    layers: int
    all_layers: bool
    width: int
    frame_rate: float
    gate: str


class FrontEnd:
    """Turns waveforms into frames, the same alone and in any batch (within 1e-4 in fp32).

    Args:
        facts: what it is.
        device: where it computes.
        precision: ``fp32``, ``bf16`` or ``fp16``; a spectrogram is always computed in fp32.
        encoder: the encoder, on the device; opened when first needed without it.
    """

    sampling_rate = SAMPLING_RATE

    def __init__(
        self, facts: Description, device: torch.device, precision: str, encoder: Any = None
    ) -> None:
        self.facts, self.device = facts, device
        self.precision = "fp32" if facts.layer is None else precision
        self.padded = 0
        """Clips so far that were too short for one frame and got silence at their end."""
        self._encoder = encoder

    @property
    def identity(self) -> str:
        """Name and hash, which changes with any weight."""
        return self.facts.identity

    @property
    def name(self) -> str:
        """The identity without its hash."""
        return self.identity.rpartition("@")[0]

    @property
    def width(self) -> int:
        """Width H of the frames."""
        return self.facts.width

    @property
    def layers(self) -> int:
        """Number of layers K; 1 if there is no axis of layers."""
        return self.facts.layers

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.facts.frame_rate

    @property
    def selection(self) -> str:
        """The states selected: ``layer 3``, ``layers 0-3``, ``80 mel bins``."""
        if self.facts.layer is None:
            return f"{self.width} mel bins"
        if self.facts.all_layers:
            return f"layers 0-{self.facts.layer}"
        return f"layer {self.facts.layer}"

    @property
    def description(self) -> str:
        """Name, selected states, width and frame rate, for messages."""
        return f"{self.name}, {self.selection}, width {self.width}, {self.frame_rate:g} frames/s"

    @property
    def encoder(self) -> Any:
        """The encoder on its device in fp32; None for a spectrogram.

        Raises:
            UserError: it is no longer there, or not the one that was saved.
        """
        if self._encoder is None and self.facts.layer is not None:
            encoder = load_speech_encoder(self.facts.source, layer=self.facts.layer)
            if identity_of(self.facts.source, encoder) != self.identity:
                raise UserError(
                    "is not the encoder that the model was trained on",
                    self.facts.source,
                    "Put the old one back, or train again.",
                )
            self._encoder = on_device(encoder, self.device).eval()
        return self._encoder

    @property
    def cuts(self) -> bool:
        """Whether it hears what is spoken alone, and not all of a waveform."""
        return self.facts.gate in KINDS

    @property
    def hearing(self) -> dict[str, Any]:
        """What tells features of speech alone from others; those of all sound have nothing."""
        return {"gate": [self.facts.gate, GATE_VERSION]} if self.cuts else {}

    def prepare(self, waveform: Tensor) -> Tensor | None:
        """What is encoded of a waveform ``(samples,)`` at 16 kHz; None if it holds no speech.

        Training, evaluation and prediction all take this way.
        """
        return speech_alone(waveform, self.facts.gate) if self.cuts else waveform

    def prepare_to_answer(self, waveform: Tensor) -> Tensor | None:
        """:meth:`prepare`, and None without speech for models from before there was a gate too."""
        if self.facts.gate == ANSWERS and not holds_speech(waveform):
            return None
        return self.prepare(waveform)

    def extract(self, waveforms: Sequence[Tensor]) -> list[Tensor]:
        """Compute frames, on the CPU in fp32: ``(T, H)`` per clip, ``(K, T, H)`` for all layers.

        Args:
            waveforms: mono, 16 kHz, about -1 to 1, each ``(samples,)``. One too short for a frame
                is filled with zeros up to that, and counted in ``padded``.
        """
        found: list[Any] = [None] * len(waveforms)
        for rows in self.batches([len(waveform) for waveform in waveforms]):
            chosen = [waveforms[row] for row in rows]
            lengths = torch.tensor([len(waveform) for waveform in chosen])
            states, mask = self.encode(pad_sequence(chosen, batch_first=True), lengths)
            for row, clip, frames in zip(rows, states, mask.sum(1).tolist(), strict=True):
                # A copy outside of inference mode, which does not keep the whole batch alive.
                found[row] = clip[..., :frames, :].clone()
        return found

    def encode(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Encode a padded batch.

        Args:
            waveforms: mono, 16 kHz, ``(B, samples)``.
            lengths: samples of each clip, ``(B,)``.

        Returns:
            States ``(B, T, H)`` or ``(B, K, T, H)`` in fp32, and True at valid frames ``(B, T)``,
            both on the CPU.
        """
        self.padded += int((lengths < self.least_samples()).sum())
        waveforms, lengths = waveforms.to(self.device), lengths.to(self.device)
        encoder = self.encoder
        with arithmetic(self.device, self.precision):
            if encoder is None:
                values, mask = log_mel(waveforms, lengths, self.width)
                states = values.transpose(1, 2)
            elif self.facts.all_layers:
                every, mask = encoder.all_states(waveforms, lengths)
                states = torch.stack([layer.float() for layer in every], dim=1)
            else:
                states, mask = encoder(waveforms, lengths)
            return states.float().cpu(), mask.cpu()

    def batches(self, lengths: Sequence[int]) -> list[list[int]]:
        """Batches of indices by similar length, longest first, of at most ``BATCH_SECONDS``."""
        order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
        batches: list[list[int]] = []
        while order:
            longest = max(1, lengths[order[0]])
            size = max(1, int(BATCH_SECONDS * self.sampling_rate / longest))
            batches.append(order[:size])
            order = order[size:]
        return batches

    def least_samples(self) -> int:
        """Minimum number of samples that give a frame without padding."""
        least = getattr(self.encoder, "least_samples", None)
        return WINDOW if least is None else least()

    def save_pretrained(self, folder: str | Path) -> None:
        """Write what :func:`open_front_end` needs, which does not include the encoder's weights."""
        write_json(Path(folder) / FILE, asdict(self.facts))


def load_front_end(
    name: str,
    *,
    layer: int | None = None,
    all_layers: bool = False,
    gate: str = OFF,
    device: torch.device | str = "cpu",
    precision: str = "auto",
) -> FrontEnd:
    """Load a front end by the name of its encoder.

    Args:
        name: ``builtin``; ``logmel`` (Whisper's 80 mel bins, 100 frames a second); a folder saved
            by transformers (HuBERT, wav2vec 2.0, WavLM, Whisper); or a hub id of such a model.
        layer: whose states it gives: 0 before the first block, n after block n; the last one by
            default.
        all_layers: give the states of all layers from 0 up to ``layer``.
        gate: see :class:`Description`.
        device: where it computes.
        precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``.

    Raises:
        UserError: no such encoder, layer, device or arithmetic; no network.
    """
    device = choose_device(str(device))
    precision = choose_precision(precision, device)
    if name == LOG_MEL:
        if all_layers or layer is not None:
            how = "Leave --layer and --weighted-sum out."
            raise UserError("a spectrogram has no layers", f"--backbone {LOG_MEL}", how)
        identity = identity_of(LOG_MEL, None)
        rate = SAMPLING_RATE / HOP
        facts = Description(LOG_MEL, identity, None, 1, False, MEL_BINS, rate, gate)
        return FrontEnd(facts, device, precision)
    encoder: Any = load_speech_encoder(name, layer=layer)
    folder = Path(name).expanduser()
    source = str(folder.resolve()) if name != "builtin" and folder.is_dir() else name
    used = int(encoder.config.layer)
    facts = Description(
        source=source,
        identity=identity_of(source, encoder),
        layer=used,
        layers=used + 1 if all_layers else 1,
        all_layers=all_layers,
        width=encoder.config.hidden_size,
        frame_rate=encoder.config.frame_rate,
        gate=gate,
    )
    return FrontEnd(facts, device, precision, on_device(encoder, device).eval())


def open_front_end(
    folder: str | Path, *, device: torch.device | str = "cpu", precision: str = "auto"
) -> FrontEnd:
    """Open a saved front end; its encoder is loaded when first used.

    Raises:
        UserError: missing or damaged; no such device or arithmetic.
    """
    path = Path(folder) / FILE
    saved: dict[str, Any] = {"gate": ANSWERS} | read_json(path, dict[str, Any])
    if saved["gate"] not in (*KINDS, OFF, ANSWERS):
        raise UserError(f"has an unknown gate {saved['gate']!r}", path, DAMAGED)
    if what := fault(saved, Description):
        raise UserError(f"does not describe a front end: it {what}", path, DAMAGED)
    facts = Description(**{field.name: saved[field.name] for field in fields(Description)})
    device = choose_device(str(device))
    return FrontEnd(facts, device, choose_precision(precision, device))
