"""GlobalPointer: every span of a text is scored for every type (arXiv 2208.03054).

tokens → encoder → head → scores ``(B, C, L, L)``; a span is an entity where its score is above 0.
The loss is the multi-label cross-entropy of each type of each text, its mean over both, as in
bert4keras. Differences from the repositories that ship it: special tokens and pads are excluded as
starts and ends; impossible cells are -inf, in fp32, whatever the encoder computes in.

Legend: ``B`` batch, ``L`` tokens, ``H`` hidden size, ``C`` types, ``G`` entities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from nlpcl.core.config import RunConfig
from nlpcl.core.errors import UserError
from nlpcl.nn.layers.spans import HEADS, possible_spans
from nlpcl.nn.losses.multilabel import multilabel_cross_entropy
from nlpcl.nn.model import Batch, Output, Part, ZooConfig, ZooModel, weighted_sum
from nlpcl.text.encoders import encoder_alone
from nlpcl.text.pruning import blocks
from nlpcl.zoo.globalpointer.config import Config


class GlobalPointer(ZooModel):
    """A span scorer around any encoder of ``AutoModel``; ``id2label`` names the types."""

    name = "globalpointer"
    output_activation = "sigmoid"

    def __init__(self, config: ZooConfig) -> None:
        super().__init__(config)
        self.options = Config.from_saved(config.options, where="config.json")
        self.set_backbone(AutoModel.from_config(config.backbone, trust_remote_code=False))
        self.head = HEADS[self.options.head](
            self.backbone.config.hidden_size,
            len(config.id2label or {}),
            self.options.head_size,
            self.options.rope,
        )
        self.post_init()

    @classmethod
    def build(
        cls, backbone: PreTrainedModel, options: Mapping[str, Any], *, types: Sequence[str]
    ) -> Self:
        """A new model.

        Args:
            backbone: as loaded by ``AutoModel`` or with the head of a masked language model, which
                is left behind.
            options: ``Config.model_options()``.
            types: names of the types, in the order of the scores.
        """
        config = cls.config_class(
            backbone=backbone.config,
            options=Config.from_dict(options, where="options").model_options(),
            id2label=dict(enumerate(types)),
            label2id={name: index for index, name in enumerate(types)},
        )
        model = cls(config)
        model.set_backbone(backbone)
        return model

    def set_backbone(self, backbone: PreTrainedModel) -> None:
        """Set the encoder, without its own pooler or head."""
        super().set_backbone(encoder_alone(backbone))

    def before_training(self, config: RunConfig, tokenizer: Any, load: Any) -> None:
        """Freeze the embeddings and the lower layers, where ``frozen_layers`` asks for it."""
        assert isinstance(config, Config)
        if not config.frozen_layers:
            return
        layers = blocks(self.backbone)
        if config.frozen_layers > len(layers):
            raise UserError(
                f"the encoder has {len(layers)} layers",
                f"--frozen-layers {config.frozen_layers}",
                f"Give at most {len(layers)}.",
            )
        in_layers = {id(weight) for layer in layers for weight in layer.parameters()}
        for layer in layers[: config.frozen_layers]:
            layer.requires_grad_(False)
        for weight in self.backbone.parameters():
            if id(weight) not in in_layers:  # of no layer: the embeddings
                weight.requires_grad_(False)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        starts: Tensor,
        ends: Tensor,
        labels: Tensor | None = None,
    ) -> Output:
        """Score spans; with labels, compute the loss too.

        Args:
            input_ids: tokens, ``(B, L)``.
            attention_mask: 1 at real tokens, 0 at pads, ``(B, L)``.
            starts: True at tokens where an entity may start, ``(B, L)``.
            ends: True at tokens where one may end, ``(B, L)``.
            labels: type, first and last token of every entity, ``(B, G, 3)``; -1 fills up.

        Returns:
            Scores ``(B, C, L, L)`` in fp32, -inf at impossible spans; with labels, the loss and its
            part ``spans``.
        """
        states = self.backbone(input_ids=input_ids, attention_mask=attention_mask)[0]
        impossible = ~possible_spans(starts, ends).unsqueeze(1)
        logits = self.head(states).float().masked_fill_(impossible, -torch.inf)
        if labels is None:
            return Output(logits=logits)
        losses = multilabel_cross_entropy(logits, right_cells(labels))
        parts = {"spans": Part(losses.sum(), torch.tensor(losses.numel(), device=losses.device))}
        return Output(loss=weighted_sum(parts), logits=logits, parts=parts)

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """Types of texts."""
        types = len(self.config.id2label or {})
        return {"spans": torch.tensor(len(batch["input_ids"]) * types)}

    def _init_weights(self, module: nn.Module) -> None:
        """Initialise the head as torch does."""
        if isinstance(module, nn.Linear):
            module.reset_parameters()


def right_cells(labels: Tensor) -> Tensor:
    """Indices of the entities in scores ``(B, C, L, L)``: ``(N, 4)``.

    Args:
        labels: ``(B, G, 3)``, -1 where there is none.
    """
    row, entity = (labels[..., 0] >= 0).nonzero(as_tuple=True)
    return torch.cat([row.unsqueeze(1), labels[row, entity]], 1)
