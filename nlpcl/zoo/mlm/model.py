"""Masked language modelling on noised text (BERT, PLOME).

Two terms: ``changed``, the cross-entropy at characters that were replaced, and ``kept``, at
characters that stand as they were. Real text is mostly right, so copying must be learned as well.

Legend: ``B`` batch, ``L`` tokens, ``V`` vocabulary, ``N`` selected tokens.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoModelForMaskedLM, PreTrainedModel

from nlpcl import pruning
from nlpcl.zoo.masked_lm import IGNORE, masked_lm_head
from nlpcl.zoo.mlm.config import Config
from nlpcl.zoo.model import Batch, Output, Part, ZooConfig, ZooModel, weighted_sum


class MaskedLanguageModel(ZooModel):
    """An encoder with its masked-language-model head."""

    name = "mlm"
    auto_class = AutoModelForMaskedLM
    settings: ClassVar[type[Config]] = Config

    def __init__(self, config: ZooConfig) -> None:
        super().__init__(config)
        self.options = self.settings(**config.options)
        self.backbone: PreTrainedModel = AutoModelForMaskedLM.from_config(config.backbone)
        self.post_init()

    @classmethod
    def prepare(cls, backbone: PreTrainedModel, tokenizer: Any, config: Config) -> Any:
        """Cut layers and vocabulary, and forget the weights, where the configuration asks for it."""
        if config.layers:
            pruning.keep_layers(backbone, config.layers, spread=config.spread)
        if config.pieces:
            tokenizer = pruning.keep_pieces(backbone, tokenizer, config.pieces)
        if config.fresh:
            torch.manual_seed(config.seed)
            backbone.load_state_dict(type(backbone)(backbone.config).state_dict())
        return tokenizer

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None
    ) -> Output:
        """Predict tokens, and with labels compute the loss at the labelled ones.

        Args:
            input_ids: noised ids, ``(B, L)``.
            attention_mask: 1 at tokens, 0 at pads, ``(B, L)``.
            labels: ids before the noise where they count, -100 elsewhere, ``(B, L)``.

        Returns:
            Logits ``(B, L, V)`` without labels; with labels ``(N, V)`` at the labelled positions
            in row-major order (None while training), and the parts ``changed`` and ``kept``.
        """
        encoder = self.backbone.base_model
        hidden = encoder(input_ids=input_ids, attention_mask=attention_mask)[0]
        return self.restore(hidden, input_ids, labels)

    def restore(self, hidden: Tensor, input_ids: Tensor, labels: Tensor | None) -> Output:
        """The head's part of ``forward``, from the encoder's states ``(B, L, H)``."""
        head = masked_lm_head(self.backbone)
        if labels is None:
            return Output(logits=head(hidden))
        selected = labels != IGNORE
        logits = head(hidden[selected])  # (N, V)
        losses = functional.cross_entropy(logits.float(), labels[selected], reduction="none")
        changed = labels[selected] != input_ids[selected]
        parts = {
            "changed": Part((losses * changed).sum(), changed.sum()),
            "kept": Part((losses * ~changed).sum(), (~changed).sum(), self.options.copy_weight),
        }
        shown = None if self.training else logits
        return Output(loss=weighted_sum(parts), logits=shown, parts=parts)

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """Labelled characters, replaced and kept."""
        selected = batch["labels"] != IGNORE
        changed = selected & (batch["labels"] != batch["input_ids"])
        return {"changed": changed.sum(), "kept": (selected & ~changed).sum()}
