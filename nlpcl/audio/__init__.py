"""Speech: reading sound files, the built-in speech encoder, encoders saved by transformers."""

from nlpcl.core import torchaudio_import

# Both log_mel and transformers import torchaudio.
torchaudio_import.prepare()
