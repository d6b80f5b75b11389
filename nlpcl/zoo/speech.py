"""Common code of the speech classifiers: input, encoder, losses, embedding and saved form.

A subclass turns frames into one vector per clip (``pool``) and that into scores (``classify``).

Legend: ``B`` batch, ``T`` frames (or samples), ``K`` layers, ``H`` width, ``D`` pooled width,
``C`` classes, ``S`` speakers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModel, PreTrainedModel

from nlpcl.nn.layers.layer_mixture import LayerMixture
from nlpcl.nn.layers.normalisation import InstanceNorm, Standardisation, statistics
from nlpcl.nn.layers.pooling import neighbours_averaged, over_frames, real_frames, spread
from nlpcl.nn.layers.recurrent import initialise_gru
from nlpcl.nn.losses.classification import balanced_weights, focal, labelled
from nlpcl.nn.model import (
    Batch,
    Output,
    Part,
    ZooConfig,
    ZooModel,
    weighted_sum,
)
from nlpcl.nn.optimisation import optimiser_groups
from nlpcl.tasks.emotion.config import EmotionConfig


class SpeechClassifier(ZooModel):
    """Base class of the zoo's speech classifiers.

    The configuration names the classes in ``id2label`` and holds ``sizes``: the arguments of
    :meth:`build` but for labels and encoder. It has no ``backbone`` if features come from outside.
    """

    settings: ClassVar[type[EmotionConfig]] = EmotionConfig
    """The model's ``Config``."""
    main_input_name = "inputs"

    def __init__(self, config: ZooConfig) -> None:
        super().__init__(config)
        sizes = getattr(config, "sizes", None)
        if sizes is None:
            raise ValueError("a classifier of speech is made by build(), which gives its sizes")
        self.options: Any = self.settings.from_saved(config.options, where="config.json")
        self.width, self.speakers = int(sizes["width"]), int(sizes["speakers"])
        self.classes = len(config.id2label or {})
        self.backbone: Any = None
        if config.backbone is not None:
            self.set_backbone(AutoModel.from_config(config.backbone, trust_remote_code=False))
        channel = self.options.input_norm == "channel"
        self.standardisation = Standardisation(self.width, sizes["layers"]) if channel else None
        self.mixture = LayerMixture(sizes["layers"]) if sizes["layers"] > 1 else None
        self.frames_in = nn.Identity()
        balanced = self.options.class_weights == "balanced"
        if balanced and not sizes["class_counts"]:
            raise ValueError("balanced class weights need class_counts")
        self.class_weights = balanced_weights(sizes["class_counts"]) if balanced else None

    @classmethod
    def build(
        cls,
        backbone: PreTrainedModel | None,
        options: Mapping[str, Any],
        *,
        width: int,
        layers: int,
        labels: Sequence[str],
        speakers: int,
        class_counts: Sequence[int] | None = None,
    ) -> Self:
        """A new model.

        Args:
            backbone: for ``--encoder partial|full``, as loaded by ``load_speech_encoder``; None
                where features come from outside.
            options: ``Config.model_options()``.
            width: width H of the frames.
            layers: layers K that the input has, or that the encoder gives; 1 for a single one.
            labels: names of the classes, in the order of the logits.
            speakers: training speakers S.
            class_counts: training clips of each class; needed by ``class_weights="balanced"``.
        """
        config = cls.config_class(
            backbone=None if backbone is None else backbone.config,
            options=dict(options),
            sizes={
                "width": width,
                "layers": layers,
                "speakers": speakers,
                "class_counts": None if class_counts is None else list(class_counts),
            },
            id2label=dict(enumerate(labels)),
            label2id={label: index for index, label in enumerate(labels)},
        )
        model = cls(config)
        if backbone is not None:
            model.set_backbone(backbone)
        return model

    def forward(
        self,
        inputs: Tensor,
        attention_mask: Tensor,
        labels: Tensor | None = None,
        speakers: Tensor | None = None,
    ) -> Output:
        """Classify clips; with labels, compute the loss too.

        Args:
            inputs: frames ``(B, T, H)``, those of K layers ``(B, K, T, H)``, or, with an encoder in
                the model, waveforms ``(B, T)`` at 16 kHz.
            attention_mask: 1 at real frames or samples, 0 at the padding behind them, ``(B, T)``.
            labels: class numbers ``(B,)``, -100 for none, or class probabilities ``(B, C)``.
            speakers: numbers of the training speakers ``(B,)``, -100 for others, or speaker
                probabilities ``(B, S)``; used in training only.

        Returns:
            Logits ``(B, C)`` in fp32; with labels, the part ``emotion`` and those of the model.
        """
        pooled = self.embed(inputs, attention_mask)
        logits = self.classify(pooled).float()
        if labels is None:
            return Output(logits=logits)
        weights = None if self.class_weights is None else logits.new_tensor(self.class_weights)
        losses = focal(
            logits,
            labels,
            gamma=self.options.focal_gamma if self.options.loss == "focal" else 0.0,
            weights=weights,
            smoothing=self.options.label_smoothing,
        )
        parts = {"emotion": Part(losses.sum(), labelled(labels).sum())}
        parts |= self.further_parts(pooled, speakers)
        return Output(loss=weighted_sum(parts), logits=logits, parts=parts)

    def embed(self, inputs: Tensor, attention_mask: Tensor) -> Tensor:
        """One vector per clip, the input of the head, ``(B, D)``."""
        return self.pool(*self.frames(inputs, attention_mask))

    def explain(self, inputs: Tensor, attention_mask: Tensor) -> Tensor | None:
        """Attention weight of each frame, before dropout, ``(B, T)``; None without attention.

        The mean over heads and over the real frames that attend; the weights of a clip sum to 1 and
        are 0 at padding. With an encoder in the model, T counts its frames. Frames averaged by
        ``frame_pool`` share the weight of their average equally.
        """
        states, mask = self.encoded(inputs, attention_mask)
        pooled, runs = self.pooled_frames(states, mask)
        weights = self.attention_weights(pooled, runs)
        if weights is None:
            return None
        return spread(over_frames(weights, runs), mask, self.options.frame_pool)

    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        """Frames ``(B, T, H)`` and their mask ``(B, T)`` → one vector per clip, ``(B, D)``."""
        raise TypeError(f"{type(self).__name__} defines no pool()")

    def classify(self, pooled: Tensor) -> Tensor:
        """``(B, D)`` → logits ``(B, C)``."""
        raise TypeError(f"{type(self).__name__} defines no classify()")

    def attention_weights(self, states: Tensor, mask: Tensor) -> Tensor | None:
        """Weights before dropout, averaged over heads, ``(B, T, T)``; None without attention."""
        return None

    def further_parts(self, pooled: Tensor, speakers: Tensor | None) -> dict[str, Part]:
        """Loss terms that a model adds to the classification loss."""
        return {}

    def frames(self, inputs: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """The input of :meth:`pool`: normalised frames ``(B, T, H)`` and their mask ``(B, T)``.

        T counts the frames after average pooling by ``frame_pool``.
        """
        return self.pooled_frames(*self.encoded(inputs, attention_mask))

    def pooled_frames(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Frames after average pooling by ``frame_pool``, and their mask."""
        size = self.options.frame_pool
        return (states, mask) if size == 1 else neighbours_averaged(states, mask, size)

    def encoded(self, inputs: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised frames, zero at padding, ``(B, T, H)``, and their mask, ``(B, T)``."""
        if self.backbone is None:
            states, mask = inputs, attention_mask
        elif self.mixture is None:
            states, mask = self.backbone(inputs, attention_mask.sum(1))
        else:
            every, mask = self.backbone.all_states(inputs, attention_mask.sum(1))
            states = torch.stack(every, dim=1)
        mask = real_frames(mask)
        if self.standardisation is not None:
            states = self.standardisation(states)
        elif self.options.input_norm != "none":
            states = functional.layer_norm(states.float(), states.shape[-1:])
        if self.mixture is not None:
            states = self.mixture(states)
        elif states.dim() == 4:  # a weighted sum of one layer
            states = states[:, 0]
        return self.frames_in(states.masked_fill(~mask.unsqueeze(-1), 0.0).to(self.dtype)), mask

    def perturbed_module(self) -> nn.Module:
        """Passes on the normalised frames, which are zero at padding, ``(B, T, H)``."""
        return self.frames_in

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """Labelled clips."""
        return {"emotion": labelled(batch["labels"]).sum()}

    def set_input_statistics(self, features: Iterable[Tensor]) -> None:
        """Set each channel's mean and deviation for ``--input-norm channel``; else do nothing.

        Args:
            features: the training clips, ``(T, H)`` or ``(K, T, H)``; read only if needed.
        """
        if self.standardisation is not None:
            self.standardisation.set_statistics(*statistics(features))

    def set_backbone(self, backbone: PreTrainedModel) -> None:
        """Set the encoder and freeze what ``--encoder`` does not train, and what is never used.

        ``full`` trains everything that the chosen layer depends on. ``partial`` trains the top
        layers up to it; the convolutions, the embeddings and the lower layers are frozen.
        """
        super().set_backbone(backbone)
        backbone.requires_grad_(self.options.encoder == "full")
        whole: Any = backbone
        stack = whole if hasattr(whole, "layers") else whole.encoder.encoder
        used = whole.config.layer
        if self.options.encoder == "partial":
            for block in stack.layers[:used][-self.options.unfreeze :]:
                block.requires_grad_(True)
        if used < len(stack.layers):
            stack.layers[used:].requires_grad_(False)
            inner = getattr(whole.config, "encoder", None)
            last_norm = inner is None or inner.do_stable_layer_norm
            if last_norm and stack.layer_norm is not None:
                stack.layer_norm.requires_grad_(False)
        for name, weight in backbone.named_parameters():
            if name.endswith("masked_spec_embed"):
                weight.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Switch the mode; frozen modules of the encoder stay in evaluation mode (no dropout)."""
        super().train(mode)
        for module in self.backbone.modules() if self.backbone is not None else ():
            weights = list(module.parameters())
            if weights and not any(weight.requires_grad for weight in weights):
                module.eval()
        return self

    def parameter_groups(self, config: EmotionConfig) -> list[dict[str, Any]]:
        """Parameter groups for the optimiser: encoder and head, each with its learning rate."""
        rate = {True: config.encoder_lr, False: config.lr}
        return optimiser_groups(
            self, lambda name: rate[name.startswith("backbone.")], config.weight_decay
        )

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.GRU):
            initialise_gru(module)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm | InstanceNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
            if isinstance(module, InstanceNorm) and module.gain is not None:
                nn.init.ones_(module.gain)
        elif isinstance(module, LayerMixture):
            nn.init.zeros_(module.logits)
            nn.init.ones_(module.gain)
