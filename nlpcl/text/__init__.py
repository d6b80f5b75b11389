"""Text: characters, pieces, tokens, reading and writing of lines, noise, encoders."""

from nlpcl.core import torchaudio_import

# transformers imports torchaudio.
torchaudio_import.prepare()
