"""Specification of speech emotion recognition."""

from pathlib import Path

from nlpcl.data.manifest import CLIPS
from nlpcl.metrics.measures import of_classes
from nlpcl.tasks.emotion.config import EmotionConfig, RecogniseOptions
from nlpcl.tasks.spec import Builtin, Prediction, TaskSpec

SPEC = TaskSpec(
    name="emotion",
    summary="Recognise emotion in speech.",
    settings=EmotionConfig,
    input="speech",
    answers="labels",
    item="clips",
    schema=CLIPS,
    measures=of_classes("ua"),
    default_model="emotion-gru",
    eval_settings=(
        *("map_labels", "labels"),
        *("path_column", "label_column", "speaker_column", "session_column", "gender_column"),
    ),
    analyses=frozenset({"groups", "robustness"}),
    prediction=Prediction(
        noun="emotion",
        done="recognised",
        example="file.wav",
        options=RecogniseOptions,
    ),
    builtin=Builtin(
        weights=Path(__file__).parent / "builtin" / "model.safetensors",
        description="the built-in emotion model",
    ),
)
