from collections.abc import Sequence
from typing import Any

from numpy import bool_, float64
from numpy.typing import NDArray

def multipletests(
    pvals: Sequence[float], alpha: float = 0.05, method: str = "hs"
) -> tuple[NDArray[bool_], NDArray[float64], float, float]: ...
def __getattr__(name: str) -> Any: ...
