"""What models on top of a masked language model share."""

from __future__ import annotations

from typing import Any

from torch import nn
from transformers import PreTrainedModel

from nlpcl.errors import UserError

IGNORE = -100
"""Label of positions that take no part in a loss."""


def masked_lm_head(backbone: PreTrainedModel) -> Any:
    """The head of a masked language model: what it puts on its encoder's states.

    BERT-like classes hold it as the one module beside the encoder. Others (DistilBERT, ELECTRA,
    DeBERTa) spread it over several modules in the order of their definition.
    """
    parts = [
        module
        for module in backbone.children()
        if module is not backbone.base_model and not isinstance(module, nn.CrossEntropyLoss)
    ]
    return parts[0] if len(parts) == 1 else _spread_head(backbone, parts)


def _spread_head(backbone: PreTrainedModel, parts: list[nn.Module]) -> Any:
    kind = backbone.config.model_type
    if kind == "distilbert":
        layers: Any = backbone
        return lambda hidden: layers.vocab_projector(
            layers.vocab_layer_norm(layers.activation(layers.vocab_transform(hidden)))
        )
    if kind in {"electra", "modernbert"}:
        return nn.Sequential(*parts)
    raise UserError(
        f"a {kind} encoder's masked-language-model head is not known to nlpcl",
        "--backbone",
        "Use a BERT, RoBERTa, ALBERT, MacBERT, DistilBERT, ELECTRA or ModernBERT encoder.",
    )
