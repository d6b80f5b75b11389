"""Progressive distillation (MobileBERT, Sun et al., ACL 2020, section 3.3 and 3.4).

Training first proceeds layer by layer: layer ``l`` of the student learns the states and attention
of the matching teacher layer, while the student layers below it are frozen. Then all layers are
trained together, with the masked language modelling loss added. Terms: ``states``, the squared
error of the states (feature map transfer); ``attention``, the divergence KL(teacher ‖ student) of
each head's attention rows; ``changed`` and ``kept`` as in the model ``mlm``.

Differences from the paper: the student has fewer layers than the teacher, so layer ``l`` of ``S``
learns layer ``round(l T / S)`` of ``T``; there are no bottlenecks; next-sentence prediction is left
out.

Legend: ``B`` batch, ``L`` tokens, ``A`` heads, ``H`` width.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from nlpcl.core.errors import UserError
from nlpcl.nn.model import Batch, Output, Part, ZooConfig, weighted_sum
from nlpcl.text import pruning
from nlpcl.zoo.distill.config import Config
from nlpcl.zoo.masked_lm import RestoringModel

Layer = tuple[Tensor, Tensor]
"""States ``(B, L, H)`` and attention weights ``(B, A, L, L)``."""

TINY = 1e-9
"""Probabilities are clamped to this before their logarithm is taken."""


class Distillation(RestoringModel):
    """A masked language model that learns from the layers of a bigger one.

    The teacher is used in training only and is not saved.
    """

    name = "distill"
    output_activation = None
    """It learns layers, one after the other, without dropout."""
    settings = Config
    options: Config

    def __init__(self, config: ZooConfig) -> None:
        super().__init__(config)
        self.teacher: tuple[PreTrainedModel, ...] = ()  # a tuple, so that it is no submodule
        self.stage: int | None = None
        self.progressive_fraction = 0.0

    @classmethod
    def prepare(cls, backbone: PreTrainedModel, tokenizer: Any, config: Config) -> Any:
        """Cut the student to ``--layers`` layers, by default half of those it has."""
        layers = config.layers or max(1, len(pruning.blocks(backbone)) // 2)
        return super().prepare(backbone, tokenizer, dataclasses.replace(config, layers=layers))

    def before_training(
        self, config: Config, tokenizer: Any, load: Callable[[str], tuple[Any, Any]]
    ) -> None:
        """Load the teacher, with the student's vocabulary.

        Raises:
            UserError: its vocabulary, hidden size or number of heads differs.
        """
        name = config.teacher or config.backbone
        teacher, its_tokenizer = load(name)
        if config.pieces:
            its_tokenizer = pruning.keep_pieces(teacher, its_tokenizer, config.pieces)
        where, how = f"--teacher {name}", "Give an encoder that the student was cut from."
        if its_tokenizer.get_vocab() != tokenizer.get_vocab():
            raise UserError("its vocabulary is not the student's", where, how)
        for size in ("hidden_size", "num_attention_heads"):
            own, its = getattr(self.backbone.config, size), getattr(teacher.config, size)
            if own != its:
                raise UserError(f"its {size} is {its}, the student's {own}", where, how)
        self.progressive_fraction = config.progressive_fraction
        self.teacher = (teacher.base_model.eval().requires_grad_(False),)
        for module in self.backbone.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0

    def set_progress(self, done: float) -> None:
        """Choose the layer to train from now on; None is all of them.

        Args:
            done: fraction of the updates that are done, from 0 to 1.
        """
        blocks = pruning.blocks(self.backbone)
        end = self.progressive_fraction
        stage = int(done / end * len(blocks)) if done < end else None
        if stage == self.stage and done:
            return
        self.stage = stage
        self.requires_grad_(stage is None)
        if stage is not None:
            blocks[stage].requires_grad_(True)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None
    ) -> Output:
        """As in ``mlm``; a teacher and labels add the parts ``states`` and ``attention``.

        While a single layer is trained, these two are the only parts.
        """
        if not self.teacher or labels is None:
            return super().forward(input_ids, attention_mask, labels)
        if self.training and self.stage is not None:
            layers = [self.stage + 1]
            ours = run_layers(self.backbone.base_model, input_ids, attention_mask, layers)
            parts = self.imitation(ours, input_ids, attention_mask, layers)
            return Output(loss=weighted_sum(parts), parts=parts)
        layers = list(range(1, self.backbone.config.num_hidden_layers + 1))
        ours = run_layers(self.backbone.base_model, input_ids, attention_mask, layers)
        output = self.restore(ours[-1][0], input_ids, labels)
        assert output.parts is not None
        parts = output.parts | self.imitation(ours, input_ids, attention_mask, layers)
        return Output(loss=weighted_sum(parts), logits=output.logits, parts=parts)

    def imitation(
        self, ours: list[Layer], input_ids: Tensor, attention_mask: Tensor, layers: list[int]
    ) -> dict[str, Part]:
        """Distance of the student's layers from the teacher layers they learn from.

        Args:
            ours: states and attention weights of the student's layers.
            input_ids: ``(B, L)``.
            attention_mask: ``(B, L)``.
            layers: numbers of these layers in the student, counted from 1.

        Returns:
            ``states``: mean over tokens, layers and width of the squared error;
            ``attention``: mean over tokens, layers and heads of KL(teacher ‖ student), in nats.
        """
        teacher: Any = self.teacher[0]
        teacher.to(input_ids.device)
        total = self.backbone.config.num_hidden_layers
        matched = [round(layer * teacher.config.num_hidden_layers / total) for layer in layers]
        with torch.no_grad():
            theirs = run_layers(teacher, input_ids, attention_mask, matched)
        real = attention_mask.bool()
        states = attention = torch.zeros((), device=input_ids.device)
        for (state, weights), (its_state, its_weights) in zip(ours, theirs, strict=True):
            error = (state.float() - its_state.float()).square().mean(-1)  # (B, L)
            states = states + error[real].sum()
            right = its_weights.float()  # (B, A, L, L)
            logs = weights.float().clamp(min=TINY).log()
            divergence = right * (right.clamp(min=TINY).log() - logs)
            attention = attention + divergence.sum(-1).mean(1)[real].sum()
        count = real.sum() * len(layers)
        return {
            "states": Part(states, count, self.options.states_weight),
            "attention": Part(attention, count, self.options.attention_weight),
        }

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """Labelled characters, and for each layer that is trained the tokens."""
        if not self.teacher:
            return super().counts(batch)
        tokens = batch["attention_mask"].sum()
        if self.training and self.stage is not None:
            return {"states": tokens, "attention": tokens}
        tokens = tokens * self.backbone.config.num_hidden_layers
        return super().counts(batch) | {"states": tokens, "attention": tokens}


def run_layers(
    model: Any, input_ids: Tensor, attention_mask: Tensor, layers: list[int]
) -> list[Layer]:
    """States and attention weights of the given layers, counted from 1.

    Layers above the last of them are not run.
    """
    kept, attention = model.encoder.layer, model.config._attn_implementation
    states: dict[int, Tensor] = {}
    weights: dict[int, Tensor] = {}

    def keep(place: dict[int, Tensor], layer: int, index: int) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            place[layer] = output[index] if isinstance(output, tuple) else output

        return hook

    hooks = []
    for layer in layers:
        hooks.append(kept[layer - 1].register_forward_hook(keep(states, layer, 0)))
        core = kept[layer - 1].attention.self
        hooks.append(core.register_forward_hook(keep(weights, layer, 1)))
    model.encoder.layer = kept[: max(layers)]
    # Only the eager implementation returns attention weights.
    model.set_attn_implementation("eager")
    try:
        model(input_ids=input_ids, attention_mask=attention_mask)
    finally:
        model.encoder.layer = kept
        model.set_attn_implementation(attention)
        for hook in hooks:
            hook.remove()
    return [(states[layer], weights[layer]) for layer in layers]
