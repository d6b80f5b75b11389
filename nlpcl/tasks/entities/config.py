"""Settings common to all models that find entities; imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from nlpcl.core.config import RunConfig, option
from nlpcl.core.needs import OWN_FILE
from nlpcl.data.classes import label_map
from nlpcl.tasks.spec import PredictOptions


@dataclass(kw_only=True)
class EntitiesConfig(RunConfig):
    """Data, window and decoding settings of models that find entities."""

    task: ClassVar[str] = "entities"

    text_column: str | None = option(
        None, "Key of the text in JSON, for --data FILE", panel="Data", needs=OWN_FILE
    )
    entities_column: str | None = option(
        None, "Key of the entities in JSON", panel="Data", needs=OWN_FILE
    )
    token_column: str | None = option(
        None, "Number of the column with the tokens, from 1", panel="Data", needs=OWN_FILE
    )
    tag_column: str | None = option(
        None, "Number of the column with the tags, as BIO or BMES", panel="Data", needs=OWN_FILE
    )
    inclusive_ends: bool = option(
        False,
        "With --data FILE: the end of an entity is its last character, not the one after it",
        panel="Data",
        needs=OWN_FILE,
    )
    map_types: str = option(
        "",
        "Types to rename or merge, comma-separated OLD=NEW; OLD= leaves the entities out",
        panel="Data",
    )
    max_length: int = option(
        128,
        "Maximum length of a window; longer texts are read in several that overlap",
        panel="Encoder",
        unit="tokens",
        at_least=16,
    )
    overlap: int = option(
        32,
        "Tokens that a window shares with the one before it, half of it at most; a longer entity "
        "may lie in no window",
        panel="Encoder",
        unit="tokens",
        at_least=0,
    )
    flat: bool = option(
        False, "Of entities that overlap, keep the one with the best score", panel="Decoding"
    )
    tune_threshold: bool = option(
        False,
        "Choose the score above which a span is an entity on the dev set, for each type, instead "
        "of using 0",
        panel="Training",
    )
    pack: float = option(
        0.5,
        "Fraction of the training batches in which texts are read one behind the other, as many as "
        "fit a window; at 0 texts longer than those of training are full of wrong entities",
        panel="Training",
        at_least=0,
        at_most=1,
    )
    epochs: int = option(5, "Passes over the training data", panel="Training", at_least=1)
    batch_size: int = option(16, "Rows per forward pass", panel="Training", unit="rows", at_least=1)
    lr: float = option(5e-4, "Peak learning rate (AdamW)", panel="Training", above=0)

    def check(self) -> Self:
        """Refuse impossible values, and names of types that cannot be read."""
        super().check()
        self.data_options()
        return self

    def columns(self) -> dict[str, str]:
        """Role → key or number of a column, for those that were given."""
        roles = ("text", "entities", "token", "tag")
        named = {role: getattr(self, f"{role}_column") for role in roles}
        return {role: column for role, column in named.items() if column}

    def data_options(self) -> dict[str, Any]:
        """How the user's own files are meant, and other names of types."""
        mapping = label_map(self.map_types, "--map-types")
        return {"inclusive_ends": self.inclusive_ends, "map_types": mapping}


@dataclass(kw_only=True)
class EntityOptions(PredictOptions):
    """Options of ``nlpcl predict ner``."""

    threshold: float | None = option(
        None,
        "Score above which a span is an entity, for all types; by default as in training",
        panel="Options",
        at_least=-4,
    )
    flat: bool | None = option(
        None,
        "Of entities that overlap, keep the one with the best score; by default as in training",
        panel="Options",
    )
    on_long: Literal["windows", "error"] = option(
        "windows",
        "Texts longer than the model reads at once: read them in windows, or refuse them",
        panel="Options",
    )
    chunk_size: int = option(1024, "Texts read and predicted at once", panel="Options", at_least=1)
