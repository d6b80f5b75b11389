"""Building blocks of models: base class, layers, losses, devices, and what parts cost."""

from nlpcl.core import torchaudio_import

# transformers imports torchaudio.
torchaudio_import.prepare()
