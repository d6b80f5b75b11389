"""Loading of speech encoders by name: the built-in one, and those saved by transformers.

HuBERT, wav2vec 2.0 and WavLM become a
:class:`nlpcl.audio.pretrained_speech.PretrainedSpeechEncoder`; the encoder of a Whisper model
becomes a :class:`nlpcl.audio.speech_encoder.SpeechEncoder`, which needs no padding to 30 s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModel,
    PreTrainedModel,
    WhisperConfig,
)

from nlpcl.audio.log_mel import HOP, SAMPLING_RATE, WINDOW
from nlpcl.audio.pretrained_speech import PretrainedSpeechConfig, PretrainedSpeechEncoder
from nlpcl.audio.speech_encoder import SpeechEncoder, SpeechEncoderConfig, sinusoids
from nlpcl.core import hub
from nlpcl.core.errors import UserError, first_line
from nlpcl.nn.int8 import REINSTALL, load_compressed, save_compressed

BUILTIN = "builtin"
FOLDER = Path(__file__).parent / "builtin"
WEIGHTS = "weights.safetensors"
WAVEFORM_FAMILIES = ("hubert", "wav2vec2", "wavlm")
KNOWN = "Known: HuBERT, wav2vec 2.0, WavLM, Whisper, and builtin."


def load_pretrained(source: str, where: str) -> PreTrainedModel:
    """Load a speech encoder saved by transformers, from a folder or a hub id.

    Args:
        source: the folder or id.
        where: named in errors.

    Raises:
        UserError: it cannot be loaded, is incomplete, or is of an unknown family.
    """
    config: Any = loaded(AutoConfig, source, where)
    if config.model_type == "whisper":
        return load_whisper(source, where)
    if config.model_type in {SpeechEncoderConfig.model_type, PretrainedSpeechConfig.model_type}:
        return complete(AutoModel, source, where)
    if config.model_type not in WAVEFORM_FAMILIES:
        raise UserError(f"a {config.model_type} model is no known speech encoder", where, KNOWN)
    extractor = extractor_of(source, where)
    encoder = complete(AutoModel, source, where)
    wrapped = PretrainedSpeechConfig(
        encoder=encoder.config,
        normalised=bool(extractor.do_normalize),
        masked=bool(extractor.return_attention_mask),
    )
    return PretrainedSpeechEncoder(wrapped, encoder).eval()


def load_whisper(source: str, where: str, *, layers: int | None = None) -> SpeechEncoder:
    """Load the encoder of a Whisper model, or its first ``layers`` blocks.

    Args:
        source: folder or hub id of a Whisper model, or of its encoder alone.
        where: named in errors.
        layers: blocks to keep; all, and the closing layer norm, by default.

    Raises:
        UserError: no Whisper model, incomplete, or too few blocks.
    """
    config: Any = loaded(AutoConfig, source, where)
    if not isinstance(config, WhisperConfig):
        raise UserError(f"a {config.model_type} model, not a Whisper model", where, KNOWN)
    extractor = extractor_of(source, where)
    found = (extractor.hop_length, extractor.n_fft, extractor.feature_size)
    if found != (HOP, WINDOW, config.num_mel_bins):
        raise UserError(
            f"its feature extractor has hop, window and mel bins {found}",
            where,
            f"A Whisper encoder needs {(HOP, WINDOW, config.num_mel_bins)}.",
        )
    if layers is not None and not 0 < layers <= config.encoder_layers:
        raise UserError(f"cannot keep {layers} blocks of {config.encoder_layers}", where)
    if "WhisperEncoder" in (config.architectures or []):
        # Saved alone, the encoder's tensors lack the prefix that AutoModel looks for.
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        source_model = complete(WhisperEncoder, source, where)
    else:
        source_model = complete(AutoModel, source, where).get_encoder()
    return from_whisper(source_model, layers=layers, source=source)


def from_whisper(
    encoder: PreTrainedModel, *, layers: int | None = None, source: str = ""
) -> SpeechEncoder:
    """Convert transformers' ``WhisperEncoder`` to a :class:`SpeechEncoder`, weights included."""
    config: Any = encoder.config
    kept = config.encoder_layers if layers is None else layers
    target = SpeechEncoder(
        SpeechEncoderConfig(
            hidden_size=config.d_model,
            num_hidden_layers=kept,
            num_attention_heads=config.encoder_attention_heads,
            intermediate_size=config.encoder_ffn_dim,
            mel_bins=config.num_mel_bins,
            max_positions=config.max_source_positions,
            final_norm=layers is None,
            source=source,
        )
    )
    weights = encoder.state_dict()
    positions = weights["embed_positions.weight"].float()
    frames, size = positions.shape
    if not torch.allclose(positions, sinusoids(frames, size, positions.device), atol=0.01):
        what = "its positions are not Whisper's fixed sinusoids"
        raise UserError(what, source, "Use an encoder whose positions were not trained.")
    target.load_state_dict({name: weights[name].float() for name in target.state_dict()})
    return target.eval()


