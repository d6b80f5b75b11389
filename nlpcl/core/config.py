"""Configuration: one dataclass per model, whose fields are the flags of ``nlpcl train``."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, get_args, get_origin, get_type_hints

from nlpcl.core.errors import UserError, unknown_name
from nlpcl.core.json_files import DAMAGED
from nlpcl.core.needs import CORPUS, Needs
from nlpcl.core.renamed import RenamedFields, with_present_names
from nlpcl.core.shapes import fault

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from nlpcl.core.splits import Splits

Precision = Literal["auto", "fp32", "bf16", "fp16"]

SPEED_ALONE = ("device", "threads")
"""Options that change where and how fast a model is trained, and its numbers by rounding alone."""


def option(
    default: Any,
    help: str,
    *,
    panel: str = "Model",
    unit: str = "",
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    formerly: Sequence[str] = (),
    absent: Any = dataclasses.MISSING,
    needs: Needs = (),
) -> Any:
    """Declare a dataclass field that is also a command-line flag.

    Args:
        default: value without the flag.
        help: one line for ``--help``.
        panel: heading in ``--help``; fields under ``Model`` are saved with the model.
        unit: unit of the value, shown in ``--help``.
        above: exclusive lower bound; bounds are checked before any work starts.
        at_least: inclusive lower bound.
        below: exclusive upper bound.
        at_most: inclusive upper bound.
        formerly: names it had in earlier releases. Runs, saved models and model folders that use
            them stay valid; as flags they work for one release and print a note.
        absent: what runs and saved models stand for that were made before there was such an option;
            the default where they are the same.
        needs: conditions on other options without which it has no effect and is refused, see
            :mod:`nlpcl.core.needs`.
    """
    bounds = {"above": above, "at_least": at_least, "below": below, "at_most": at_most}
    metadata = {
        "help": help,
        "unit": unit,
        "panel": panel,
        "bounds": bounds,
        "formerly": tuple(formerly),
        "needs": needs,
    }
    if absent is not dataclasses.MISSING:
        metadata["absent"] = absent
    return dataclasses.field(default=default, metadata=metadata)


def needing(base: type[Any], name: str, needs: Needs) -> Any:
    """A field of a base class as it is, but for what it needs here."""
    inherited = base.__dataclass_fields__[name]
    metadata = dict(inherited.metadata) | {"needs": needs}
    return dataclasses.field(default=inherited.default, metadata=metadata)


def flag(name: str) -> str:
    """``batch_size`` → ``--batch-size``."""
    return "--" + name.replace("_", "-")


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


def absent_values(options: type[Any]) -> dict[str, Any]:
    """Field → its value in runs that were made before it was there, where that is no default."""
    fields = dataclasses.fields(options)
    return {f.name: f.metadata["absent"] for f in fields if "absent" in f.metadata}


def check_fields(settings: DataclassInstance) -> None:
    """Reject values of a dataclass that are no valid choice or out of bounds.

    Raises:
        UserError: naming the flag, the bound and the value.
    """
    hints = get_type_hints(type(settings))
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        check_choice(field.name, value, hints[field.name])
        check_bounds(field.name, value, field.metadata.get("bounds", {}))


def check_choice(name: str, value: object, hint: object) -> None:
    """Reject a value that is not in a ``Literal``."""
    if get_origin(hint) is Literal and value not in get_args(hint):
        raise unknown_name("value", str(value), map(str, get_args(hint)), where=flag(name))


def check_bounds(name: str, value: object, bounds: Mapping[str, float | None]) -> None:
    """Reject a number out of bounds; NaN always is."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    tests: dict[str, Callable[[float], bool]] = {
        "above": lambda bound: value > bound,
        "at_least": lambda bound: value >= bound,
        "below": lambda bound: value < bound,
        "at_most": lambda bound: value <= bound,
    }
    if not math.isfinite(value):
        raise UserError(f"{value} is not a finite number", flag(name), "Give another value.")
    for test, bound in bounds.items():
        if bound is not None and not tests[test](bound):
            words = test.replace("_", " ")
            raise UserError(f"{value} is not {words} {bound:g}", flag(name), "Give another value.")
