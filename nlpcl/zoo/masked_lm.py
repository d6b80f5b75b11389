"""Common code of the models built on a masked language model.

Legend: ``B`` batch, ``L`` tokens, ``V`` vocabulary, ``N`` selected tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from transformers import AutoModelForMaskedLM, PreTrainedModel

from nlpcl.core.errors import UserError
from nlpcl.nn.model import IGNORE, Batch, Output, Part, ZooConfig, ZooModel, weighted_sum
from nlpcl.nn.vocabulary import linear_cross_entropy, linear_scores
from nlpcl.text import pruning


def masked_lm_head(backbone: PreTrainedModel) -> Any:
    """The language-modelling head, which maps the encoder's states to vocabulary scores.

    BERT-like classes hold it as the only module besides the encoder. Others (DistilBERT, ELECTRA,
    DeBERTa) spread it over several modules, in the order of their definition.
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


def head_losses(
    backbone: PreTrainedModel, hidden: Tensor, targets: Tensor, *, keep_scores: bool
) -> tuple[Tensor, Tensor | None]:
    """Cross-entropy of the head's scores at each token, and the scores, if they are kept.

    Args:
        backbone: whose head it is.
        hidden: states of the encoder, ``(N, H)``.
        targets: right ids, ``(N,)``.
        keep_scores: not needed in training, which is faster without them.

    Returns:
        Losses ``(N,)`` in fp32 and scores ``(N, V)`` or None.
    """
    inside = None if keep_scores else before_output_embeddings(backbone, hidden)
    if inside is not None:
        output: Any = backbone.get_output_embeddings()
        return linear_cross_entropy(inside, output.weight, output.bias, targets), None
    scores = masked_lm_head(backbone)(hidden)
    losses = functional.cross_entropy(scores.float(), targets, reduction="none")
    return losses, scores if keep_scores else None


def head_scores(backbone: PreTrainedModel, hidden: Tensor) -> Iterator[Tensor]:
    """The head's scores in pieces ``(n, V)``, without gradient.

    Args:
        backbone: whose head it is.
        hidden: states of the encoder, ``(N, H)``.
    """
    inside = before_output_embeddings(backbone, hidden)
    if inside is None:
        return iter([masked_lm_head(backbone)(hidden)])
    output: Any = backbone.get_output_embeddings()
    return linear_scores(inside, output.weight, output.bias)


def before_output_embeddings(backbone: PreTrainedModel, hidden: Tensor) -> Tensor | None:
    """What the head's last layer gets, ``(..., D)``.

    None if the last step of the head is not one linear layer, the output embeddings.
    """
    output: Any = backbone.get_output_embeddings()
    if type(output) is not nn.Linear:
        return None
    # Heads differ in what they do before it, and no class of transformers' has a method for that.
    with PassedOver(output.weight) as passed:
        last = masked_lm_head(backbone)(hidden)
    return last if last is passed.states else None


class PassedOver(TorchFunctionMode):
    """Within it, the linear map with one weight returns what it is given.

    The module stays as it is, so that other threads may use it meanwhile.

    Args:
        weight: of the map, ``(V, D)``.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = weight
        self.states: Tensor | None = None

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch's, or not."""
        if func is functional.linear and args[1] is self.weight:
            self.states = args[0]
            return self.states
        return func(*args, **(kwargs or {}))


def head_transform(backbone: PreTrainedModel) -> dict[str, nn.Module]:
    """The head's layer before the vocabulary projection, under the name ``head transform``.

    Empty if it changes the width: then its input cannot stand in for its output.
    """
    inside = {id(module) for module in backbone.base_model.modules()}
    for name, module in backbone.named_modules():
        own = name.rpartition(".")[2]
        if id(module) not in inside and own in {"transform", "vocab_transform", "dense"}:
            linear = next(part for part in module.modules() if isinstance(part, nn.Linear))
            square = linear.in_features == linear.out_features
            return {"head transform": module} if square else {}
    return {}


class RestoringModel(ZooModel):
    """An encoder and its language-modelling head, trained to restore noised text.

    A subclass sets ``settings``, its configuration class.
    """

    auto_class = AutoModelForMaskedLM
    settings: ClassVar[type[Any]]

    def __init__(self, config: ZooConfig) -> None:
        super().__init__(config)
        self.options = self.settings.from_saved(config.options, where="config.json")
        self.backbone: PreTrainedModel = AutoModelForMaskedLM.from_config(
            config.backbone, trust_remote_code=False
        )
        self.post_init()

    @classmethod
    def prepare(cls, backbone: PreTrainedModel, tokenizer: Any, config: Any) -> Any:
        """Cut layers and vocabulary and reinitialise weights, as the configuration says."""
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
        """Predict tokens; with labels, compute the loss at the labelled ones too.

        Args:
            input_ids: ids of the noised text, ``(B, L)``.
            attention_mask: 1 at tokens, 0 at pads, ``(B, L)``.
            labels: ids of the original text where they are predicted, -100 elsewhere, ``(B, L)``.

        Returns:
            Logits ``(B, L, V)`` without labels; with labels ``(N, V)`` at the labelled positions
            in row-major order (None while training), and the parts ``changed`` and ``kept``.
        """
        encoder = self.backbone.base_model
        hidden = encoder(input_ids=input_ids, attention_mask=attention_mask)[0]
        return self.restore(hidden, input_ids, labels)

    def restore(self, hidden: Tensor, input_ids: Tensor, labels: Tensor | None) -> Output:
        """The second half of ``forward``: the head on the encoder's states ``(B, L, H)``."""
        head = masked_lm_head(self.backbone)
        if labels is None:
            return Output(logits=head(hidden))
        selected = labels != IGNORE
        states = hidden[selected]
        losses, logits = head_losses(
            self.backbone, states, labels[selected], keep_scores=not self.training
        )
        changed = labels[selected] != input_ids[selected]
        parts = {
            "changed": Part((losses * changed).sum(), changed.sum()),
            "kept": Part((losses * ~changed).sum(), (~changed).sum(), self.options.copy_weight),
        }
        return Output(weighted_sum(parts), logits, parts, states)

    def states_at(self, input_ids: Tensor, attention_mask: Tensor, places: Tensor) -> Tensor:
        """What the head gets at chosen places, :class:`nlpcl.nn.vocabulary.ComparesPlaces`."""
        encoder = self.backbone.base_model
        return encoder(input_ids=input_ids, attention_mask=attention_mask)[0][places]

    def score(self, states: Tensor) -> Tensor:
        """Scores from what the head gets, ``(N, H)`` → ``(N, V)``."""
        return masked_lm_head(self.backbone)(states)

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """Labelled characters that were replaced, and those that were kept."""
        selected = batch["labels"] != IGNORE
        changed = selected & (batch["labels"] != batch["input_ids"])
        return {"changed": changed.sum(), "kept": (selected & ~changed).sum()}

    def modules_to_bypass(self) -> dict[str, nn.Module]:
        """The head's transform; the layers of an encoder can be bypassed in any model."""
        return head_transform(self.backbone)
