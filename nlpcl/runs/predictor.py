"""The predictor: a trained model ready for inference."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nlpcl.core.errors import UserError
from nlpcl.core.renamed import with_present_names
from nlpcl.tasks.spec import TaskSpec

if TYPE_CHECKING:
    from nlpcl.nn.model import ZooModel
    from nlpcl.tasks.protocol import Notes, Task


@dataclasses.dataclass(frozen=True)
class Predictor:
    """A trained model with everything that prediction needs.

    Args:
        model: on its device.
        task: encodes and decodes.
        spec: of the task.
        precision: fp32, bf16 or fp16.
        description: where it comes from, for people.
        defaults: options of ``nlpcl predict`` that suit this model.
    """

    model: ZooModel
    task: Task
    spec: TaskSpec
    precision: str
    description: str
    defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def stream(
        self, items: Iterable[str], *, notes: Notes | None = None, **options: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield predictions one by one, in order and in constant memory.

        Args:
            items: texts, or paths of sound files.
            notes: gets what could not be done as asked.
            options: those of the task's ``nlpcl predict``, by their names in Python.

        Raises:
            UserError: the task predicts nothing, an unknown option, or an impossible value.
        """
        from nlpcl.tasks.protocol import new_notes

        if self.spec.prediction is None:
            raise UserError(f"a {self.spec.name} model predicts nothing", self.description)
        known = self.spec.prediction.options
        chosen = known(**{**self.defaults, **with_present_names(known, options)}).check()
        return self.task.stream(
            self.model,
            items,
            precision=self.precision,
            options=chosen,
            notes=new_notes() if notes is None else notes,
        )
