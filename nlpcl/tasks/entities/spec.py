"""Specification of entities."""

from pathlib import Path

from nlpcl.data.spans import SPANS
from nlpcl.metrics.measures import of_entities
from nlpcl.tasks.entities.config import EntitiesConfig, EntityOptions
from nlpcl.tasks.spec import Builtin, Prediction, TaskSpec

SPEC = TaskSpec(
    name="entities",
    summary="Find named entities in Chinese and English texts.",
    settings=EntitiesConfig,
    input="text",
    answers="entities",
    item="texts",
    schema=SPANS,
    measures=of_entities(),
    default_model="globalpointer",
    eval_settings=(
        "unescape_html",
        "text_column",
        "entities_column",
        "token_column",
        "tag_column",
        "inclusive_ends",
        "map_types",
        "flat",
    ),
    prediction=Prediction(
        noun="ner",
        done="entities found",
        example="张伟上周去了北京大学。",
        options=EntityOptions,
        formats=("conll", "brat"),
    ),
    builtin=Builtin(
        weights=Path(__file__).parent / "builtin" / "weights.safetensors",
        description="the built-in entity model",
        form="overlay",
    ),
)
