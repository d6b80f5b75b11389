"""Audio: reading, augmentation, features, encoders, synthetic voices."""

from nlpcl.core import torchaudio_import

# Both log_mel and transformers import torchaudio.
torchaudio_import.prepare()
