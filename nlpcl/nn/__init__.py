"""Neural building blocks: model base class, layers, losses, devices, costs."""

from nlpcl.core import torchaudio_import

# transformers imports torchaudio.
torchaudio_import.prepare()
