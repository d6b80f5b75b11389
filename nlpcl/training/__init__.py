"""Training and inference: the trainer, its batches and records, and batched prediction."""

from nlpcl.core import torchaudio_import

# transformers imports torchaudio.
torchaudio_import.prepare()
