"""Speech emotion by stacked GRUs and attention, trained against a speaker classifier.

Frames → projection and sinusoidal positions → instance norm → bidirectional GRU layers with layer
norm and residuals → multi-head self-attention → feature enhancement → average and maximum over
frames → emotion head; and, in training, → gradient reversal → speaker head. The speaker head is
trained at weight 1; what lies before it receives its gradient times ``-adversarial_weight * α``.

As documented it does not learn: the instance norm takes away the means of the channels, which tell
most of the emotion, and its heads of three layers behind a dropout of 0.3 hardly move. So the means
are added back (``keep_mean``), and the emotion head is linear behind running statistics (``head``);
the speaker head keeps its three layers, since a weak adversary hides less. The variant
``documented`` is the literal document.

Source: the enhanced model of the IEMOCAP system with HuBERT. Differences from it: the width of the
model is twice ``hidden``, so that ``hidden`` is the GRU's width as in the tables of that system
(its code doubles it); the enhancement is projected back and added, and the maximum reaches the
head, whereas its slicing dropped both; the heads begin with a norm; the first GRU layer has a
residual too; the speaker head has as many outputs as there are training speakers; padding is masked
everywhere.

Legend: ``B`` batch, ``T`` frames, ``W`` twice ``hidden``, ``D`` pooled width, ``C`` classes, ``S``
speakers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nlpcl.core.schedules import ALPHA_SCHEDULES
from nlpcl.nn.layers.attention import MatchingAttention, SelfAttention
from nlpcl.nn.layers.gradient_reversal import reverse_gradient
from nlpcl.nn.layers.normalisation import InstanceNorm, RunningNorm
from nlpcl.nn.layers.pooling import MaxPooling, average
from nlpcl.nn.layers.positions import SinusoidalPositions
from nlpcl.nn.layers.recurrent import StackedGRU
from nlpcl.nn.losses.classification import cross_entropy, labelled
from nlpcl.nn.model import Batch, Part, ZooConfig
from nlpcl.zoo.emotion_enhanced.config import Config
from nlpcl.zoo.speech import SpeechClassifier


class FeatureEnhancement(nn.Module):
    """``x + W[x; g(x)]``, where g is a two-layer network of half the width."""

    def __init__(self, size: int, dropout: float) -> None:
        super().__init__()
        half = size // 2
        self.network = nn.Sequential(
            nn.Linear(size, half),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(half, half),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.back = nn.Linear(size + half, size)

    def forward(self, states: Tensor) -> Tensor:
        """``(B, T, W)`` → the same shape."""
        return states + self.back(torch.cat([states, self.network(states)], dim=-1))


class LastLayer(nn.Linear):
    """Begins near 0, since its input has no scale before the first update."""


def head(kind: str, size: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    """A classifier; it starts with a normalisation, since maxima are far from 0.

    Args:
        kind: linear, behind running statistics, or mlp, with two hidden layers behind a layer norm.
        size: width D of its input.
        hidden: of the first hidden layer; the second has half of it.
        outputs: classes.
        dropout: dropout probability before each layer but the first of ``mlp``.
    """
    if kind == "linear":
        return nn.Sequential(RunningNorm(size), nn.Dropout(dropout), LastLayer(size, outputs))
    return nn.Sequential(
        nn.LayerNorm(size),
        nn.Linear(size, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, hidden // 2),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden // 2, outputs),
    )


class EmotionEnhanced(SpeechClassifier):
    """Stacked GRUs and self-attention over the frames of any speech encoder."""

    name = "emotion-enhanced"
    settings = Config
    options: Config

    def __init__(self, config: ZooConfig) -> None:
        super().__init__(config)
        options = self.options
        size = 2 * options.hidden
        pooled = 2 * size if options.max_pool else size
        instance = options.normalization in {"instance", "adain"}
        # An instance norm would remove the bias again.
        self.projection = nn.Linear(self.width, size, bias=not instance)
        self.position = SinusoidalPositions() if options.position else None
        self.normalisation = InstanceNorm(size, keeps_mean=options.keep_mean) if instance else None
        self.dropout = nn.Dropout(options.dropout)
        self.recurrent = StackedGRU(size, options.hidden, options.gru_layers, options.dropout)
        self.attention = (
            SelfAttention(size, options.heads, options.attention_dropout)
            if options.attention
            else None
        )
        self.enhancement = (
            FeatureEnhancement(size, options.dropout) if options.enhancement else None
        )
        self.max_pooling = MaxPooling() if options.max_pool else None
        shape = pooled, options.hidden
        self.emotion_head = head(options.head, *shape, self.classes, options.head_dropout)
        self.alpha = 0.0
        # With one speaker there is nothing to classify.
        adversary = options.adversary and self.speakers > 1
        self.speaker_head = (
            head("mlp", *shape, self.speakers, options.head_dropout) if adversary else None
        )
        self.post_init()

    def set_progress(self, done: float) -> None:
        """Set α to its value in the schedule, and take up what running normalisations have noted.

        Args:
            done: fraction of the updates that are done, from 0 to 1.
        """
        for module in self.modules():
            if isinstance(module, RunningNorm):
                module.update()
        self.alpha = self.options.max_alpha * ALPHA_SCHEDULES[self.options.alpha_schedule](done)

    @property
    def strength(self) -> float:
        """λ, the factor of the reversed gradient: the adversary's weight times α."""
        return self.options.adversarial_weight * self.alpha

    def scheduled(self) -> dict[str, float]:
        """α and λ; empty without an adversary."""
        if self.speaker_head is None:
            return {}
        return {"alpha": self.alpha, "lambda": self.strength}

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        """Average and maximum over a clip's frames, ``(B, D)``."""
        states = self.recur(states, mask)
        if self.attention is not None:
            states = self.attention(states, mask)
        if self.enhancement is not None:
            states = self.enhancement(states)
        pooled = average(states, mask)
        if self.max_pooling is not None:
            pooled = torch.cat([pooled, self.max_pooling(pooled, states, mask)], dim=-1)
        return pooled.to(self.dtype)

    def recur(self, states: Tensor, mask: Tensor) -> Tensor:
        """Everything before the attention: projected and recurrent states, ``(B, T, W)``."""
        states = self.projection(states)
        if self.position is not None:
            states = self.position(states)
        if self.normalisation is not None:
            states = self.normalisation(states, mask)
        return self.recurrent(self.dropout(states), mask)

    def classify(self, pooled: Tensor) -> Tensor:
        """``(B, D)`` → logits ``(B, C)``."""
        return self.emotion_head(pooled)

    def attention_weights(self, states: Tensor, mask: Tensor) -> Tensor | None:
        """Attention weights averaged over the heads, ``(B, T, T)``; None without attention."""
        if self.attention is None:
            return None
        return self.attention.weights(self.recur(states, mask), mask)

    def further_parts(self, pooled: Tensor, speakers: Tensor | None) -> dict[str, Part]:
        """Cross-entropy of the speaker head, in training on clips of known speakers."""
        if self.speaker_head is None or speakers is None or not self.training:
            return {}
        logits = self.speaker_head(reverse_gradient(pooled, self.strength))
        losses = cross_entropy(logits, speakers)
        return {"speaker": Part(losses.sum(), labelled(speakers).sum())}

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """Labelled clips, and in training those of known speakers."""
        counts = super().counts(batch)
        if self.speaker_head is not None and self.training and "speakers" in batch:
            counts["speaker"] = labelled(batch["speakers"]).sum()
        return counts

    def attentions(self) -> dict[str, MatchingAttention | SelfAttention]:
        """The attention."""
        return {} if self.attention is None else {"attention": self.attention}

    def modules_to_bypass(self) -> dict[str, nn.Module]:
        """Modules whose first input can stand in for their output."""
        named = {
            "position": self.position,
            "normalisation": self.normalisation,
            "attention": self.attention,
            "enhancement": self.enhancement,
            "max pooling": self.max_pooling,
        }
        return {name: module for name, module in named.items() if module is not None}

    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, LastLayer):
            nn.init.normal_(module.weight, std=0.01)
