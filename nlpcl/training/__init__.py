"""Training and inference: the trainer, its batches and records, one way to predictions."""

from nlpcl.core import torchaudio_import

# transformers imports torchaudio.
torchaudio_import.prepare()
