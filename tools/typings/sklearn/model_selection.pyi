from collections.abc import Iterator
from typing import Any

from numpy import int64
from numpy.typing import ArrayLike, NDArray

class StratifiedKFold:
    def __init__(
        self, n_splits: int = 5, *, shuffle: bool = False, random_state: int | None = None
    ) -> None: ...
    def split(
        self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None
    ) -> Iterator[tuple[NDArray[int64], NDArray[int64]]]: ...

class StratifiedGroupKFold(StratifiedKFold): ...

def __getattr__(name: str) -> Any: ...
