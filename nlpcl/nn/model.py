"""What the zoo's models have in common: building, the output of ``forward``, saving.

Legend: ``B`` batch, ``L`` tokens, ``V`` vocabulary, ``H`` hidden size.
"""
# transformers leaves its own methods, which are called and extended here, without types.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, cast, runtime_checkable

import torch
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModel,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.generic import ModelOutput

from nlpcl.core.config import RunConfig
from nlpcl.nn.layers.attention import MatchingAttention, SelfAttention
from nlpcl.nn.layers.calibration_gates import CalibrationGate

Batch = Mapping[str, Tensor]
IGNORE = -100
"""Label of positions and rows that take no part in a loss."""


class Part(NamedTuple):
    """One term of a loss: a sum, how many items it runs over, and its weight in the total.

    The mean is ``total / count``. Keeping both makes gradient accumulation exact: the trainer
    divides the sums of all micro-batches by the counts of all of them. ``is_coupled`` says that the
    term compares items, see :meth:`ZooModel.coupled_part`.
    """

    total: Tensor
    count: Tensor  # pyright: ignore[reportIncompatibleMethodOverride] # hides tuple.count
    weight: float = 1.0
    is_coupled: bool = False

    def mean(self) -> Tensor:
        """The term itself; 0 where there was nothing to sum."""
        return self.total / self.count.clamp(min=1)


