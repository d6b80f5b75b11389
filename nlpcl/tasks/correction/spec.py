"""Specification of spelling correction."""

from nlpcl.data.pairs import PAIRS
from nlpcl.metrics.measures import of_spelling
from nlpcl.tasks.correction.config import BUILTIN_THRESHOLD, CorrectionConfig, CorrectOptions
from nlpcl.tasks.spec import Builtin, Prediction, TaskSpec
from nlpcl.text import BUILTIN_FOLDER, BUILTIN_WEIGHTS

SPEC = TaskSpec(
    name="correction",
    summary="Correct Chinese spelling.",
    settings=CorrectionConfig,
    input="text",
    answers="edits",
    item="sentences",
    schema=PAIRS,
    measures=of_spelling(),
    default_model="sdcl",
    eval_settings=("unescape_html", "source_column", "target_column", "ignore_de"),
    prediction=Prediction(
        noun="spelling",
        done="corrected",
        example="我想喝一背咖啡",
        options=CorrectOptions,
        wraps_encoders=True,
    ),
    builtin=Builtin(
        weights=BUILTIN_FOLDER / BUILTIN_WEIGHTS,
        description="the built-in corrector",
        options={"threshold": BUILTIN_THRESHOLD},
        form="encoder",
    ),
)
