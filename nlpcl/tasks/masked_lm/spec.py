"""Specification of masked language modelling."""

from nlpcl.data.texts import TEXTS
from nlpcl.metrics.measures import Measures
from nlpcl.tasks.masked_lm.config import MaskedLMConfig
from nlpcl.tasks.spec import TaskSpec

RESTORED = ("masked_accuracy", "replaced_accuracy", "kept_accuracy")

SPEC = TaskSpec(
    name="masked_lm",
    summary="Restore noised text.",
    settings=MaskedLMConfig,
    input="text",
    answers="none",
    item="texts",
    schema=TEXTS,
    measures=Measures(RESTORED[0], RESTORED, RESTORED),
    default_model="mlm",
    eval_settings=(
        "unescape_html",
        "text_column",
    ),
)