def loaded(kind: Any, source: str, where: str, **options: Any) -> Any:
    """Load an object of a class of transformers, and turn its many errors into one line."""
    try:
        return kind.from_pretrained(source, trust_remote_code=False, **options)
    except UserError:
        raise
    except Exception as error:
        hub.refuse_code(error, where)
        raise UserError(
            f"cannot be loaded ({first_line(error)})",
            where,
            "It needs config.json, preprocessor_config.json and whole weights, "
            "as saved by save_pretrained; or use --backbone builtin.",
        ) from error


def complete(auto: Any, source: str, where: str) -> Any:
    """Load a model in fp32, requiring every weight to be in its file."""
    model, report = loaded(auto, source, where, dtype=torch.float32, output_loading_info=True)
    # Only SpecAugment, which is off, uses this vector; published checkpoints often lack it.
    missing = sorted(name for name in report["missing_keys"] if "masked_spec_embed" not in name)
    if missing:
        raise UserError(
            f"its weights lack {len(missing)} of the model's tensors, such as {missing[0]}",
            where,
            "Save the whole model again with save_pretrained, or use --backbone builtin.",
        )
    return model.eval()


def extractor_of(source: str, where: str) -> Any:
    """Load the feature extractor, which must expect nlpcl's sampling rate."""
    extractor = loaded(AutoFeatureExtractor, source, where)
    if extractor.sampling_rate != SAMPLING_RATE:
        what = f"wants {extractor.sampling_rate} Hz"
        raise UserError(what, where, f"nlpcl prepares speech at {SAMPLING_RATE} Hz.")
    return extractor


def save_builtin(encoder: SpeechEncoder, folder: Path = FOLDER) -> None:
    """Write an encoder in the package's compressed form, 8 bits per element."""
    folder.mkdir(parents=True, exist_ok=True)
    encoder.config.save_pretrained(folder)
    metadata = {"source": encoder.config.source}
    save_compressed(encoder.state_dict(), folder / WEIGHTS, metadata=metadata)


def load_builtin(folder: Path = FOLDER) -> SpeechEncoder:
    """Load the built-in encoder in fp32, ready for fine-tuning.

    Raises:
        UserError: a damaged or missing file, or one of another version.
    """
    state = load_compressed(folder / WEIGHTS)
    config_file = folder / "config.json"
    try:
        # from_pretrained makes a default configuration of a missing file.
        config = SpeechEncoderConfig.from_json_file(config_file)
    except Exception as error:
        what = f"cannot be read ({first_line(error)})"
        raise UserError(what, config_file, REINSTALL) from error
    with torch.device("meta"):
        encoder = SpeechEncoder(config)
    try:
        encoder.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise UserError("does not fit config.json", folder / WEIGHTS, REINSTALL) from error
    return encoder.eval()


def load_speech_encoder(name: str, *, layer: int | None = None) -> PreTrainedModel:
    """Load a speech encoder in fp32: ``encoder(waveforms, lengths) -> SpeechFeatures``.

    Args:
        name: ``builtin``, a folder saved by transformers (HuBERT, wav2vec 2.0, WavLM, Whisper), or
            a hub id of such a model.
        layer: whose states it gives; by default the one it was made for, or the last.

    Raises:
        UserError: no such encoder or layer, a damaged folder, no network.
    """
    where = f"--backbone {name}"
    if name == BUILTIN:
        encoder: Any = load_builtin()
    else:
        folder = Path(name).expanduser()
        if not folder.is_dir() and (name.startswith((".", "/", "~")) or name.count("/") != 1):
            how = "Give a local folder, a hub id or builtin."
            raise UserError("no such folder", where, how)
        if not folder.is_dir():
            how = "Without a network give a local folder, or use --backbone builtin."
            hub.require(name, where, kind="models", how=how)
        encoder = load_pretrained(str(folder) if folder.is_dir() else name, where)
    if layer is not None:
        if not 0 <= layer <= encoder.config.num_hidden_layers:
            last = encoder.config.num_hidden_layers
            raise UserError(f"no layer {layer}", where, f"It has the layers 0 to {last}.")
        encoder.config.layer = layer
    return encoder
