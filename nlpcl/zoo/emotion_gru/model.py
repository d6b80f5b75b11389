"""Speech emotion by a bidirectional GRU with matching attention.

Frames → dropout → bidirectional GRU → attention of each frame to its clip
(:mod:`nlpcl.nn.layers.attention`) → tanh → maximum over frames → leaky ReLU → dropout →
linear.

Source: the base model of the IEMOCAP system with HuBERT and DialogueRNN's attention. Differences
from it: attention runs over the frames of one clip, not over the clips of a batch; padding is
masked everywhere; frames are normalised before the GRU.

Legend: ``B`` batch, ``T`` frames, ``H`` width, ``D`` twice the GRU's width, ``C`` classes.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from nlpcl.nn.layers.attention import MatchingAttention, SelfAttention
from nlpcl.nn.layers.pooling import maximum
from nlpcl.nn.layers.recurrent import BidirectionalGRU
from nlpcl.nn.model import ZooConfig
from nlpcl.zoo.emotion_gru.config import Config
from nlpcl.zoo.speech import SpeechClassifier


class EmotionGRU(SpeechClassifier):
    """A bidirectional GRU with attention over the frames of any speech encoder."""

    name = "emotion-gru"
    settings = Config
    options: Config

    def __init__(self, config: ZooConfig) -> None:
        super().__init__(config)
        options = self.options
        size = 2 * options.hidden
        self.dropout = nn.Dropout(options.dropout)
        self.recurrent = BidirectionalGRU(
            self.width, options.hidden, options.gru_layers, options.dropout
        )
        self.attention = (
            None if options.attention == "none" else MatchingAttention(size, options.attention)
        )
        self.head = nn.Linear(size, self.classes)
        self.post_init()

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        """Maximum of each channel over the frames of a clip, ``(B, D)``."""
        states = self.recurrent(self.dropout(states), mask)
        if self.attention is not None:
            states = self.attention(states, mask)
        return functional.leaky_relu(maximum(states.tanh(), mask)).to(self.dtype)

    def classify(self, pooled: Tensor) -> Tensor:
        """``(B, D)`` → logits ``(B, C)``."""
        return self.head(self.dropout(pooled))

    def attention_weights(self, states: Tensor, mask: Tensor) -> Tensor | None:
        """Weights of all frames for each frame (row), ``(B, T, T)``; None without attention."""
        if self.attention is None:
            return None
        return self.attention.weights(self.recurrent(self.dropout(states), mask), mask)

    def attentions(self) -> dict[str, MatchingAttention | SelfAttention]:
        """The attention."""
        return {} if self.attention is None else {"attention": self.attention}

    def modules_to_bypass(self) -> dict[str, nn.Module]:
        """The attention; without it the GRU's states are pooled."""
        return {} if self.attention is None else {"attention": self.attention}
