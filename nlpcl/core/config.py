"""Configuration: one dataclass per model, whose fields are the flags of ``nlpcl train``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_type_hints

from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.json_files import DAMAGED
from nlpcl.core.needs import CORPUS, above

# Configurations, one's own too, import these from here.
from nlpcl.core.options import absent_values, check_fields
from nlpcl.core.options import flag as flag
from nlpcl.core.options import needing as needing
from nlpcl.core.options import option as option
from nlpcl.core.renamed import RenamedFields, with_present_names
from nlpcl.core.shapes import fault

if TYPE_CHECKING:
    from nlpcl.core.splits import Splits

Precision = Literal["auto", "fp32", "bf16", "fp16"]
Divergence = Literal["auto", "softmax", "sigmoid"]

SPEED_ALONE = ("device", "threads")
"""Options that change where and how fast a model is trained, and its numbers by rounding alone."""


@dataclass(kw_only=True)
class RunConfig(RenamedFields):
    """Settings common to the training of all models; a model's ``Config`` adds its own."""

    task: ClassVar[str] = ""
    paper: ClassVar[str] = ""
    former_methods: ClassVar[Mapping[str, str]] = {"learning_rate_course": "learning_rate_schedule"}

    data: str = option(
        "sample",
        "Dataset name, comma-separated names, a file, a folder, or hf:OWNER/NAME",
        panel="Data",
    )
    data_root: str | None = option(
        None,
        "Folder with the corpora (or set NLPCL_DATA)",
        panel="Data",
        needs=CORPUS,
    )
    dev_fraction: float = option(
        0.1,
        "Fraction of the training rows held out for validation if a corpus has no dev set",
        panel="Data",
        above=0,
        below=1,
    )
    train_fraction: float = option(
        1.0,
        "Fraction of the training rows to use, chosen by a hash of each row",
        panel="Data",
        above=0,
        at_most=1,
    )
    keep_overlap: bool = option(
        False, "Keep training rows that also occur in a test set", panel="Data"
    )
    unescape_html: bool = option(
        False, "Decode HTML entities such as &amp; in the texts", panel="Data"
    )
    backbone: str = option(
        "builtin",
        "builtin, scratch (small, fresh weights), a Hugging Face folder, a run folder, or a hub id",
        panel="Encoder",
    )
    max_length: int = option(
        128,
        "Maximum input length; longer texts are split",
        panel="Encoder",
        unit="tokens",
        at_least=8,
    )
    epochs: int = option(20, "Passes over the training data", panel="Training", at_least=1)
    batch_size: int = option(16, "Rows per forward pass", panel="Training", unit="rows", at_least=1)
    grad_accumulation: int = option(
        1,
        "Forward passes per update (gradient accumulation); the loss equals that of one big batch",
        panel="Training",
        at_least=1,
        formerly=("accumulate",),
    )
    lr: float = option(7e-5, "Peak learning rate (AdamW)", panel="Training", above=0)
    weight_decay: float = option(0.01, "AdamW weight decay", panel="Training", at_least=0)
    warmup_ratio: float = option(
        0.1,
        "Fraction of the updates over which the learning rate rises linearly",
        panel="Training",
        at_least=0,
        below=1,
        formerly=("warmup",),
    )
    max_grad_norm: float = option(
        1.0,
        "Maximum gradient norm, for clipping; 0 disables clipping",
        panel="Training",
        at_least=0,
        formerly=("clip",),
    )
    patience: int = option(
        0,
        "Epochs without a better dev score before training stops early; 0 never stops early",
        panel="Training",
        unit="epochs",
        at_least=0,
    )
    rdrop: float = option(
        0.0,
        "Weight λ of R-Drop: the divergence of two dropout passes, beside their mean loss",
        panel="Regularisation",
        at_least=0,
    )
    rdrop_divergence: Divergence = option(
        "auto",
        "Divergence of R-Drop; auto is what the model's probabilities are made by",
        panel="Regularisation",
        needs=above("rdrop", 0),
    )
    rdrop_delay: float = option(
        0.0,
        "Epochs before R-Drop begins",
        panel="Regularisation",
        unit="epochs",
        at_least=0,
        needs=above("rdrop", 0),
    )
    rdrop_ramp: float = option(
        1.0,
        "Epochs over which its weight then rises linearly to λ",
        panel="Regularisation",
        unit="epochs",
        at_least=0,
        needs=above("rdrop", 0),
    )
    vat: float = option(
        0.0,
        "Size ε of the perturbation of virtual adversarial training, as those of FGM and PGD the "
        "norm over a row, in norms of a token's embedding or of a frame; 0 is none",
        panel="Regularisation",
        at_least=0,
    )
    vat_weight: float = option(
        1.0,
        "Weight of the divergence between the scores with and without it",
        panel="Regularisation",
        above=0,
        needs=above("vat", 0),
    )
    vat_divergence: Divergence = option(
        "auto",
        "Divergence of VAT; auto is what the model's probabilities are made by",
        panel="Regularisation",
        needs=above("vat", 0),
    )
    vat_xi: float = option(
        1.0,
        "Size ξ of the perturbation that its direction is sought at",
        panel="Regularisation",
        above=0,
        needs=above("vat", 0),
    )
    vat_iterations: int = option(
        1,
        "Power iterations in the search of its direction",
        panel="Regularisation",
        at_least=1,
        needs=above("vat", 0),
    )
    fgm: float = option(
        0.0,
        "Size ε of the perturbation along the gradient at which the loss is added (FGM); 0 is none",
        panel="Regularisation",
        at_least=0,
    )
    pgd: float = option(
        0.0,
        "Greatest size ε of the perturbation sought in several steps (PGD); 0 is none",
        panel="Regularisation",
        at_least=0,
    )
    pgd_step_size: float = option(
        0.4,
        "Size α of a step of PGD, as a fraction of ε",
        panel="Regularisation",
        above=0,
        at_most=1,
        needs=above("pgd", 0),
    )
    pgd_steps: int = option(
        3, "Steps of PGD", panel="Regularisation", at_least=1, needs=above("pgd", 0)
    )
    ema: float = option(
        0.0,
        "Decay of a moving average of the weights, which is scored and saved in their place; "
        "0 is none",
        panel="Regularisation",
        at_least=0,
        below=1,
    )
    seed: int = option(
        0, "Seed for initial weights, data order and dropout", panel="Training", at_least=0
    )
    precision: Precision = option(
        "auto",
        "Floating-point format; auto is bf16 where the hardware supports it",
        panel="Machine",
    )
    device: str = option(
        "auto", "cpu, cuda, cuda:1 or mps; auto picks the fastest", panel="Machine"
    )
    threads: int = option(0, "CPU threads; 0 leaves it to torch", panel="Machine", at_least=0)

    @property
    def folds(self) -> bool:
        """Whether the training is repeated over the folds of a protocol."""
        return False

    def check(self) -> Self:
        """Reject invalid values before anything is loaded.

        Raises:
            UserError: naming the flag, the bound and the value.
        """
        check_fields(self)
        return self

    def learning_rate_schedule(self, updates: int) -> Callable[[int], float] | None:
        """Factor of the peak learning rate by update; None for linear warm-up and decay."""
        return None

    def idle(self, splits: Splits) -> dict[str, str]:
        """Settings that change nothing for these rows, whatever their value → why."""
        return splits.idle

    def columns(self) -> dict[str, str]:
        """Map fields of a row to the columns that the user named for them."""
        return {}

    def data_options(self) -> dict[str, Any]:
        """Options for selecting rows, passed to the task's schema."""
        return {}

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain values, for ``run.json``."""
        return dataclasses.asdict(self)

    def model_options(self) -> dict[str, Any]:
        """The fields under the heading Model, which a saved model needs to be rebuilt."""
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.metadata.get("panel") == "Model"
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, where: str = "run.json") -> Self:
        """The reverse of :meth:`as_dict`; fields may have their former names.

        Raises:
            UserError: a name of no field, two names of one field, or a value of another type.
        """
        values = with_present_names(cls, values, where=where)
        known = {field.name for field in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise unknown_name("setting", name, known, where=where)
        hints = get_type_hints(cls)
        for name, value in values.items():
            if what := fault(value, hints[name], name):
                raise UserError(what, where)
        return cls(**values)

    @classmethod
    def from_saved(cls, values: Mapping[str, Any], *, where: str = "run.json") -> Self:
        """:meth:`from_dict` of what a run or a model has saved, perhaps an older one.

        Options that were not there yet have the value that stands for how things were.

        Raises:
            UserError: as :meth:`from_dict`, or a value is out of its bounds.
        """
        made = cls.from_dict({**absent_values(cls), **values}, where=where)
        try:
            check_fields(made)
        except UserError as error:
            raise UserError(f"{error.where}: {error.what}", where, DAMAGED) from error
        return made