@dataclass
class Output(ModelOutput):
    """What ``forward`` returns.

    Args:
        loss: the weighted sum of the parts' means, a scalar; None without labels.
        logits: the task's scores; correction: ``(B, L, V)``; None while training.
        parts: every loss term by name.
        states: where a model over a vocabulary returns no logits, what its head gets at the
            labelled places, ``(N, H)``; see :class:`nlpcl.nn.vocabulary.ComparesPlaces`.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    parts: dict[str, Part] | None = None
    states: Tensor | None = None


def weighted_sum(parts: Mapping[str, Part], counts: Mapping[str, Tensor] | None = None) -> Tensor:
    """The loss of named parts.

    Args:
        parts: the terms of this batch.
        counts: how many items each term runs over in the whole update; the batch's own by default.
    """
    terms = [
        part.weight * part.total / (counts or {}).get(name, part.count).clamp(min=1)
        for name, part in parts.items()
    ]
    return torch.stack(terms).sum()


Tensors = tuple[Tensor, ...]
Gather = Callable[[str, Tensors], Tensors]
"""The name of a loss term and what it compares, of a batch → the same of the whole update."""


class ZooConfig(PreTrainedConfig):
    """The saved form of a model: its encoder's configuration and its own options."""

    model_type = "nlpcl"

    def __init__(
        self,
        backbone: PreTrainedConfig | dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(backbone, dict):
            values = dict(backbone)
            backbone = AutoConfig.for_model(values.pop("model_type"), **values)
        self.backbone = backbone
        self.options = options or {}
        super().__init__(**kwargs)
        self.keys_to_ignore_at_inference = ["parts"]


class ZooModel(PreTrainedModel):
    """Base of the zoo's models: an encoder and what a paper puts on top.

    A subclass sets ``name``, builds itself from a :class:`ZooConfig`, keeps its encoder in the
    attribute ``backbone``, and defines ``forward(...) -> Output`` without ``**kwargs``.
    """

    name: ClassVar[str] = ""
    auto_class: ClassVar[type] = AutoModel
    """The transformers class that loads an encoder for this model."""
    output_activation: ClassVar[Literal["softmax", "sigmoid"] | None] = "softmax"
    """What turns logits into the probabilities that regularisers compare: softmax over the last
    dimension, or sigmoid of each cell of ``(B, C, ...)``, -inf where there is none. None: none."""

    config_class: Any = ZooConfig
    base_model_prefix = ""
    accepts_loss_kwargs = False
    config: ZooConfig

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        # Drawn before any module is made, so that it is the same whatever modules follow.
        self._streams = int(torch.randint(2**62, (), device="cpu"))
        self.gather: Gather | None = None
        self.passes = 1
        """How often each row is in a training batch; with R-Drop twice, first all, then again."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.name:
            # Without an __init__ of its own, transformers would make one from dataclass fields.
            attributes = {
                "model_type": f"nlpcl-{cls.name}",
                "sub_configs": {"backbone": AutoConfig},
                "__init__": ZooConfig.__init__,
                "__module__": cls.__module__,
            }
            cls.config_class = type(f"{cls.__name__}Config", (ZooConfig,), attributes)
            cls.register()

    @classmethod
    def build(cls, backbone: PreTrainedModel, options: Mapping[str, Any], **facts: Any) -> ZooModel:
        """A new model around a loaded encoder.

        Args:
            backbone: as loaded by ``auto_class``.
            options: the configuration's fields under the heading Model.
            facts: of the training rows, such as the classes; a model names those it has use for.
        """
        model = cls(cls.config_class(backbone=backbone.config, options=dict(options)))
        model.set_backbone(backbone)
        return model

    def post_init(self) -> None:
        """Initialise by ``_init_weights``, each module from a random stream of its own.

        The stream depends on the seed and the module's name, so what two variants of a model have
        in common begins with the same weights, whatever else one of them has. A model with weights
        of its own kind initialises them in ``_init_weights``, as transformers asks for.
        """
        super().post_init()
        if any(weight.is_meta for weight in self.parameters()):
            return  # about to be loaded
        state = torch.get_rng_state()
        with torch.no_grad():
            for name, module in self.own_modules():
                key = hashlib.sha256(f"{self._streams}:{name}".encode()).digest()
                torch.default_generator.manual_seed(int.from_bytes(key[:7], "big"))
                self._init_weights(module)
        torch.set_rng_state(state)

    def own_modules(self) -> Iterator[tuple[str, torch.nn.Module]]:
        """Yield all modules with their names, except those inside encoders."""
        modules = list(cast(Iterator[tuple[str, torch.nn.Module]], self.named_modules()))
        inner = [name for name, module in modules if name and isinstance(module, PreTrainedModel)]
        for name, module in modules:
            if not any(name == other or name.startswith(f"{other}.") for other in inner):
                yield name, module

    @classmethod
    def prepare(
        cls, backbone: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, config: RunConfig
    ) -> PreTrainedTokenizerBase:
        """Change a loaded encoder before the model is built; returns the tokenizer to use."""
        return tokenizer

    def set_backbone(self, backbone: PreTrainedModel) -> None:
        """Put a loaded encoder in place of the randomly initialised one."""
        self.backbone = backbone

    def before_training(
        self,
        config: RunConfig,
        tokenizer: PreTrainedTokenizerBase,
        load: Callable[[str], tuple[PreTrainedModel, PreTrainedTokenizerBase]],
    ) -> None:
        """Load what training needs and the saved model does not, such as a teacher.

        Args:
            config: the run's configuration.
            tokenizer: the model's.
            load: opens another encoder by its name, with its tokenizer.
        """

    def set_input_statistics(self, inputs: Iterable[Tensor]) -> None:
        """Called with the training inputs, for models that learn their scale."""

    def set_progress(self, done: float) -> None:
        """Called before every update with the fraction of updates done, 0 to 1."""

    def scheduled(self) -> dict[str, float]:
        """Values set by :meth:`set_progress`, by their column in ``history.csv``."""
        return {}

    def parameter_groups(self, config: RunConfig) -> list[dict[str, Any]] | None:
        """Groups for the optimiser, each with its ``lr``; None is one rate for all weights."""
        return None

    def counts(self, batch: Batch) -> dict[str, Tensor]:
        """Number of items of each loss part, known from the batch alone.

        Others are averaged over micro-batches; those of :meth:`coupled_part` count by themselves.
        """
        return {}

    def coupled_part(
        self,
        name: str,
        loss: Callable[..., tuple[Tensor, Tensor]],
        *compared: Tensor,
        weight: float = 1.0,
    ) -> Part:
        """A loss term that compares the items of a batch with one another, such as a contrast.

        Its sum over micro-batches is not that of the whole batch, so the trainer gives it the items
        of all micro-batches of the update.

        Args:
            name: of the part.
            loss: the tensors compared → sum and count.
            compared: tensors of the items ``(B, ...)``; where they have places ``(B, L, ...)``,
                zeros fill them up to the longest.
            weight: of the term in the total.
        """
        pieces = [tensor.chunk(self.passes) for tensor in compared]
        # Each pass by itself: a row's second pass is not another item.
        found = tuple(piece for one in zip(*pieces, strict=True) for piece in one)
        if self.gather is not None:
            found = self.gather(name, found)
        size = len(compared)
        sums = [loss(*found[at : at + size]) for at in range(0, len(found), size)]
        total, count = (torch.stack(values).sum() for values in zip(*sums, strict=True))
        return Part(total, count, weight, is_coupled=True)

    def perturbed_module(self) -> torch.nn.Module:
        """The module whose output adversarial training perturbs, ``(B, L, H)``.

        That of its first call in a forward pass: the embeddings of the tokens, or frames; a model
        that has neither raises NotImplementedError.
        """
        if self.config.backbone is None:
            raise NotImplementedError
        return self.backbone.get_input_embeddings()

    def modules_to_bypass(self) -> dict[str, torch.nn.Module]:
        """Named modules that can be bypassed in the trained model."""
        return {}

    def gates(self) -> dict[str, CalibrationGate]:
        """Named gates, whose factors are reported and may be replaced by their mean."""
        return {}

    def attentions(self) -> dict[str, MatchingAttention | SelfAttention]:
        """Named attention besides that of an encoder, which may be made uniform."""
        return {}

    @classmethod
    def register(cls) -> None:
        """Let ``AutoConfig`` and ``AutoModel`` (and ``auto_class``) open the saved model."""
        AutoConfig.register(cls.config_class.model_type, cls.config_class, exist_ok=True)
        for auto in {AutoModel, cls.auto_class}:
            auto.register(cls.config_class, cls, exist_ok=True)


@runtime_checkable
class Embeds(Protocol):
    """A model that embeds rows: one vector each, the input of its head."""

    def embed(self, *arguments: Any, **named: Any) -> Tensor:
        """Vectors ``(B, D)``."""
        ...
