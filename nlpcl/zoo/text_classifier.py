"""Common code of the text classifiers: encoder, calibration, pooling, head, losses and saved form.

tokens → encoder → calibration gate (if any) → one vector per text → dropout → scores.

The loss has the parts ``classification``; ``self_supervised``, a contrast of two dropout views
encoded in one merged forward pass; ``supervised``, a contrast of the classes; ``calibration``, the
same on the calibrated states of ``--variant contrastive``. The contrastive parts exist in training
only. The second view is used by ``self_supervised`` alone, so each part can be left out without
changing the others. Labels affect the loss and nothing else.

Legend: ``B`` batch, ``L`` tokens, ``H`` hidden size, ``C`` classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from nlpcl.nn.layers.calibration_gates import CalibrationGate, calibration_gate
from nlpcl.nn.layers.pooling import average, real_frames
from nlpcl.nn.losses.classification import balanced_weights, focal, labelled
from nlpcl.nn.losses.contrastive import info_nce, supervised_contrast
from nlpcl.nn.model import (
    Batch,
    Output,
    Part,
    ZooConfig,
    ZooModel,
    weighted_sum,
)
from nlpcl.nn.optimisation import optimiser_groups
from nlpcl.tasks.classification.config import ClassificationConfig
from nlpcl.text.encoders import encoder_alone


class TextClassifier(ZooModel):
    """Base class of the zoo's text classifiers, around any encoder of ``AutoModel``.

    The configuration names the classes in ``id2label`` and holds ``class_counts``.
    """

    settings: ClassVar[type[ClassificationConfig]] = ClassificationConfig
    """The model's ``Config``."""

    def __init__(self, config: ZooConfig) -> None:
        super().__init__(config)
        self.options: Any = self.settings.from_saved(config.options, where="config.json")
        counts: Any = getattr(config, "class_counts", None)
        balanced = self.options.class_weights == "balanced"
        if balanced and not counts:
            raise ValueError("balanced class weights need class_counts; see build()")
        self.class_weights = balanced_weights(counts) if balanced else None
        self.set_backbone(AutoModel.from_config(config.backbone, trust_remote_code=False))
        size = self.backbone.config.hidden_size
        self.head = nn.Linear(size, len(config.id2label or {}))
        self.dropout = nn.Dropout(self.options.dropout)
        self.calibration = calibration_gate(
            self.options.variant,
            size,
            windows=self.options.window_widths(),
            reduction=self.options.reduction,
            residual=self.options.residual,
            ceiling=2.0 if self.options.gate_init == "one" else 1.0,
        )
        self.post_init()

    @classmethod
    def build(
        cls,
        backbone: PreTrainedModel,
        options: Mapping[str, Any],
        *,
        labels: Sequence[str],
        class_counts: Sequence[int] | None = None,
    ) -> Self:
        """A new model.

        Args:
            backbone: as loaded by ``AutoModel`` or with the head of a masked language model, which
                is left behind.
            options: ``Config.model_options()``.
            labels: names of the classes, in the order of the logits.
            class_counts: training texts of each class; needed by
                ``class_weights="balanced"``.
        """
        config = cls.config_class(
            backbone=backbone.config,
            options=cls.settings.from_dict(options, where="options").model_options(),
            class_counts=None if class_counts is None else list(class_counts),
            id2label=dict(enumerate(labels)),
            label2id={label: index for index, label in enumerate(labels)},
        )
        model = cls(config)
        model.set_backbone(backbone)
        return model

    def set_backbone(self, backbone: PreTrainedModel) -> None:
        """Set the encoder, without its own pooler or head."""
        super().set_backbone(encoder_alone(backbone))

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Output:
        """Classify texts; with labels, compute the loss too.

        Args:
            input_ids: tokens, ``(B, L)``.
            attention_mask: 1 at real tokens, 0 at pads, ``(B, L)``, of any type; None is all real.
            labels: class numbers ``(B,)``, -100 for none.
            inputs_embeds: embeddings of the tokens ``(B, L, H)`` in place of ``input_ids``, as
                ``backbone.get_input_embeddings()`` gives them.

        Returns:
            Logits ``(B, C)`` in fp32; with labels, the loss and its parts.
        """
        tokens = tokens_or_embeddings(input_ids, inputs_embeds)
        mask = real_tokens(tokens, attention_mask)
        contrasts = labels is not None and self.training
        views = 2 if contrasts and self.options.self_supervised_weight else 1
        tokens = tokens.repeat(views, *[1] * (tokens.dim() - 1))
        mask = mask.repeat(views, 1)
        states = self.calibrated(self.encode(tokens, mask), mask)
        first, *second = self.dropout(self.pool(states, mask)).chunk(views)
        logits = self.head(first).float()
        if labels is None:
            return Output(logits=logits)
        parts = {"classification": Part(self.losses(logits, labels).sum(), labelled(labels).sum())}
        if second:
            contrast = partial(info_nce, temperature=self.options.temperature)
            weight = self.options.self_supervised_weight
            parts["self_supervised"] = self.coupled_part(
                "self_supervised", contrast, first, second[0], weight=weight
            )
        if contrasts:
            calibrated = average(states, mask)[: len(labels)]
            parts |= self.supervised_parts(first, calibrated, labels)
        return Output(loss=weighted_sum(parts), logits=logits, parts=parts)

    def losses(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Cross-entropy or focal loss per text, ``(B,)``."""
        weights = None if self.class_weights is None else logits.new_tensor(self.class_weights)
        gamma = self.options.focal_gamma if self.options.loss == "focal" else 0.0
        return focal(logits, labels, gamma=gamma, weights=weights)

    def supervised_parts(
        self, pooled: Tensor, calibrated: Tensor, labels: Tensor
    ) -> dict[str, Part]:
        """The contrastive terms that use labels.

        Args:
            pooled: the input of the head, ``(B, H)``.
            calibrated: means of the calibrated states, without dropout, ``(B, H)``.
            labels: ``(B,)``.
        """
        options = self.options
        contrast = partial(supervised_contrast, temperature=options.supervised_temperature)
        terms: dict[str, tuple[Tensor, float]] = {}
        if options.supervised_weight:
            terms["supervised"] = pooled, options.supervised_weight
        if options.variant == "contrastive":
            terms["calibration"] = calibrated, options.calibration_weight
        return {
            name: self.coupled_part(name, contrast, vectors, labels, weight=weight)
            for name, (vectors, weight) in terms.items()
        }

    def embed(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> Tensor:
        """One vector per text: the input of the head before dropout, ``(B, H)``."""
        tokens = tokens_or_embeddings(input_ids, inputs_embeds)
        mask = real_tokens(tokens, attention_mask)
        return self.pool(self.calibrated(self.encode(tokens, mask), mask), mask)

    def explain(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """The effect of the calibration gate on each token; 0 at padding.

        Returns:
            ``weights`` ``(B, L)``: the factor of each token, averaged over channels where the gate
            is per channel, 1 without a gate. ``before`` and ``after``: states, ``(B, L, H)``.
            ``channels`` ``(B, H)``: the factor of each channel, where the gate is per channel.
        """
        tokens = tokens_or_embeddings(input_ids, inputs_embeds)
        mask = real_tokens(tokens, attention_mask)
        padding = ~mask.unsqueeze(-1)
        before = self.encode(tokens, mask)
        found = {"before": before, "after": self.calibrated(before, mask)}
        found = {name: states.float().masked_fill(padding, 0.0) for name, states in found.items()}
        weights = torch.ones_like(found["before"][..., 0])
        if self.calibration is not None:
            factors = self.calibration.factors(before, mask).float()
            weights = weights * factors.mean(-1)
            if factors.shape[1:] == (1, before.shape[-1]):
                found["channels"] = factors[:, 0]
        return {"weights": weights.masked_fill(~mask, 0.0), **found}

    def encode(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """States of the encoder's last layer, ``(B, L, H)``.

        Args:
            tokens: ids ``(B, L)`` or embeddings ``(B, L, H)``.
            mask: True at real tokens, ``(B, L)``.
        """
        name = "input_ids" if tokens.dim() == 2 else "inputs_embeds"
        return self.backbone(**{name: tokens}, attention_mask=mask.long())[0]

    def calibrated(self, states: Tensor, mask: Tensor) -> Tensor:
        """States after the gate, ``(B, L, H)``; unchanged without one."""
        return states if self.calibration is None else self.calibration(states, mask)

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        """Calibrated states ``(B, L, H)`` → one vector per text, ``(B, H)``."""
        if self.options.pooling == "cls":
            return states[:, 0].to(self.dtype)
        return average(states, mask).to(self.dtype)

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """Labelled texts."""
        return {"classification": labelled(batch["labels"]).sum()}

    def parameter_groups(self, config: ClassificationConfig) -> list[dict[str, Any]] | None:
        """The gate has a learning rate of its own: its evidence must move from a near constant."""
        if self.calibration is None or config.gate_lr_factor == 1:
            return None
        rate = {True: config.lr * config.gate_lr_factor, False: config.lr}
        return optimiser_groups(
            self, lambda name: rate[name.startswith("calibration.")], config.weight_decay
        )

    def modules_to_bypass(self) -> dict[str, nn.Module]:
        """The gate and its parts; the first input of each can stand in for its output."""
        if self.calibration is None:
            return {}
        return {"calibration": self.calibration, **self.calibration.parts()}

    def gates(self) -> dict[str, CalibrationGate]:
        """The gate."""
        return {} if self.calibration is None else {"calibration": self.calibration}

    def _init_weights(self, module: nn.Module) -> None:
        """Initialise head and gate, layers as torch does."""
        if isinstance(module, nn.Linear | nn.Conv1d | CalibrationGate):
            module.reset_parameters()


def tokens_or_embeddings(input_ids: Tensor | None, inputs_embeds: Tensor | None) -> Tensor:
    """Whichever of the two is given.

    Raises:
        ValueError: both or neither are.
    """
    given = [tokens for tokens in (input_ids, inputs_embeds) if tokens is not None]
    if len(given) != 1:
        raise ValueError("give input_ids or inputs_embeds, not both and not neither")
    return given[0]


def real_tokens(tokens: Tensor, attention_mask: Tensor | None) -> Tensor:
    """True at real tokens, ``(B, L)``; in a text without any, the first counts as one."""
    if attention_mask is None:
        return torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
    return real_frames(attention_mask)
