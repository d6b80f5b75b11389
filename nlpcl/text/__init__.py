"""Text: characters, segments, tokens, words, reading and writing of lines, noise, encoders."""

from pathlib import Path

from nlpcl.core import torchaudio_import

BUILTIN_FOLDER = Path(__file__).parent / "builtin"
"""The built-in text encoder: configuration, tokenizer, weights of 8 bits each, a model card."""
BUILTIN_WEIGHTS = "weights.safetensors"

# transformers imports torchaudio.
torchaudio_import.prepare()
