"""Specification of text classification."""

from nlpcl.data.labelled_text import LABELLED
from nlpcl.metrics.measures import of_classes
from nlpcl.tasks.classification.config import ClassificationConfig, ClassifyOptions
from nlpcl.tasks.spec import Prediction, TaskSpec

SPEC = TaskSpec(
    name="classification",
    summary="Recognise hate speech in text.",
    settings=ClassificationConfig,
    input="text",
    answers="labels",
    item="texts",
    schema=LABELLED,
    measures=of_classes("macro_f1"),
    default_model="asrm",
    eval_settings=("unescape_html", "map_labels", "text_column", "label_column"),
    analyses=frozenset({"groups", "words", "identity"}),
    prediction=Prediction(
        noun="hate",
        done="classified",
        example="'a text' 'another text'",
        options=ClassifyOptions,
    ),
)
