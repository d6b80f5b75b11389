from typing import Any

class LogisticRegression:
    def __init__(
        self, *, C: float = 1.0, max_iter: int = 100, class_weight: str | None = None
    ) -> None: ...

def __getattr__(name: str) -> Any: ...
